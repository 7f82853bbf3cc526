"""Guests write in their language; the hotel notices."""

import pytest

from hotelchat.concierge.language import detect_language, fold

MESSAGES = [
    ("en", "What time is breakfast?"),
    ("en", "Is there parking at the hotel?"),
    ("en", "we'd like two more towels please"),
    ("es", "¿A qué hora es el desayuno?"),
    ("es", "hola, cuanto cuesta el parking"),
    ("es", "Desayuno?"),
    ("es", "muchas gracias"),
    ("de", "Wann gibt es Frühstück?"),
    ("de", "Koennen wir spaeter auschecken?"),
    ("de", "vielen Dank!"),
    ("de", "Handtücher?"),
    ("fr", "À quelle heure est le petit-déjeuner ?"),
    ("fr", "bonjour, y a t'il une piscine chauffée"),
    ("fr", "merci beaucoup"),
    ("it", "A che ora è la colazione?"),
    ("it", "Buongiorno, avete una culla?"),
    ("it", "grazie mille"),
    ("pt", "A que horas é o café da manhã?"),
    ("pt", "Olá, o hotel aceita cães?"),
    ("pt", "muito obrigado"),
    ("nl", "Hoe laat is het ontbijt?"),
    ("nl", "hebben jullie een kinderbedje voor ons"),
    ("nl", "bedankt!"),
    ("pl", "O której jest śniadanie?"),
    ("pl", "czy mozemy przyjechac z psem"),
    ("pl", "dziękuję"),
    ("uk", "О котрій сніданок?"),
    ("uk", "Дякую!"),
    ("ru", "Во сколько завтрак?"),
    ("ru", "спасибо большое"),
    ("ja", "朝食は何時からですか？"),
    ("ja", "Wi-Fiのパスワードは？"),
    ("zh", "早餐几点开始？"),
    ("zh", "谢谢"),
    ("ar", "متى يبدأ الفطور؟"),
    ("ko", "조식은 몇 시부터인가요?"),
    ("el", "Τι ώρα είναι το πρωινό;"),
    ("he", "מתי ארוחת הבוקר?"),
    ("th", "อาหารเช้ากี่โมง"),
]


@pytest.mark.parametrize(("language", "text"), MESSAGES)
def test_a_message_tells_its_language(language: str, text: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "ok", "👍", "204", "no", "https://example.com/de/und/das", "Taxi", "a@b.example"])
def test_a_message_that_tells_nothing_keeps_the_language_so_far(text: str) -> None:
    assert detect_language(text, default="it") == "it"


def test_ukrainian_stays_ukrainian_where_the_letters_are_shared() -> None:
    assert detect_language("так", default="uk") == "uk"


def test_folding_meets_what_guests_leave_out() -> None:
    assert fold("Habitación") == "habitacion"
    assert fold("Straße ŁÓŻKO") == "strasse lozko"
    assert fold("プール") == "プール"
    assert fold("أريد") == fold("اريد")
