"""A guest writes: what the hotel has afterwards, however and how often the channel delivers it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from hotelchat.after_commit import Job
from hotelchat.db import transaction
from hotelchat.events import MessageReceived
from hotelchat.models import Concierge, Conversation, Guest, GuestIdentity, Hotel, Kind, Message, Reason, Status
from hotelchat.services import conversations, intake
from tests.factories import ANA, OURS, Factory, inbound, phone, told, until_somebody_waits_for_a_lock, user_name


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel(whatsapp_number=OURS)


def count(session: Session, table: type) -> int:
    return session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_the_first_message_makes_a_guest_an_address_and_a_waiting_conversation(session: Session, hotel: Hotel) -> None:
    received = intake.receive(session, hotel.id, inbound("Is breakfast included?"))

    guest, identity = session.exec(select(Guest)).one(), session.exec(select(GuestIdentity)).one()
    conversation, message = session.exec(select(Conversation)).one(), session.exec(select(Message)).one()
    assert (guest.name, identity.value, identity.guest_id) == ("Ana", ANA, guest.id)
    assert received == intake.Received(conversation.id, message.id)
    assert (message.text, message.direction, message.author) == ("Is breakfast included?", "in", "guest")
    assert (conversation.status, conversation.concierge, conversation.sender) == (Status.OPEN, Concierge.ON, OURS)
    assert conversation.last_inbound_id == conversation.last_message_id == message.id
    assert conversation.last_inbound_at == conversation.waiting_since == conversation.activity_at == message.created_at
    assert (conversation.unread, conversation.needs_human, conversation.answered_upto) == (1, False, 0)


def test_screens_hear_of_it_and_the_concierge_is_rung(session: Session, hotel: Hotel) -> None:
    received = intake.receive(session, hotel.id, inbound())

    event = MessageReceived(hotel_id=hotel.id, conversation_id=received.conversation_id, message_id=received.message_id)
    assert told(session) == [event, (Job.ANSWER_GUEST, received.conversation_id)]


def test_a_message_delivered_twice_is_one_message(session: Session, hotel: Hotel) -> None:
    first = inbound("Is breakfast included?")
    once = intake.receive(session, hotel.id, first)
    session.info.clear()

    again = intake.receive(session, hotel.id, first)

    assert again == intake.Received(once.conversation_id, None)
    assert (count(session, Message), session.exec(select(Conversation)).one().unread) == (1, 1)
    assert told(session) == []


def test_a_message_delivered_again_after_its_conversation_was_resolved_opens_nothing(
    session: Session, hotel: Hotel
) -> None:
    first = inbound("Is breakfast included?")
    once = intake.receive(session, hotel.id, first)
    conversations.resolve(session, once.conversation_id)
    session.flush()

    assert intake.receive(session, hotel.id, first).message_id is None

    assert [c.status for c in session.exec(select(Conversation))] == [Status.RESOLVED]


def test_the_same_id_from_another_account_is_another_message(session: Session, hotel: Hotel) -> None:
    intake.receive(session, hotel.id, inbound(provider_id="SM1", account="AC1"))
    intake.receive(session, hotel.id, inbound(provider_id="SM1", account="AC2"))

    assert count(session, Message) == 2


def test_a_second_message_joins_the_conversation_and_the_wait_goes_on_counting(session: Session, hotel: Hotel) -> None:
    first = intake.receive(session, hotel.id, inbound("Hello"))
    waiting_since = session.exec(select(Conversation.waiting_since)).one()

    second = intake.receive(session, hotel.id, inbound("Is breakfast included?"))

    conversation = session.exec(select(Conversation).execution_options(populate_existing=True)).one()
    assert second.conversation_id == first.conversation_id
    assert (conversation.unread, conversation.last_text) == (2, "Is breakfast included?")
    assert conversation.waiting_since == waiting_since < conversation.last_inbound_at
    assert count(session, Guest) == count(session, GuestIdentity) == 1


def test_after_resolving_the_next_message_opens_a_new_conversation(session: Session, hotel: Hotel) -> None:
    first = intake.receive(session, hotel.id, inbound("Hello"))
    conversations.resolve(session, first.conversation_id)
    session.flush()

    second = intake.receive(session, hotel.id, inbound("One more thing"))

    assert second.conversation_id != first.conversation_id
    states = [c.status for c in session.exec(select(Conversation).order_by(Conversation.id))]
    assert states == [Status.RESOLVED, Status.OPEN]
    assert count(session, Guest) == 1


@pytest.mark.parametrize("state", [Concierge.PAUSED, Concierge.OFF])
def test_writing_while_a_person_has_the_conversation_calls_that_person(
    session: Session, hotel: Hotel, make: Factory, state: Concierge
) -> None:
    conversation = make.conversation(hotel, make.guest(hotel, number=ANA), says=(), concierge=state)

    intake.receive(session, hotel.id, inbound("Are you there?"))

    session.refresh(conversation)
    assert conversation.needs_human
    assert conversation.needs_human_reason is Reason.GUEST_WAITING
    assert not any(isinstance(item, tuple) for item in told(session)), "the concierge must not be rung"


def test_the_reason_of_a_handoff_is_kept_while_the_guest_goes_on_writing(
    session: Session, hotel: Hotel, make: Factory
) -> None:
    conversation = make.conversation(
        hotel, make.guest(hotel, number=ANA), concierge=Concierge.PAUSED, needs_human=True,
        needs_human_reason=Reason.COMPLAINT,
    )  # fmt: skip

    intake.receive(session, hotel.id, inbound("Hello?"))

    session.refresh(conversation)
    assert conversation.needs_human_reason is Reason.COMPLAINT


def test_a_guest_without_a_phone_number_is_the_same_guest_once_the_number_shows(session: Session, hotel: Hotel) -> None:
    hidden, number = user_name("ES.abc123"), phone(ANA)
    first = intake.receive(session, hotel.id, inbound("Hello", hidden))
    second = intake.receive(session, hotel.id, inbound("It is me", number, hidden))
    third = intake.receive(session, hotel.id, inbound("Only my number now", number))

    assert first.conversation_id == second.conversation_id == third.conversation_id
    assert count(session, Guest) == 1
    assert {i.value for i in session.exec(select(GuestIdentity))} == {"ES.abc123", ANA}


def test_a_guest_known_by_phone_is_the_same_guest_once_they_hide_it(session: Session, hotel: Hotel) -> None:
    hidden, number = user_name("ES.abc123"), phone(ANA)
    first = intake.receive(session, hotel.id, inbound("Hello", number))
    intake.receive(session, hotel.id, inbound("Now with a user name", number, hidden))
    third = intake.receive(session, hotel.id, inbound("And now without a number", hidden))

    assert third.conversation_id == first.conversation_id
    assert count(session, Guest) == 1


def test_a_name_is_learned_when_it_first_appears_and_then_kept(session: Session, hotel: Hotel) -> None:
    for name in ("", "Ana", "Ana Belén 🌴"):
        received = intake.receive(session, hotel.id, inbound("Hello", name=name))
        conversations.resolve(session, received.conversation_id)
        session.flush()

    assert session.exec(select(Guest.name)).one() == "Ana"


def test_the_same_number_in_two_hotels_is_two_guests(session: Session, hotel: Hotel, make: Factory) -> None:
    other = make.hotel()
    here = intake.receive(session, hotel.id, inbound("Hello"))
    there = intake.receive(session, other.id, inbound("Hello"))

    assert here.conversation_id != there.conversation_id
    assert {guest.hotel_id for guest in session.exec(select(Guest))} == {hotel.id, other.id}


def test_what_is_not_text_is_stored_whole_and_named_in_the_list(session: Session, hotel: Hotel) -> None:
    raw = {"MessageType": "image", "MediaUrl0": "https://api.twilio.com/x", "Body": "The shower\nstays cold"}
    intake.receive(session, hotel.id, inbound("The shower\nstays cold", kind=Kind.IMAGE, raw=raw))

    message, conversation = session.exec(select(Message)).one(), session.exec(select(Conversation)).one()
    assert (message.kind, message.raw) == (Kind.IMAGE, raw)
    assert conversation.last_text == "Photo · The shower stays cold"


# With real commits: what happens at the same time


@pytest.fixture
def hotel_id(database: sa.Engine) -> int:
    with transaction() as session:
        return Factory(session).hotel(whatsapp_number=OURS).id


def receive(hotel_id: int, message: object, gate: threading.Barrier | None = None) -> intake.Received:
    if gate is not None:
        gate.wait(5)
    with transaction() as session:
        return intake.receive(session, hotel_id, message)


@pytest.mark.parametrize("is_known", [True, False], ids=["a known guest", "a new guest"])
def test_a_message_delivered_twice_at_once_is_stored_once(hotel_id: int, is_known: bool) -> None:
    if is_known:
        receive(hotel_id, inbound("Hello"))
    for _ in range(5):
        message, gate = inbound("Is breakfast included?", phone(ANA)), threading.Barrier(2)
        with ThreadPoolExecutor(2) as threads:
            received = [threads.submit(receive, hotel_id, message, gate) for _ in range(2)]
        assert sorted(r.result().message_id is None for r in received) == [False, True]
    with transaction() as session:
        assert count(session, Conversation) == count(session, Guest) == 1
        assert count(session, Message) == 5 + is_known
        assert session.exec(select(Conversation.unread)).one() == 5 + is_known


def test_two_first_messages_at_once_make_one_guest_with_one_conversation(hotel_id: int) -> None:
    for number in range(8):
        guest, gate = phone(f"+3461000000{number}"), threading.Barrier(2)
        with ThreadPoolExecutor(2) as threads:
            received = [threads.submit(receive, hotel_id, inbound(t, guest), gate) for t in ("Hello", "Anyone?")]
        one, two = (r.result() for r in received)
        assert one.conversation_id == two.conversation_id
        assert None not in {one.message_id, two.message_id}
    with transaction() as session:
        assert count(session, Guest) == count(session, GuestIdentity) == count(session, Conversation) == 8
        assert count(session, Message) == 16


def test_ids_follow_commits(hotel_id: int) -> None:
    """A message that must wait for another of its conversation gets the higher id, so no cursor passes it."""
    receive(hotel_id, inbound("Hello"))
    entered, may_commit = threading.Event(), threading.Event()
    commits: list[str] = []

    def first() -> int | None:
        with transaction() as session:
            received = intake.receive(session, hotel_id, inbound("first"))
            entered.set()
            assert may_commit.wait(5)
        commits.append("first")
        return received.message_id

    def second() -> int | None:
        assert entered.wait(5)
        received = receive(hotel_id, inbound("second"))
        commits.append("second")
        return received.message_id

    with ThreadPoolExecutor(2) as threads:
        one, two = threads.submit(first), threads.submit(second)
        until_somebody_waits_for_a_lock()
        assert commits == []
        may_commit.set()
        assert (one.result() or 0) < (two.result() or 0)
    assert commits == ["first", "second"]
