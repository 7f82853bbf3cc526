"""What is sent, in which order, and what became of it: forward only, and never twice blindly."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from hotelchat import clock
from hotelchat.channels.port import Accepted, Outcome, Refused, TryLater, Unsure
from hotelchat.db import transaction
from hotelchat.events import DeliveryChanged
from hotelchat.models import Conversation, Delivery, Hotel, Message, MessageEvent
from hotelchat.services import answers, deliveries
from tests.factories import ACCOUNT, ANA, OURS, Factory, status, told

SENT = Accepted(ACCOUNT, "SMsent")


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


def test_messages_go_out_one_after_the_other_in_their_order(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    texts = ["one", "two", "three"]
    for text in texts:
        make.outgoing(conversation, text)
    sent = []
    while outbound := deliveries.claim(session, conversation.id):
        assert deliveries.claim(session, conversation.id) is None, "one at a time"
        sent.append(outbound)
        deliveries.record(session, outbound.message_id, Accepted(ACCOUNT, f"SM{outbound.message_id}"))

    assert [outbound.text for outbound in sent] == texts
    assert {(outbound.to, outbound.sender, outbound.attempts) for outbound in sent} == {(ANA, OURS, 1)}


def test_they_stay_in_order_however_long_they_have_waited(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    """The channel was away for an hour; now two workers come at once."""
    for text in ("one", "two"):
        make.outgoing(conversation, text, created_at=clock.now() - timedelta(hours=1))

    assert deliveries.claim(session, conversation.id).text == "one"
    assert deliveries.claim(session, conversation.id) is None, "the first is still on its way"


def test_of_two_workers_one_claims(database: sa.Engine) -> None:
    with transaction() as session:
        make = Factory(session)
        conversations = [make.conversation(make.hotel()) for _ in range(10)]
        for conversation in conversations:
            make.outgoing(conversation)

    def claim_all(gate: threading.Barrier) -> list[bool]:
        gate.wait(5)
        claimed = []
        for conversation in conversations:
            with transaction() as session:
                claimed.append(deliveries.claim(session, conversation.id) is not None)
        return claimed

    gate = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        one, two = (threads.submit(claim_all, gate) for _ in range(2))
        assert [a + b for a, b in zip(one.result(), two.result(), strict=True)] == [1] * 10


@pytest.mark.parametrize(
    ("outcome", "expected", "code"),
    [
        (SENT, Delivery.SENT, None),
        (Refused(63016), Delivery.FAILED, 63016),
        (Refused(None), Delivery.FAILED, None),
        (TryLater(4, 20429), Delivery.QUEUED, 20429),
        (Unsure(), Delivery.UNKNOWN, None),
    ],
)
def test_what_the_channel_said_is_recorded_and_shown(
    session: Session, make: Factory, conversation: Conversation, outcome: Outcome, expected: Delivery, code: int | None
) -> None:
    message = make.outgoing(conversation)
    conversation.last_message_id = message.id
    deliveries.claim(session, conversation.id)
    session.info.clear()

    deliveries.record(session, message.id, outcome)

    assert state(session, message) is expected
    assert message.error_code == code
    session.refresh(conversation)
    assert conversation.last_status == expected.value
    changed = DeliveryChanged(hotel_id=conversation.hotel_id, conversation_id=conversation.id, message_id=message.id)
    assert told(session) == [changed]


def test_what_was_accepted_has_its_id_and_its_time(session: Session, make: Factory, conversation: Conversation) -> None:
    message = make.outgoing(conversation)
    deliveries.claim(session, conversation.id)
    deliveries.record(session, message.id, SENT)

    assert state(session, message) is Delivery.SENT
    assert (message.account, message.provider_id) == (ACCOUNT, "SMsent")
    assert message.sent_at is not None


def test_what_is_to_be_tried_later_waits_so_long_and_keeps_its_place(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    make.outgoing(conversation, "one"), make.outgoing(conversation, "two")
    first = deliveries.claim(session, conversation.id)
    deliveries.record(session, first.message_id, TryLater(8, 20429))

    assert deliveries.claim(session, conversation.id) is None
    later(session, 9)
    assert answers.unsent(session) == [conversation.id]
    again = deliveries.claim(session, conversation.id)
    assert (again.text, again.attempts) == ("one", 2)


def test_after_some_attempts_it_has_failed(session: Session, make: Factory, conversation: Conversation) -> None:
    message = make.outgoing(conversation)
    for _ in range(deliveries.MOST_ATTEMPTS):
        assert deliveries.claim(session, conversation.id) is not None
        deliveries.record(session, message.id, TryLater(0, 63018))
        later(session, 1)

    assert state(session, message) is Delivery.FAILED
    assert message.error_code == 63018
    assert deliveries.claim(session, conversation.id) is None


def end_of(words: tuple[str, ...]) -> Delivery:
    """What a guest's phone knows in the end: read, else delivered, else that it failed."""
    for word, delivery in (("read", Delivery.READ), ("delivered", Delivery.DELIVERED)):
        if word in words:
            return delivery
    return Delivery.FAILED if {"failed", "undelivered"} & set(words) else Delivery.SENT


STORIES = [
    ("sent", "delivered", "read", "somewhere"), ("sent", "undelivered"), ("sent", "failed", "undelivered"),
    ("sent", "delivered", "undelivered"), ("queued", "sending", "failed", "read"), ("queued", "sent", "somewhere"),
]  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids="-".join)
@pytest.mark.parametrize("answer", ["before", "after", "unsure"])
def test_callbacks_end_in_the_same_state_whatever_their_order(
    session: Session, make: Factory, conversation: Conversation, story: tuple[str, ...], answer: str
) -> None:
    for order in permutations(story):
        message = make.outgoing(conversation)
        deliveries.claim(session, conversation.id)
        sid = f"SM{message.id}"
        if answer != "after":
            deliveries.record(session, message.id, Accepted(ACCOUNT, sid) if answer == "before" else Unsure())
        seen = [Delivery.SENDING]
        for word in order + order[:1]:
            code = 63024 if word in {"failed", "undelivered"} else None
            assert deliveries.record_status(session, status(message.id, word, sid, code))
            seen.append(state(session, message))
        if answer == "after":
            deliveries.record(session, message.id, Accepted(ACCOUNT, sid))

        assert state(session, message) is end_of(story), order
        assert (message.provider_id, message.account) == (sid, ACCOUNT)
        assert (message.error_code is not None) == (message.delivery is Delivery.FAILED), order
        kept = session.exec(select(MessageEvent.status).where(MessageEvent.message_id == message.id))
        assert sorted(kept) == sorted(story), "each callback is kept, once"


def test_a_callback_before_our_commit_of_the_id_is_not_overwritten_by_it(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    message = make.outgoing(conversation)
    deliveries.claim(session, conversation.id)
    deliveries.record_status(session, status(message.id, "delivered"))

    deliveries.record(session, message.id, SENT)

    assert state(session, message) is Delivery.DELIVERED
    assert message.provider_id == "SMsent"


def test_a_callback_of_a_message_that_is_not_ours_is_no_error(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    from_guest = session.exec(select(Message)).one()

    assert not deliveries.record_status(session, status(2**40, "delivered"))
    assert not deliveries.record_status(session, status(from_guest.id, "delivered"))
    assert session.exec(select(MessageEvent)).all() == []


def test_late_news_of_an_attempt_that_failed_does_not_touch_the_message_sent_again(
    session: Session, make: Factory, conversation: Conversation
) -> None:
    message = make.outgoing(conversation)
    deliveries.claim(session, conversation.id)
    deliveries.record(session, message.id, Accepted(ACCOUNT, "SMold"))
    deliveries.record_status(session, status(message.id, "failed", "SMold", 63012))
    session.flush()
    deliveries.retry(session, message.id)
    session.expire_all()

    deliveries.record_status(session, status(message.id, "sent", "SMold"))

    assert state(session, message) is Delivery.QUEUED, "it was not sent again yet"
    assert deliveries.claim(session, conversation.id) is not None
