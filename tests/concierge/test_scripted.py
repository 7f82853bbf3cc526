"""The stand-in concierge answers from the articles it is given, and from nothing else."""

import json
from html import escape
from typing import Any

import pytest

from hotelchat.concierge.scripted import HandOver, decide, reply_to
from hotelchat.demo import content

from .retrieval_cases import ANSWERED, NOT_ANSWERED

HAND_OVER = {"type": "function", "function": {"name": "hand_over", "parameters": {"type": "object"}}}
LIBRARY = [
    ("Opening hours", "en", "The reading room opens at 8:30. It closes at 21:15, and on Saturdays at 13:00."),
    ("Library card", "en", "A card costs 11 CHF a year. Pupils get it free. Bring an identity document."),
    ("Overdue books & fines", "en", "A late book costs 0.40 CHF a day. After 60 days you pay for the book."),
    ("Carnet de bibliothèque", "fr", "La carte coûte 11 CHF par an. Les élèves la reçoivent gratuitement."),
    ("Lesesaal", "de", "Der Lesesaal öffnet um 8:30 Uhr. Laptops sind erlaubt, Telefonieren nicht."),
]


def prompt_of(articles: list[tuple[str, str, str]]) -> dict[str, str]:
    blocks = [
        f'<article title="{escape(title)}" language="{language}">\n{body}\n</article>'
        for title, language, body in articles
    ]
    return {
        "role": "system",
        "content": "Be kind.\n\nArticles:\n" + "\n".join(blocks) + "\n\nIt is now Monday.",
    }


HOTEL_PROMPT = prompt_of([(a.title, a.language, a.body) for a in content.load_articles()])


def ask(*guest: str, prompt: dict[str, str] = HOTEL_PROMPT, before: tuple[tuple[str, str], ...] = ()) -> str | HandOver:
    turns = [{"role": role, "content": text} for role, text in before]
    return decide([prompt, *turns, *({"role": "user", "content": text} for text in guest)])


def handed_over(answer: str | HandOver) -> HandOver:
    assert isinstance(answer, HandOver), answer
    return answer


def test_at_least_nine_of_ten_questions_are_answered_from_the_right_article() -> None:
    missed = [q for q, words in ANSWERED if not isinstance(answer := ask(q), str) or words not in answer]
    assert len(ANSWERED) >= 40
    assert len(missed) <= len(ANSWERED) / 10, missed


@pytest.mark.parametrize("question", NOT_ANSWERED)
def test_a_question_that_no_article_answers_is_handed_over(question: str) -> None:
    assert handed_over(ask(question)).reason == "not_in_knowledge"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("When does the reading room close?", "closes at 21:15"),
        ("How much is a library card?", "11 CHF"),
        ("my book is late, what does it cost", "0.40 CHF a day"),
        ("Combien coûte la carte ?", "11 CHF par an"),
        ("Sind Laptops im Lesesaal erlaubt?", "Laptops sind erlaubt"),
    ],
)
def test_it_serves_a_library_as_well_as_a_hotel(question: str, words: str) -> None:
    answer = ask(question, prompt=prompt_of(LIBRARY))
    assert isinstance(answer, str)
    assert words in answer


def test_it_knows_nothing_without_articles() -> None:
    assert handed_over(ask("What time is breakfast?", prompt=prompt_of([]))).reason == "not_in_knowledge"
    assert handed_over(ask("What time is breakfast?", prompt=prompt_of(LIBRARY))).reason == "not_in_knowledge"


def test_an_article_saved_a_second_ago_is_used_by_the_next_answer() -> None:
    question = "Is there a charger for electric cars?"
    assert handed_over(ask(question)).reason == "not_in_knowledge"
    said = "Two chargers for electric cars stand by the gate."
    fresh = f'<article title="Electric cars" language="en">\n{said}\n</article>'
    prompt = {"role": "system", "content": HOTEL_PROMPT["content"] + fresh}
    assert ask(question, prompt=prompt) == said


def test_the_answer_quotes_the_article_and_adds_nothing() -> None:
    body = next(a.body for a in content.load_articles() if a.topic == "pets" and a.language == "en")
    answer = ask("Can we bring our dog?")
    assert isinstance(answer, str)
    assert all(sentence.strip(". ") in body for sentence in answer.split(". "))


def test_articles_in_the_language_of_the_guest_come_first() -> None:
    answer = ask("¿El Wi-Fi es gratis?")
    assert isinstance(answer, str)
    assert "en todo el hotel" in answer


def test_another_language_is_answered_only_through_a_word_that_is_the_same() -> None:
    answer = ask("Gibt es im Hotel eine Sauna?")
    assert isinstance(answer, str)
    assert "15 EUR" in answer
    assert handed_over(ask("Wann gibt es Frühstück?")).message_to_guest.startswith("Ich gebe das")


def test_two_questions_are_both_answered() -> None:
    answer = ask("What time is breakfast?", "and how much is parking?")
    assert isinstance(answer, str)
    assert "7:00 to 10:30" in answer
    assert "12 EUR a day" in answer
    assert ask("What time is breakfast and how much is parking?") == answer


def test_what_is_known_is_told_even_where_a_part_goes_to_people() -> None:
    told = handed_over(ask("What time is breakfast? And do you have bikes?"))
    assert told.reason == "not_in_knowledge"
    assert "7:00 to 10:30" in told.message_to_guest
    assert told.message_to_guest.endswith("shortly.")


def test_what_was_answered_before_is_not_answered_again() -> None:
    before = (("user", "What time is breakfast?"), ("assistant", "From 7:00 to 10:30."))
    answer = ask("Is there a gym?", before=before)
    assert isinstance(answer, str)
    assert "7:00" not in answer


def test_a_short_question_leans_on_the_one_before() -> None:
    before = (("user", "What time is breakfast?"), ("assistant", "From 7:00 to 10:30."))
    answer = ask("And on Sundays?", before=before)
    assert isinstance(answer, str)
    assert "Sundays until 11:30" in answer
    assert handed_over(ask("And is there a casino?", before=before)).reason == "not_in_knowledge"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Could I speak to someone, please?", "en"),
        ("¿Puedo hablar con una persona?", "es"),
        ("Kann ich mit jemandem sprechen?", "de"),
        ("Je voudrais parler à quelqu'un", "fr"),
        ("Vorrei parlare con una persona", "it"),
        ("Posso falar com alguém?", "pt"),
        ("Kan ik iemand spreken?", "nl"),
        ("Chcę porozmawiać z kimś", "pl"),
        ("Хочу поговорити з людиною", "uk"),
        ("Хочу поговорить с человеком", "ru"),
        ("スタッフの方とお話しできますか？", "ja"),
        ("我想跟前台的人说话", "zh"),
        ("أريد التحدث مع شخص", "ar"),
    ],
)
def test_who_asks_for_a_person_gets_one_and_is_told_in_their_language(text: str, language: str) -> None:
    told = handed_over(ask(text))
    assert told.reason == "asked_for_person"
    assert f"({language})" in told.summary
    assert told.message_to_guest == handed_over(ask(text, prompt=prompt_of(LIBRARY))).message_to_guest
    assert (told.message_to_guest.startswith("I am passing")) == (language == "en")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The air conditioning is not working", "complaint"),
        ("Sigue sin enfriar. ¿Puede venir alguien, por favor?", "complaint"),
        ("Die Dusche ist kaputt", "complaint"),
        ("シャワーが壊れています", "complaint"),
        ("Кондиціонер не працює", "complaint"),
        ("My husband is unconscious!", "emergency"),
        ("救急車を呼んでください", "emergency"),
        ("I'd like to book a table for four tonight", "booking"),
        ("Quisiera reservar un masaje", "booking"),
        ("Чи можна замовити трансфер на 6:00?", "booking"),
    ],
)
def test_some_messages_go_to_people_whatever_the_articles_say(text: str, reason: str) -> None:
    assert handed_over(ask(text)).reason == reason


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Hello!", "Hello! How can I help you?"),
        ("¡Muchas gracias!", "¡Con mucho gusto!"),
        ("ありがとうございます", "どういたしまして。"),
        ("Auf Wiedersehen", "Auf Wiedersehen, alles Gute!"),
        ("👍", "You are welcome!"),
    ],
)
def test_small_talk_is_answered_politely(text: str, reply: str) -> None:
    assert ask(text) == reply


def test_thanks_after_a_spanish_conversation_are_answered_in_spanish() -> None:
    assert ask("ok 👍", before=(("user", "¿Hay gimnasio?"), ("assistant", "Sí."))) == "¡Con mucho gusto!"


def test_a_photo_without_words_is_for_people() -> None:
    assert handed_over(ask("[Photo] ")).reason == "not_in_knowledge"
    assert isinstance(ask("[Photo] is the gym open on sundays"), str)


@pytest.mark.parametrize(
    "text", ["", "   ", "?", "[empty message]", "…", "\n\n", "(((", "<article>", "1" * 5000, "a " * 3000]
)
def test_odd_messages_never_break_it_nor_leave_it_without_words(text: str) -> None:
    answer = ask(text)
    assert answer if isinstance(answer, str) else answer.message_to_guest


def test_the_assistant_message_is_a_tool_call_with_json_arguments() -> None:
    request: dict[str, Any] = {
        "messages": [
            HOTEL_PROMPT,
            {"role": "user", "content": [{"type": "text", "text": "Is there a casino?"}]},
        ],
        "tools": [HAND_OVER],
    }
    message = reply_to(request)
    call = message["tool_calls"][0]
    assert message["content"] is None
    assert call["function"]["name"] == "hand_over"
    assert json.loads(call["function"]["arguments"])["reason"] == "not_in_knowledge"
    assert "tool_calls" not in reply_to({**request, "tools": []})
    assert "tool_calls" not in reply_to({**request, "tool_choice": "none"})
