"""Who has a conversation: taking over, assigning, the concierge's switch, resolving and reopening."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from hotelchat.after_commit import Job
from hotelchat.db import transaction
from hotelchat.errors import Conflict, NotFound
from hotelchat.events import ConversationChanged, HandoffRequested
from hotelchat.models import Concierge, Conversation, Hotel, Reason, Status, User
from hotelchat.queries import thread
from hotelchat.services import answers, conversations, handoffs, intake, messages
from tests.factories import ANA, OURS, Factory, inbound, told, until_somebody_waits_for_a_lock


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel(whatsapp_number=OURS)


@pytest.fixture
def marta(make: Factory, hotel: Hotel) -> User:
    return make.user(hotel, name="Marta")


@pytest.fixture
def waiting(make: Factory, hotel: Hotel) -> Conversation:
    """A guest has asked, and nobody has answered."""
    return make.conversation(hotel, make.guest(hotel, number=ANA))


def reread(session: Session, conversation: Conversation) -> Conversation:
    session.flush()
    session.refresh(conversation)
    return conversation


def test_taking_over_makes_it_the_agents_and_silences_the_concierge(
    session: Session, waiting: Conversation, marta: User
) -> None:
    conversations.take_over(session, waiting.id, marta.id)

    reread(session, waiting)
    assert (waiting.assignee_id, waiting.concierge) == (marta.id, Concierge.PAUSED)
    assert waiting.needs_human_reason is Reason.GUEST_WAITING, "the guest still waits, now for this agent"
    assert told(session) == [ConversationChanged(hotel_id=waiting.hotel_id, conversation_id=waiting.id)]


def test_taking_over_an_answered_conversation_calls_nobody(session: Session, make: Factory, hotel: Hotel) -> None:
    marta = make.user(hotel)
    answered = make.conversation(hotel, waiting_since=None)

    conversations.take_over(session, answered.id, marta.id)

    assert not reread(session, answered).needs_human


def test_assigning_gives_it_to_a_colleague_and_to_nobody_again(
    session: Session, waiting: Conversation, marta: User
) -> None:
    conversations.assign(session, waiting.id, marta.id)
    assert reread(session, waiting).assignee_id == marta.id

    conversations.assign(session, waiting.id, None)

    reread(session, waiting)
    assert (waiting.assignee_id, waiting.concierge) == (None, Concierge.PAUSED)
    assert waiting.needs_human, "a guest who waits is not forgotten when their agent lets go"


def test_a_concierge_that_was_switched_off_by_hand_stays_off_when_somebody_takes_over(
    session: Session, waiting: Conversation, marta: User
) -> None:
    conversations.set_concierge(session, waiting.id, Concierge.OFF)
    conversations.take_over(session, waiting.id, marta.id)

    assert reread(session, waiting).concierge is Concierge.OFF


@pytest.mark.parametrize("state", [Concierge.OFF, Concierge.PAUSED])
def test_switching_the_concierge_off_while_a_guest_waits_calls_a_person(
    session: Session, waiting: Conversation, state: Concierge
) -> None:
    conversations.set_concierge(session, waiting.id, state)

    reread(session, waiting)
    assert (waiting.concierge, waiting.needs_human) == (state, True)
    assert not any(isinstance(item, tuple) for item in told(session))


def test_switched_on_again_the_concierge_answers_what_is_unanswered(
    session: Session, waiting: Conversation, marta: User
) -> None:
    conversations.take_over(session, waiting.id, marta.id)
    session.info.clear()

    conversations.set_concierge(session, waiting.id, Concierge.ON)

    reread(session, waiting)
    assert (waiting.assignee_id, waiting.needs_human, waiting.needs_human_reason) == (None, False, None)
    assert (Job.ANSWER_GUEST, waiting.id) in told(session)
    assert answers.unanswered(session) == [waiting.id]


def test_switched_on_where_all_is_answered_it_has_nothing_to_do(
    session: Session, make: Factory, hotel: Hotel, marta: User
) -> None:
    conversation = make.conversation(hotel)
    messages.reply(session, conversation.id, marta.id, "Yes, it is.", "key")
    session.info.clear()

    conversations.set_concierge(session, conversation.id, Concierge.ON)

    assert not any(isinstance(item, tuple) for item in told(session))
    assert answers.unanswered(session) == []


def test_after_the_concierge_has_failed_switching_it_on_again_answers_the_question(
    session: Session, waiting: Conversation
) -> None:
    for _ in range(answers.MOST_ATTEMPTS):
        waiting.lease_by = "me"
        answers.failed(session, waiting.id, "me", 0)
    assert reread(session, waiting).needs_human_reason is Reason.CONCIERGE_FAILED
    session.info.clear()

    conversations.set_concierge(session, waiting.id, Concierge.ON)

    session.flush()
    assert (Job.ANSWER_GUEST, waiting.id) in told(session)
    assert answers.unanswered(session) == [waiting.id]


def test_resolving_settles_everything(session: Session, waiting: Conversation) -> None:
    handoffs.request(session, waiting, Reason.COMPLAINT, "cold shower")

    conversations.resolve(session, waiting.id)

    reread(session, waiting)
    assert (waiting.status, waiting.needs_human, waiting.needs_human_reason) == (Status.RESOLVED, False, None)
    assert (waiting.waiting_since, waiting.unread, waiting.answered_upto) == (None, 0, waiting.last_inbound_id)
    assert waiting.resolved_at is not None
    assert answers.unanswered(session) == []


def test_resolving_twice_tells_once(session: Session, waiting: Conversation) -> None:
    conversations.resolve(session, waiting.id)
    session.info.clear()
    conversations.resolve(session, waiting.id)

    assert told(session) == []


@pytest.mark.parametrize("change", ["take_over", "assign", "set_concierge", "reply"])
def test_a_resolved_conversation_must_be_reopened_first(
    session: Session, waiting: Conversation, marta: User, change: str
) -> None:
    conversations.resolve(session, waiting.id)
    changes = {
        "take_over": lambda: conversations.take_over(session, waiting.id, marta.id),
        "assign": lambda: conversations.assign(session, waiting.id, marta.id),
        "set_concierge": lambda: conversations.set_concierge(session, waiting.id, Concierge.ON),
        "reply": lambda: messages.reply(session, waiting.id, marta.id, "Hello", "key"),
    }
    with pytest.raises(Conflict, match="Reopen it first"):
        changes[change]()


def test_reopened_it_belongs_to_the_agent_who_did(session: Session, waiting: Conversation, marta: User) -> None:
    conversations.resolve(session, waiting.id)
    conversations.reopen(session, waiting.id, marta.id)

    reread(session, waiting)
    assert (waiting.status, waiting.resolved_at) == (Status.OPEN, None)
    assert (waiting.assignee_id, waiting.concierge) == (marta.id, Concierge.PAUSED)


def test_it_cannot_be_reopened_once_the_guest_has_begun_a_new_one(
    session: Session, waiting: Conversation, hotel: Hotel, marta: User
) -> None:
    conversations.resolve(session, waiting.id)
    session.flush()
    intake.receive(session, hotel.id, inbound("One more thing"))

    with pytest.raises(Conflict, match="newer conversation"):
        conversations.reopen(session, waiting.id, marta.id)


def test_a_guest_who_writes_at_the_moment_of_reopening_keeps_one_conversation(database: sa.Engine) -> None:
    with transaction() as session:
        make = Factory(session)
        hotel = make.hotel(whatsapp_number=OURS)
        old, marta = make.conversation(hotel, make.guest(hotel, number=ANA)), make.user(hotel)
        conversations.resolve(session, old.id)
    written = threading.Event()

    def guest_writes() -> None:
        with transaction() as session:
            intake.receive(session, hotel.id, inbound("One more thing"))
            written.set()
            until_somebody_waits_for_a_lock()

    def agent_reopens() -> None:
        assert written.wait(5)
        with transaction() as session:
            conversations.reopen(session, old.id, marta.id)

    with ThreadPoolExecutor(2) as threads:
        guest, agent = threads.submit(guest_writes), threads.submit(agent_reopens)
        guest.result()
        with pytest.raises(Conflict, match="newer conversation"):
            agent.result()


def test_a_locked_conversation_is_as_it_stands_now_not_as_it_was_read_before(database: sa.Engine) -> None:
    with transaction() as session:
        make = Factory(session)
        hotel = make.hotel()
        asked, marta = make.conversation(hotel), make.user(hotel)

    with transaction() as session:
        session.get_one(Conversation, asked.id)  # as questions.of does before the fence looks
        with transaction() as another:
            conversations.take_over(another, asked.id, marta.id)
        locked = conversations.locked(session, asked.id)

        assert (locked.assignee_id, locked.concierge) == (marta.id, Concierge.PAUSED)


def test_reading_clears_the_unread_count_once(session: Session, waiting: Conversation) -> None:
    assert conversations.mark_read(session, waiting.id) is True
    assert conversations.mark_read(session, waiting.id) is False

    assert told(session) == [ConversationChanged(hotel_id=waiting.hotel_id, conversation_id=waiting.id)]
    assert reread(session, waiting).unread == 0


def test_a_conversation_that_is_not_there_is_not_found(session: Session, marta: User) -> None:
    with pytest.raises(NotFound, match="conversation is not here"):
        conversations.take_over(session, 2**31 - 1, marta.id)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_handoff_marks_the_conversation_says_why_and_silences_the_concierge(
    session: Session, waiting: Conversation, reason: Reason
) -> None:
    before = waiting.last_text

    handoffs.request(session, waiting, reason, "The shower stays cold.")

    reread(session, waiting)
    assert (waiting.needs_human, waiting.needs_human_reason) == (True, reason)
    assert (waiting.concierge, waiting.handoff_summary) == (Concierge.PAUSED, "The shower stays cold.")
    line = thread.newest(session, waiting.id)[-1]
    assert (line.author, line.direction) == ("system", "note")
    assert line.text.startswith("The concierge called a person: ")
    assert waiting.last_text == before, "a line of the system's is not what the list shows"
    requested = HandoffRequested(hotel_id=waiting.hotel_id, conversation_id=waiting.id, reason=reason.value)
    assert requested in told(session)
