"""The concierge's side: one thinks at a time, and what came too late is dropped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from hotelchat import clock
from hotelchat.after_commit import Job
from hotelchat.db import transaction
from hotelchat.models import Author, Concierge, Conversation, Delivery, Direction, Guest, Hotel, Message, Reason, Status
from hotelchat.services import answers, conversations, intake, messages
from tests.factories import ANA, OURS, Factory, inbound, told


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel(whatsapp_number=OURS)


@pytest.fixture
def asked(make: Factory, hotel: Hotel) -> Conversation:
    """A guest has asked; the concierge is to answer."""
    return make.conversation(hotel, make.guest(hotel, number=ANA))


def out(session: Session) -> list[Message]:
    return list(session.exec(select(Message).where(Message.direction == Direction.OUT)))


def take_lease(session: Session, conversation: Conversation, holder: str = "me") -> bool:
    """As a job does, in a transaction of its own: nothing is remembered of the row afterwards."""
    session.flush()
    taken = answers.take_lease(session, conversation.id, holder)
    session.expire_all()
    return taken


def commit_reply(session: Session, conversation: Conversation, upto: int, holder: str = "me") -> bool:
    return answers.commit_reply(
        session, conversation.id, holder, upto, "Yes, it is.", [{"id": 1, "title": "Breakfast"}]
    )


def test_one_thinks_at_a_time(session: Session, asked: Conversation) -> None:
    assert take_lease(session, asked)
    assert not take_lease(session, asked, "somebody else")
    assert answers.unanswered(session) == []

    answers.release_lease(session, asked.id, "somebody else")
    assert not take_lease(session, asked, "somebody else"), "only its holder releases a lease"
    answers.release_lease(session, asked.id, "me")
    assert take_lease(session, asked, "somebody else")


def test_of_two_at_once_one_gets_the_lease(database: sa.Engine) -> None:
    with transaction() as session:
        make = Factory(session)
        ids = [make.conversation(make.hotel()).id for _ in range(10)]

    def take(holder: str) -> list[bool]:
        found = []
        for conversation_id in ids:
            with transaction() as session:
                found.append(answers.take_lease(session, conversation_id, holder))
        return found

    with ThreadPoolExecutor(3) as threads:
        taken = list(threads.map(take, ("a", "b", "c")))
    assert [sum(each) for each in zip(*taken, strict=True)] == [1] * 10


def test_a_lease_that_nobody_renews_runs_out(session: Session, asked: Conversation) -> None:
    take_lease(session, asked, "who died")
    expire_leases(session)

    assert answers.unanswered(session) == [asked.id]
    assert take_lease(session, asked, "who lives")


def test_a_renewed_lease_lasts_its_full_time_again(session: Session, asked: Conversation) -> None:
    take_lease(session, asked)
    session.execute(sa.update(Conversation).values(lease_until=sa.func.clock_timestamp() + timedelta(seconds=1)))

    answers.renew_leases(session, ["me", "another of this process"])

    session.refresh(asked)
    assert 8 < (asked.lease_until - clock.now()).total_seconds() <= answers.LEASE_SECONDS


def test_a_lease_that_ran_out_is_not_renewed_behind_anothers_back(session: Session, asked: Conversation) -> None:
    take_lease(session, asked)
    expire_leases(session)

    answers.renew_leases(session, ["me"])

    assert take_lease(session, asked, "the next")


def expire_leases(session: Session) -> None:
    session.flush()
    session.execute(sa.update(Conversation).values(lease_until=sa.func.clock_timestamp() - timedelta(seconds=1)))
    session.expire_all()


@pytest.mark.parametrize(
    "state",
    [
        {"status": Status.RESOLVED}, {"concierge": Concierge.PAUSED}, {"concierge": Concierge.OFF},
        {"needs_human": True}, {"answer_after": clock.now() + timedelta(hours=1)},
    ],
    ids=lambda state: next(iter(state)),
)  # fmt: skip
def test_there_is_nothing_to_think_about(
    session: Session, make: Factory, hotel: Hotel, state: dict[str, object]
) -> None:
    conversation = make.conversation(hotel, **state)

    assert not take_lease(session, conversation)
    assert answers.unanswered(session) == []


def test_an_answer_is_stored_queued_and_settles_the_wait(session: Session, asked: Conversation) -> None:
    take_lease(session, asked)

    assert commit_reply(session, asked, asked.last_inbound_id)

    [message] = out(session)
    session.refresh(asked)
    assert (message.author, message.text, message.delivery) == (Author.AI, "Yes, it is.", Delivery.QUEUED)
    assert message.sources == [{"id": 1, "title": "Breakfast"}]
    assert (asked.answered_upto, asked.waiting_since, asked.last_author) == (asked.last_inbound_id, None, Author.AI)
    assert (Job.DELIVER_MESSAGES, asked.id) in told(session)
    assert not take_lease(session, asked, "another"), "nothing is left to answer"


def test_an_answer_to_all_but_the_newest_message_leaves_the_guest_waiting(
    session: Session, asked: Conversation, hotel: Hotel
) -> None:
    take_lease(session, asked)
    upto, since = asked.last_inbound_id, asked.waiting_since
    newer = intake.receive(session, hotel.id, inbound("And for my son?"))
    session.expire_all()

    assert commit_reply(session, asked, upto)

    session.refresh(asked)
    assert (asked.answered_upto, asked.last_inbound_id) == (upto, newer.message_id)
    assert asked.waiting_since == since
    expire_leases(session)
    assert answers.unanswered(session) == [asked.id]


def overtaken(session: Session, asked: Conversation, how: str, user_id: int) -> None:
    """What may happen while the concierge thinks."""
    match how:
        case "an agent took over":
            conversations.take_over(session, asked.id, user_id)
        case "an agent replied":
            messages.reply(session, asked.id, user_id, "Yes!", "draft")
        case "it was switched off":
            conversations.set_concierge(session, asked.id, Concierge.OFF)
        case "it was resolved":
            conversations.resolve(session, asked.id)
        case "the lease was lost":
            expire_leases(session)
            assert take_lease(session, asked, "another")
        case "another has answered":
            expire_leases(session)
            assert take_lease(session, asked, "another")
            assert commit_reply(session, asked, asked.last_inbound_id, "another")
        case "a person was called":
            conversations.need_a_person(asked, Reason.OTHER)
    session.flush()


@pytest.mark.parametrize(
    "how",
    ["an agent took over", "an agent replied", "it was switched off", "it was resolved", "the lease was lost",
     "another has answered", "a person was called"],
)  # fmt: skip
def test_a_draft_is_dropped_when(session: Session, make: Factory, hotel: Hotel, asked: Conversation, how: str) -> None:
    take_lease(session, asked)
    overtaken(session, asked, how, make.user(hotel).id)
    before, upto = len(out(session)), asked.last_inbound_id

    assert not commit_reply(session, asked, upto)
    assert not answers.commit_handoff(session, asked.id, "me", upto, Reason.OTHER, "A colleague…", None)

    assert len(out(session)) == before


def test_a_handoff_tells_the_guest_and_calls_a_person(session: Session, asked: Conversation) -> None:
    take_lease(session, asked)

    assert answers.commit_handoff(
        session, asked.id, "me", asked.last_inbound_id, Reason.BOOKING, "A colleague will answer you.", "Wants a room."
    )

    session.flush()
    session.refresh(asked)
    assert [m.text for m in out(session)] == ["A colleague will answer you."]
    assert (asked.needs_human, asked.needs_human_reason, asked.concierge) == (True, Reason.BOOKING, Concierge.PAUSED)
    assert (asked.handoff_summary, asked.answered_upto) == ("Wants a room.", asked.last_inbound_id)
    assert asked.waiting_since is not None, "they wait for a person now"


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Unsubscribe", "stop all", "OptOut!", "revoke"])
def test_a_wish_to_be_left_alone(text: str) -> None:
    assert answers.is_opt_out(text)


@pytest.mark.parametrize("text", ["cancel", "Please stop the music", "stop by the pool?", "END", "", "non-stop"])
def test_what_is_no_wish_to_be_left_alone(text: str) -> None:
    assert not answers.is_opt_out(text)


def test_after_stop_all_counts_as_answered_and_nothing_is_sent(session: Session, asked: Conversation) -> None:
    take_lease(session, asked)

    answers.leave_unanswered(session, asked.id, "me", asked.last_inbound_id)

    session.flush()
    session.refresh(asked)
    assert (out(session), asked.waiting_since, asked.answered_upto) == ([], None, asked.last_inbound_id)
    assert asked.needs_human is False


def test_who_waits_longest_is_answered_first(session: Session, make: Factory, hotel: Hotel) -> None:
    late, early = make.conversation(hotel), make.conversation(hotel)
    early.last_inbound_at = late.last_inbound_at - timedelta(minutes=5)
    session.flush()

    assert answers.unanswered(session) == [early.id, late.id]
    assert answers.unanswered(session, limit=1) == [early.id]


def test_the_language_a_guest_writes_in_is_remembered(session: Session, make: Factory, hotel: Hotel) -> None:
    guest = make.guest(hotel)
    answers.note_language(session, guest.id, "es")

    session.expire_all()
    assert session.get_one(Guest, guest.id).language == "es"
