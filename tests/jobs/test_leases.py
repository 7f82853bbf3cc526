"""A holder's lease lives as long as it does: renewed by one thread, given back at the end."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from sqlmodel import select

from hotelchat.db import transaction
from hotelchat.models import Conversation
from jobs import leases
from jobs.leases import Leases
from tests.factories import Factory, eventually

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def conversations() -> list[int]:
    with transaction() as session:
        make = Factory(session)
        hotel = make.hotel()
        return [make.conversation(hotel).id for _ in range(2)]


def lease(conversation_id: int) -> tuple[str | None, datetime | None]:
    with transaction() as session:
        statement = select(Conversation.lease_by, Conversation.lease_until).where(Conversation.id == conversation_id)
        return tuple(session.exec(statement).one())


def test_a_conversation_is_held_by_one_and_free_afterwards(conversations: list[int]) -> None:
    held = Leases()
    with held.hold(conversations[0]) as holder:
        assert lease(conversations[0])[0] == holder is not None
        with held.hold(conversations[0]) as second, Leases().hold(conversations[0]) as elsewhere:
            assert (second, elsewhere) == (None, None)
        with held.hold(conversations[1]) as another:
            assert another not in {None, holder}
        assert lease(conversations[0])[0] == holder, "who did not get it must not give it back"

    assert lease(conversations[0]) == (None, None)


def test_it_is_given_back_when_the_thinking_fails(conversations: list[int]) -> None:
    with pytest.raises(ZeroDivisionError), Leases().hold(conversations[0]):
        raise ZeroDivisionError

    assert lease(conversations[0]) == (None, None)


def test_it_is_renewed_while_its_holder_lives_and_no_longer(
    conversations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    held = Leases()
    with held.hold(conversations[0]), held.hold(conversations[1]):
        before = [lease(each)[1] for each in conversations]
        eventually(lambda: all(lease(each)[1] > was for each, was in zip(conversations, before, strict=True)))

    with Leases().hold(conversations[0]) as holder:
        assert holder is not None
        with transaction() as session:
            session.get_one(Conversation, conversations[0]).lease_by = "somebody else"
        until = lease(conversations[0])[1]
        threading.Event().wait(0.2)
        assert lease(conversations[0]) == ("somebody else", until), "another's lease is not renewed"
    assert lease(conversations[0])[0] == "somebody else", "nor given back"
