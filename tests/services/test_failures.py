"""The concierge gave no usable answer: it backs off, and after some attempts a person is called."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import clock
from hotelchat.models import Conversation, Hotel, Reason
from hotelchat.services import answers, conversations, intake
from tests.factories import ANA, OURS, Factory, inbound


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel(whatsapp_number=OURS)


@pytest.fixture
def asked(make: Factory, hotel: Hotel) -> Conversation:
    """A guest has asked; the concierge is to answer."""
    return make.conversation(hotel, make.guest(hotel, number=ANA))


def take_lease(session: Session, conversation: Conversation, holder: str = "me") -> bool:
    """As a job does, in a transaction of its own: nothing is remembered of the row afterwards."""
    session.flush()
    taken = answers.take_lease(session, conversation.id, holder)
    session.expire_all()
    return taken


def expire_leases(session: Session) -> None:
    session.flush()
    session.execute(sa.update(Conversation).values(lease_until=sa.func.clock_timestamp() - timedelta(seconds=1)))
    session.expire_all()


def overtaken(session: Session, asked: Conversation, how: str, user_id: int) -> None:
    """What may happen while the concierge thinks."""
    match how:
        case "an agent took over":
            conversations.take_over(session, asked.id, user_id)
        case "it was resolved":
            conversations.resolve(session, asked.id)
        case "the lease was lost":
            expire_leases(session)
            assert take_lease(session, asked, "another")
    session.flush()


def test_a_failure_backs_off_and_lets_go(session: Session, asked: Conversation) -> None:
    take_lease(session, asked)

    assert not answers.failed(session, asked.id, "me", 30)

    session.flush()
    session.refresh(asked)
    assert 28 < (asked.answer_after - clock.now()).total_seconds() <= 30
    assert (asked.answer_attempts, asked.lease_by, asked.needs_human) == (1, None, False)
    assert answers.unanswered(session) == [] and not take_lease(session, asked)


def test_after_some_failures_a_person_is_called(session: Session, asked: Conversation) -> None:
    for attempt in range(1, answers.MOST_ATTEMPTS + 1):
        assert take_lease(session, asked)
        called = answers.failed(session, asked.id, "me", -1)
        session.flush()
        assert called == (attempt == answers.MOST_ATTEMPTS)

    session.refresh(asked)
    assert (asked.needs_human, asked.needs_human_reason) == (True, Reason.CONCIERGE_FAILED)
    assert answers.unanswered(session) == []


def test_a_new_message_gives_the_concierge_its_attempts_back(
    session: Session, asked: Conversation, hotel: Hotel
) -> None:
    take_lease(session, asked)
    answers.failed(session, asked.id, "me", 60)
    session.flush()

    intake.receive(session, hotel.id, inbound("Hello?"))

    session.refresh(asked)
    assert (asked.answer_attempts, asked.answer_after) == (0, None)
    assert answers.unanswered(session) == [asked.id]


@pytest.mark.parametrize("how", ["an agent took over", "it was resolved", "the lease was lost"])
def test_a_failure_that_comes_too_late_changes_nothing(
    session: Session, make: Factory, hotel: Hotel, asked: Conversation, how: str
) -> None:
    asked.answer_attempts = answers.MOST_ATTEMPTS - 1
    take_lease(session, asked)
    overtaken(session, asked, how, make.user(hotel).id)
    needs_human = asked.needs_human

    assert not answers.failed(session, asked.id, "me", 30)

    session.flush()
    session.refresh(asked)
    assert (asked.needs_human, asked.answer_after) == (needs_human, None)


def test_without_a_concierge_the_guest_waits_for_people(session: Session, asked: Conversation) -> None:
    assert answers.without_concierge(session, asked.id)
    assert not answers.without_concierge(session, asked.id), "once is enough"

    session.flush()
    session.refresh(asked)
    assert (asked.needs_human, asked.needs_human_reason) == (True, Reason.CONCIERGE_OFF)
    assert answers.unanswered(session) == []
