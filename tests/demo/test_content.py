"""The sample hotel is one hotel: its articles, people and conversations agree."""

import re
from collections import Counter

from hotelchat.concierge.language import detect_language
from hotelchat.demo import content

REASONS = {"asked_for_person", "complaint", "not_in_knowledge", "booking", "emergency", "guest_waiting"}
UNASSIGNED = re.compile(
    r"\+34600000\d{3}|\+447700900\d{3}|\+1\d{3}55501\d{2}|\+4917604069\d{3}|\+336399800\d{2}"
)  # fictional in Spain (ours), with Ofcom, NANPA, Bundesnetzagentur, ARCEP
WINDOW = 24 * 60  # minutes: WhatsApp's service window


def figures(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d+(?:[.:]\d+)?", text.replace(",", ".")))


def test_both_languages_cover_the_same_topics_with_the_same_figures() -> None:
    articles = content.load_articles()
    by_topic = {language: {a.topic: a for a in articles if a.language == language} for language in content.LANGUAGES}
    assert by_topic["en"].keys() == by_topic["es"].keys()
    assert len(by_topic["en"]) >= 28
    for topic, english in by_topic["en"].items():
        assert figures(english.body) == figures(by_topic["es"][topic].body), topic


def test_articles_are_short_and_in_their_language() -> None:
    for article in content.load_articles():
        sentences = re.split(r"(?<=[.!?])\s+", article.body)
        assert 2 <= len(sentences) <= 6, article.title
        assert detect_language(article.body) == article.language, article.title


def test_the_history_is_a_busy_week() -> None:
    history = content.load_history()
    messages = [m for c in history for m in c.messages]
    assert 22 <= len(history) <= 28
    assert 140 <= len(messages) <= 180
    assert max(m.minutes_ago for m in messages) <= 7 * 24 * 60
    waiting = [c for c in history if c.needs_human and c.status == "open"]
    assert len(waiting) >= 6
    assert all(c.messages[-1].minutes_ago <= 25 for c in waiting)
    assert {c.needs_human for c in waiting} == REASONS
    assert sum(c.concierge == "on" and c.status == "open" for c in history) >= 6
    assert sum(c.status == "resolved" for c in history) >= 5
    assert {m.kind for m in messages} == {"text", "image", "audio", "location"}


def test_every_key_in_the_history_resolves() -> None:
    team = {member.key for member in content.load_people().team}
    history = content.load_history()
    assert len({c.guest.key for c in history}) == len(history)
    for conversation in history:
        assert conversation.assignee is None or conversation.assignee in team
        assert conversation.status in {"open", "resolved"}
        assert conversation.concierge in {"on", "paused", "off"}
        assert conversation.needs_human is None or conversation.concierge != "on"
        assert not conversation.needs_human or conversation.status == "open"
        if any(m.author == "agent" for m in conversation.messages):
            assert conversation.assignee, conversation.guest.key


def test_each_message_is_one_that_could_have_happened() -> None:
    for conversation in content.load_history():
        times = [m.minutes_ago for m in conversation.messages]
        assert times == sorted(times, reverse=True), conversation.guest.key
        assert conversation.messages[0].author == "guest"
        last_guest = 0
        for message in conversation.messages:
            outgoing = message.author in {"agent", "ai"} and not message.note
            assert (message.status is not None) == outgoing
            assert (message.error_code is not None) == (message.status == "failed")
            assert message.text or message.kind != "text"
            assert message.note or message.author != "system"
            if message.author == "guest":
                last_guest = message.minutes_ago
            elif outgoing:
                closed = last_guest - message.minutes_ago > WINDOW
                assert closed == (message.error_code == 63016), conversation.guest.key


def test_guests_write_the_language_that_is_noted() -> None:
    for conversation in content.load_history():
        words = "\n".join(m.text for m in conversation.messages if m.author == "guest")
        assert detect_language(words) == conversation.language == conversation.guest.language


def test_nobody_real_can_be_reached() -> None:
    people = content.load_people()
    phones = [c.guest.phone for c in content.load_history()] + [guest.phone for guest in people.phone_guests]
    assert len(set(phones)) == len(phones)
    assert all(UNASSIGNED.fullmatch(phone) for phone in [*phones, people.hotel.whatsapp_number])
    assert all(member.email.endswith("@lanternbay.example") for member in people.team)


def test_a_manager_three_agents_and_four_guests_to_play() -> None:
    people = content.load_people()
    assert Counter(member.role for member in people.team) == {"manager": 1, "agent": 3}
    assert len(people.phone_guests) == 4
    assert people.hotel.time_zone == "Atlantic/Canary"
    for guest in people.phone_guests:
        assert 3 <= len(guest.first_messages) <= 4
        assert all(detect_language(text, default=guest.language) == guest.language for text in guest.first_messages)
