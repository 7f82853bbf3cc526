"""A question is made of the thread and of what the hotel knows about it, however much that is."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import clock
from hotelchat.concierge import prompt
from hotelchat.models import Author, Conversation, Delivery, Direction, Guest, Hotel, KnowledgeArticle
from hotelchat.queries import knowledge
from hotelchat.services import questions
from tests.factories import Factory

EN = [
    ("Breakfast times", "Breakfast is served from 7:00 to 10:30 in the Palm restaurant."),
    ("Parking", "The garage costs 12 EUR a day; spaces cannot be reserved."),
    ("Dogs and cats", "Pets up to 15 kg are welcome for 10 EUR a night."),
    ("Late check-out", "You may keep your room until 14:00 for 40 EUR."),
    ("Airport shuttle", "The shuttle from the airport costs 38 EUR for up to four people."),
    ("Wheelchair access", "Step-free rooms stand on the ground floor."),
    ("Tourist tax", "Adults pay 2 EUR of tourist tax a night."),
]
ES = [
    ("Horario de la piscina", "La piscina abre de 7:00 a 22:00."),
    ("Cunas para bebés", "La cuna es gratis; pídala en recepción."),
    ("Clases de surf", "Una clase de surf cuesta 45 EUR."),
]
ASKED = [
    ("what time do you serve breakfast?", "Breakfast times"), ("how much is the garage for my car", "Parking"),
    ("Can we bring our dogs?", "Dogs and cats"), ("we would like to check out late on Sunday", "Late check-out"),
    ("is there a shuttle from the airport?", "Airport shuttle"), ("my mother uses a wheelchair", "Wheelchair access"),
    ("do children pay tourist tax?", "Tourist tax"), ("¿A qué hora abre la piscina?", "Horario de la piscina"),
    ("necesitamos una cuna para el bebe", "Cunas para bebés"), ("quiero hacer surf", "Clases de surf"),
]  # fmt: skip


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel(language="en")


@pytest.fixture
def large(session: Session, make: Factory, hotel: Hotel) -> Hotel:
    """A hotel with 2,000 articles, most about rooms and restaurants, half of them in Spanish."""
    filler = """
        INSERT INTO knowledge_article (hotel_id, language, title, body)
        SELECT :hotel, CASE WHEN n % 2 = 0 THEN 'en' ELSE 'es' END,
            CASE WHEN n % 2 = 0 THEN 'Room ' || n ELSE 'Habitación ' || n END,
            CASE WHEN n % 2 = 0
                THEN 'Room ' || n || ' of our hotel has a view of garden ' || n % 40 || ', a minibar and a desk. '
                ELSE 'La habitación ' || n || ' del hotel tiene vistas al jardín ' || n % 40 || ' y escritorio. ' END
            || repeat('Please ask at reception. Pregunte en recepción. ', 4)
        FROM generate_series(1, 1990) n"""
    session.execute(sa.text(filler), {"hotel": hotel.id})
    for language, articles in (("en", EN), ("es", ES)):
        for title, body in articles:
            make.article(hotel, title, body, language=language)
    return hotel


def test_in_a_small_hotel_the_concierge_reads_everything(session: Session, make: Factory, hotel: Hotel) -> None:
    for title, body in EN:
        make.article(hotel, title, body)
    make.article(hotel, "Draft", "Not told yet.", status="draft")
    make.article(make.hotel(), "Elsewhere", "Of another hotel.")

    found = questions.fitting_articles(session, hotel.id, "nothing of this")

    assert sorted(article.title for article in found) == sorted(title for title, _ in EN)


def test_among_two_thousand_articles_the_right_one_is_found(session: Session, large: Hotel) -> None:
    assert knowledge.size(session, large.id) > 2 * prompt.KNOWLEDGE_TOKENS
    missed = []
    for question, title in ASKED:
        found = [article.title for article in questions.fitting_articles(session, large.id, question)]
        assert 0 < len(found) <= questions.MOST_ARTICLES
        if title not in found[:3]:
            missed.append((question, found[:3]))

    assert missed == []


def test_what_is_found_fits_the_budget(session: Session, large: Hotel) -> None:
    session.execute(sa.update(KnowledgeArticle).values(body=KnowledgeArticle.body + " room" * 1500))

    found = questions.fitting_articles(session, large.id, "which room has a minibar")

    assert found
    assert sum(prompt.tokens(article.title + article.body) for article in found) <= prompt.KNOWLEDGE_TOKENS


@pytest.mark.parametrize(
    "words", ["", "???", "the of and", "'; DROP TABLE guest; --", "a" * 5000, "\\ % _ & | ! ( )", "🌴"]
)
def test_a_search_never_fails_on_what_guests_type(session: Session, large: Hotel, words: str) -> None:
    assert isinstance(questions.fitting_articles(session, large.id, words), list)


def test_accents_and_endings_do_not_matter(session: Session, large: Hotel) -> None:
    for words in ("PISCINAS", "píscina", "la piscina?"):
        assert knowledge.best(session, large.id, words)[0].title == "Horario de la piscina"


# What is asked


def ask(session: Session, conversation: Conversation) -> questions.Question:
    session.flush()
    found = questions.of(session, conversation.id)
    assert found is not None
    return found


def test_a_question_covers_everything_since_the_last_answer(session: Session, make: Factory, hotel: Hotel) -> None:
    conversation = make.conversation(hotel, says=("Hello",))
    conversation.answered_upto = conversation.last_inbound_id
    make.outgoing(conversation, "Good morning!", author=Author.AI, delivery=Delivery.SENT)
    make.message(conversation, "A colleague's note", direction=Direction.NOTE, author=Author.AGENT)
    make.message(conversation, "A line", direction=Direction.NOTE, author=Author.SYSTEM)
    make.message(conversation, "Is breakfast included?")
    newest = make.message(conversation, "For two?")

    question = ask(session, conversation)

    assert [turn.text for turn in question.turns] == ["Hello", "Good morning!", "Is breakfast included?", "For two?"]
    assert question.upto == newest.id
    assert (question.hotel.name, question.guest_name) == (hotel.name, "Ana")
    assert abs(question.asked_at - clock.now()) < timedelta(seconds=5)


def test_a_message_that_came_while_the_last_answer_was_made_stands_after_it(
    session: Session, make: Factory, hotel: Hotel
) -> None:
    conversation = make.conversation(hotel, says=("When is breakfast?",))
    conversation.answered_upto = conversation.last_inbound_id
    make.message(conversation, "And is it included?")
    make.outgoing(conversation, "From 7:00.", author=Author.AI)

    question = ask(session, conversation)

    assert [turn.text for turn in question.turns] == ["When is breakfast?", "From 7:00.", "And is it included?"]


def test_where_all_is_answered_nothing_is_asked(session: Session, make: Factory, hotel: Hotel) -> None:
    conversation = make.conversation(hotel)
    conversation.answered_upto = conversation.last_inbound_id
    session.flush()

    assert questions.of(session, conversation.id) is None
    assert questions.of(session, 2**31 - 1) is None


def test_many_notes_do_not_hide_what_the_guest_asked(session: Session, make: Factory, hotel: Hotel) -> None:
    conversation = make.conversation(hotel, says=("Is breakfast included?",))
    for number in range(prompt.TURNS + 1):
        make.message(conversation, f"note {number}", direction=Direction.NOTE, author=Author.AGENT)

    assert ask(session, conversation).turns[-1].text == "Is breakfast included?"


@pytest.mark.parametrize(
    ("says", "known", "expected"),
    [
        ("¿A qué hora es el desayuno?", None, "es"), ("Wann gibt es Frühstück?", "es", "de"), ("ok", "es", "es"),
        ("ok", None, "en"), ("👍", "de", "de"),
    ],
)  # fmt: skip
def test_the_language_is_the_guests(
    session: Session, make: Factory, hotel: Hotel, says: str, known: str | None, expected: str
) -> None:
    guest = make.guest(hotel)
    guest.language = known
    question = ask(session, make.conversation(hotel, guest, says=(says,)))

    assert question.language == expected
    session.expire_all()
    assert session.get_one(Guest, guest.id).language == expected


def test_a_follow_up_is_searched_together_with_its_subject(session: Session, make: Factory, large: Hotel) -> None:
    conversation = make.conversation(large, says=("How much is a surf class? Quiero hacer surf",))
    conversation.answered_upto = conversation.last_inbound_id
    make.message(conversation, "and for the kids?")

    assert "Clases de surf" in [article.title for article in ask(session, conversation).articles]


def test_the_last_word_decides_whether_the_guest_wants_to_be_left_alone(
    session: Session, make: Factory, hotel: Hotel
) -> None:
    assert questions.is_opt_out(ask(session, make.conversation(hotel, says=("Hello", "STOP"))))
    assert not questions.is_opt_out(ask(session, make.conversation(hotel, says=("STOP", "Is breakfast included?"))))
