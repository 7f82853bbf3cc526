"""A message whose fate is unknown: held, looked up, and only then sent again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from hotelchat.channels.port import Accepted, Unsure
from hotelchat.models import Conversation, Delivery, GuestIdentity, Hotel, IdentityKind, Message
from hotelchat.services import answers, deliveries
from tests.factories import ACCOUNT, ANA, Factory, status


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel()


@pytest.fixture
def conversation(make: Factory, hotel: Hotel) -> Conversation:
    return make.conversation(hotel, make.guest(hotel, number=ANA))


def state(session: Session, message: Message) -> Delivery | None:
    session.flush()
    session.refresh(message)
    return message.delivery


def later(session: Session, seconds: float) -> None:
    """Time passes for the messages."""
    session.flush()
    moved = {
        name: getattr(Message, name) - timedelta(seconds=seconds)
        for name in ("sending_until", "claimed_at", "created_at")
    }
    session.execute(sa.update(Message).values(**moved))
    session.expire_all()


def in_doubt(session: Session, make: Factory, conversation: Conversation) -> Message:
    """Sent perhaps: the answer never came."""
    message = make.outgoing(conversation, "Yes, it is.")
    deliveries.claim(session, conversation.id)
    deliveries.record(session, message.id, Unsure())
    return message


def who_died(session: Session, make: Factory, conversation: Conversation) -> Message:
    """Its sender died between the channel's acceptance and our commit."""
    message = make.outgoing(conversation, "Yes, it is.")
    deliveries.claim(session, conversation.id)
    later(session, deliveries.CLAIM.total_seconds() + 1)
    assert deliveries.doubtful(session, conversation.id) is None, "a callback may settle it first"
    assert state(session, message) is Delivery.UNKNOWN
    return message


@pytest.mark.parametrize("how", [in_doubt, who_died])
def test_a_doubtful_message_holds_back_the_next_and_is_looked_up_after_a_while(
    session: Session,
    make: Factory,
    conversation: Conversation,
    how: Callable[[Session, Factory, Conversation], Message],
) -> None:
    message = how(session, make, conversation)
    make.outgoing(conversation, "the next")

    assert deliveries.doubtful(session, conversation.id) is None
    assert deliveries.claim(session, conversation.id) is None
    later(session, deliveries.LOOK_UP_AFTER.total_seconds() + 1)
    assert answers.unsent(session) == [conversation.id]
    assert deliveries.doubtful(session, conversation.id).message_id == message.id
    assert deliveries.doubtful(session, conversation.id) is None, "one looks it up at a time"


def test_found_at_the_provider_it_was_sent(session: Session, make: Factory, conversation: Conversation) -> None:
    message = in_doubt(session, make, conversation)

    deliveries.record(session, message.id, Accepted(ACCOUNT, "SMfound", Delivery.DELIVERED))

    assert state(session, message) is Delivery.DELIVERED
    assert deliveries.known_ids(session, conversation.id) == {"SMfound"}


def test_not_found_it_is_sent_once_more_and_in_the_end_it_has_failed(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    message = in_doubt(session, make, conversation)
    for _ in range(deliveries.MOST_ATTEMPTS - 1):
        deliveries.queue_again(session, message.id)
        assert deliveries.claim(session, conversation.id).message_id == message.id
        deliveries.record(session, message.id, Unsure())
    deliveries.queue_again(session, message.id)

    assert state(session, message) is Delivery.FAILED


def test_a_callback_while_it_was_looked_up_settles_it(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    message = in_doubt(session, make, conversation)
    deliveries.record_status(session, status(message.id, "sent"))

    deliveries.queue_again(session, message.id)

    assert state(session, message) is Delivery.SENT
    assert deliveries.claim(session, conversation.id) is None


def test_a_doubt_that_cannot_be_settled_does_not_hold_the_others_for_ever(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    in_doubt(session, make, conversation)
    make.outgoing(conversation, "the next")
    later(session, deliveries.HOLDS_BACK.total_seconds() + 1)

    assert deliveries.claim(session, conversation.id).text == "the next"


def test_a_guest_without_a_phone_number_is_written_to_by_user_id(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    session.execute(sa.update(GuestIdentity).values(kind=IdentityKind.WHATSAPP_USER, value="ES.abc123"))
    make.outgoing(conversation)

    assert deliveries.claim(session, conversation.id).to == "ES.abc123"
