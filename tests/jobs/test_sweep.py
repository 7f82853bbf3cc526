"""The sweep rings again for whatever was left behind: Redis may lose everything, a guest is still answered."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hotelchat.models import Conversation
from hotelchat.services import answers, conversations, messages
from jobs.sweep import sweep
from tests.desk import FrontDesk, Someone


@pytest.fixture
def ana(front_desk: FrontDesk) -> Someone:
    """A guest who has asked, while Redis has just lost everything."""
    front_desk.opens()
    guest = front_desk.guest("Ana", writes="Is breakfast included?")
    assert front_desk.rung()
    front_desk.redis.flushall()
    return guest


def test_a_lost_bell_is_rung_again_and_the_guest_is_answered(front_desk: FrontDesk, ana: Someone) -> None:
    assert front_desk.rung() == []

    assert sweep() == 1

    assert front_desk.rung() == [f"answer_guest({front_desk.conversation_of(ana).id})"]
    front_desk.run_jobs()
    assert front_desk.sent_to(ana) == [front_desk.model.says]
    assert sweep() == 0


def test_a_lost_delivery_is_rung_again(front_desk: FrontDesk, ana: Someone) -> None:
    conversation = front_desk.conversation_of(ana).id
    front_desk.do(messages.reply, conversation, front_desk.agent(), "Yes.", "draft")
    front_desk.rung()
    front_desk.redis.flushall()

    assert sweep() == 1

    assert front_desk.rung() == [f"deliver_messages({conversation})"]
    front_desk.run_jobs()
    assert front_desk.sent_to(ana) == ["Yes."]


def test_swept_twice_it_is_answered_once(front_desk: FrontDesk, ana: Someone) -> None:
    sweep(), sweep()
    front_desk.run_jobs()
    sweep()
    front_desk.run_jobs()

    assert front_desk.sent_to(ana) == [front_desk.model.says]


def test_nobody_is_rung_while_somebody_thinks_until_that_one_is_dead(front_desk: FrontDesk, ana: Someone) -> None:
    conversation = front_desk.conversation_of(ana).id
    assert front_desk.do(answers.take_lease, conversation, "a worker")
    assert sweep() == 0

    front_desk.later(answers.LEASE_SECONDS + 1)

    assert sweep() == 1
    front_desk.run_jobs()
    assert front_desk.sent_to(ana) == [front_desk.model.says]


def test_what_people_have_is_left_to_them(front_desk: FrontDesk, ana: Someone) -> None:
    front_desk.do(conversations.take_over, front_desk.conversation_of(ana).id, front_desk.agent())

    assert sweep() == 0


def test_everything_left_behind_is_rung_in_one_sweep(front_desk: FrontDesk, ana: Someone) -> None:
    for number in range(30):
        front_desk.writes(Someone(f"Guest {number}", f"+3461000{number:04}"), "Hello")
    front_desk.rung()
    front_desk.redis.flushall()

    assert sweep() == 31

    waiting = front_desk.do(lambda session: list(session.scalars(sa.select(Conversation.id))))
    assert front_desk.rung() == sorted(f"answer_guest({conversation})" for conversation in waiting)
