"""An agent writes: replies, notes, and sending again what failed."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from hotelchat.after_commit import Job
from hotelchat.errors import BadInput, NotFound
from hotelchat.events import MessageAdded
from hotelchat.models import Concierge, Conversation, Delivery, Direction, Hotel, Message, Reason, User
from hotelchat.services import conversations, deliveries, handoffs, messages
from hotelchat.services.messages import LONGEST_TEXT
from tests.factories import Factory, told


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel()


@pytest.fixture
def marta(make: Factory, hotel: Hotel) -> User:
    return make.user(hotel, name="Marta")


@pytest.fixture
def waiting(make: Factory, hotel: Hotel) -> Conversation:
    return make.conversation(hotel)


def outgoing(session: Session) -> list[Message]:
    return list(session.exec(select(Message).where(Message.direction != Direction.IN).order_by(Message.id)))


def test_a_reply_is_queued_and_settles_the_wait(session: Session, waiting: Conversation, marta: User) -> None:
    handoffs.request(session, waiting, Reason.BOOKING)
    session.info.clear()

    message_id = messages.reply(session, waiting.id, marta.id, "  Yes, it is.\n", "draft-1")

    message = session.get_one(Message, message_id)
    assert (message.text, message.direction, message.author) == ("Yes, it is.", "out", "agent")
    assert (message.user_id, message.delivery) == (marta.id, Delivery.QUEUED)
    session.refresh(waiting)
    assert (waiting.assignee_id, waiting.concierge) == (marta.id, Concierge.PAUSED)
    assert (waiting.needs_human, waiting.needs_human_reason, waiting.waiting_since) == (False, None, None)
    assert (waiting.unread, waiting.answered_upto) == (0, waiting.last_inbound_id)
    assert (waiting.last_message_id, waiting.last_text, waiting.last_status) == (message_id, "Yes, it is.", "queued")
    added = MessageAdded(hotel_id=waiting.hotel_id, conversation_id=waiting.id, message_id=message_id)
    assert told(session) == [added, (Job.DELIVER_MESSAGES, waiting.id)]


def test_a_double_press_sends_once(session: Session, waiting: Conversation, marta: User) -> None:
    first = messages.reply(session, waiting.id, marta.id, "Yes, it is.", "draft-1")
    session.info.clear()

    assert messages.reply(session, waiting.id, marta.id, "Yes, it is.", "draft-1") == first

    assert len(outgoing(session)) == 1
    assert told(session) == []


def test_the_same_words_in_another_draft_are_another_message(
    session: Session, waiting: Conversation, marta: User
) -> None:
    for draft in ("draft-1", "draft-2"):
        messages.reply(session, waiting.id, marta.id, "Yes, it is.", draft)

    assert [m.text for m in outgoing(session)] == ["Yes, it is."] * 2


def test_a_note_stays_between_colleagues(session: Session, waiting: Conversation, marta: User) -> None:
    note = messages.add_note(session, waiting.id, marta.id, "She stayed with us in May.", "draft-1")

    assert messages.add_note(session, waiting.id, marta.id, "She stayed with us in May.", "draft-1") == note
    [message] = outgoing(session)
    assert (message.direction, message.delivery, message.user_id) == (Direction.NOTE, None, marta.id)
    session.refresh(waiting)
    assert (waiting.concierge, waiting.assignee_id, waiting.waiting_since is None) == (Concierge.ON, None, False)
    assert not any(isinstance(item, tuple) for item in told(session)), "nothing is sent"


def test_a_note_may_be_added_to_a_resolved_conversation(session: Session, waiting: Conversation, marta: User) -> None:
    conversations.resolve(session, waiting.id)
    messages.add_note(session, waiting.id, marta.id, "Sent the invoice.", "draft-1")

    assert [m.text for m in outgoing(session)] == ["Sent the invoice."]


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00", " \x00 "])
def test_nothing_to_say_is_not_sent(session: Session, waiting: Conversation, marta: User, text: str) -> None:
    with pytest.raises(BadInput, match="Write a message first"):
        messages.reply(session, waiting.id, marta.id, text, "draft-1")
    with pytest.raises(BadInput, match="Write a message first"):
        messages.add_note(session, waiting.id, marta.id, text, "draft-2")


def test_a_text_longer_than_whatsapp_takes_is_refused_with_its_length(
    session: Session, waiting: Conversation, marta: User
) -> None:
    longest = "é" * LONGEST_TEXT
    messages.reply(session, waiting.id, marta.id, longest, "draft-1")

    with pytest.raises(BadInput, match="1600 characters at most; this has 1601"):
        messages.reply(session, waiting.id, marta.id, longest + "!", "draft-2")


@pytest.mark.parametrize("text", ["Café \U0001f334 – ¿qué tal?", "before\x00after", "*bold* 'quoted' \\ %s"])
def test_whatever_an_agent_types_is_stored(session: Session, waiting: Conversation, marta: User, text: str) -> None:
    messages.reply(session, waiting.id, marta.id, text, "draft-1")

    assert [m.text for m in outgoing(session)] == [text.replace("\x00", "")]


def test_a_reply_to_a_conversation_that_is_not_there(session: Session, marta: User) -> None:
    with pytest.raises(NotFound):
        messages.reply(session, 2**31 - 1, marta.id, "Hello", "draft-1")


def test_a_failed_message_is_queued_again_when_the_agent_asks(
    session: Session, make: Factory, waiting: Conversation
) -> None:
    failed = make.outgoing(waiting, delivery=Delivery.FAILED, error_code=63016, provider_id="SM1", attempts=5)
    waiting.last_message_id, waiting.last_status = failed.id, "failed"
    session.flush()

    deliveries.retry(session, failed.id)

    session.expire_all()
    assert (failed.delivery, failed.error_code, failed.provider_id, failed.attempts) == (Delivery.QUEUED, None, None, 0)
    assert waiting.last_status == "queued"
    assert (Job.DELIVER_MESSAGES, waiting.id) in told(session)


@pytest.mark.parametrize("delivery", [d for d in Delivery if d is not Delivery.FAILED])
def test_only_what_failed_is_sent_again(
    session: Session, make: Factory, waiting: Conversation, delivery: Delivery
) -> None:
    message = make.outgoing(waiting, delivery=delivery, provider_id="SM1")

    deliveries.retry(session, message.id)

    session.refresh(message)
    assert (message.delivery, message.provider_id) == (delivery, "SM1")
    assert told(session) == []
