"""Doing something as a user: looked at again each time, in the same transaction, in their hotel only."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session, select

from hotelchat.errors import NotAllowed, NotFound, NotSignedIn
from hotelchat.models import Conversation, Hotel, Role
from hotelchat.queries import team as queries
from hotelchat.services import conversations, team
from pages import access
from tests.desk import FrontDesk
from tests.factories import KEYS

ROLES = list(Role)


def call(token: str, needed: Role, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """From a screen, which lives on an event loop."""
    return asyncio.run(access.call(token, needed, work, *args, **kwargs))


def nothing(session: Session) -> str:
    return "done"


@pytest.fixture
def tokens(front_desk: FrontDesk) -> dict[Role, tuple[int, str]]:
    """A signed-in user of each role: their id and token."""

    def sign_in(session: Session, role: Role) -> tuple[int, str]:
        user, token = front_desk.make(session).signed_in(session.get_one(Hotel, front_desk.hotel_id), role)
        return user.id, token

    return {role: front_desk.do(sign_in, role) for role in ROLES}


def test_a_role_may_do_what_those_below_it_may_and_no_more(tokens: dict[Role, tuple[int, str]]) -> None:
    for has, needed in itertools.product(ROLES, ROLES):
        if ROLES.index(has) >= ROLES.index(needed):
            assert call(tokens[has][1], needed, nothing) == "done", (has, needed)
        else:
            with pytest.raises(NotAllowed, match=f"needs the role {needed}"):
                call(tokens[has][1], needed, nothing)


def test_nobody_does_anything(front_desk: FrontDesk) -> None:
    for token in ("", "no such token", "\x00", "ü"):
        with pytest.raises(NotSignedIn):
            call(token, Role.AGENT, nothing)


def sign_out(desk: FrontDesk, token: str) -> None:
    signed_in = desk.do(queries.signed_in, token, KEYS)
    desk.do(team.sign_out, signed_in.session_id)


def disable(desk: FrontDesk, token: str) -> None:
    desk.do(team.disable_user, email_of(desk, token))


def new_password(desk: FrontDesk, token: str) -> None:
    desk.do(team.set_password, email_of(desk, token), "another password")


def email_of(desk: FrontDesk, token: str) -> str:
    name = desk.do(queries.signed_in, token, KEYS)
    return desk.do(lambda session: session.get_one(team.User, name.user_id).email)


@pytest.mark.parametrize("how", [sign_out, disable, new_password])
def test_an_open_screen_does_nothing_more_after(
    front_desk: FrontDesk, tokens: dict[Role, tuple[int, str]], how: Callable[[FrontDesk, str], None]
) -> None:
    token = tokens[Role.ADMIN][1]
    assert call(token, Role.AGENT, nothing) == "done"

    how(front_desk, token)

    with pytest.raises(NotSignedIn, match="Sign in again"):
        call(token, Role.AGENT, nothing)
    assert call(tokens[Role.AGENT][1], Role.AGENT, nothing) == "done", "others go on"


def test_a_user_sees_and_changes_their_own_hotel_only(
    front_desk: FrontDesk, tokens: dict[Role, tuple[int, str]]
) -> None:
    ana = front_desk.guest("Ana", writes="Hello")
    mine = front_desk.conversation_of(ana).id
    theirs = front_desk.do(lambda session: front_desk.make(session).conversation(front_desk.make(session).hotel()).id)
    user_id, token = tokens[Role.ADMIN]

    assert call(token, Role.AGENT, lambda session: list(session.exec(select(Conversation.id)))) == [mine]
    call(token, Role.AGENT, conversations.take_over, mine, user_id)
    with pytest.raises(NotFound, match="may belong to another hotel"):
        call(token, Role.AGENT, conversations.take_over, theirs, user_id)

    assert front_desk.conversation_of(ana).assignee_id == user_id


def test_what_fails_is_undone(front_desk: FrontDesk, tokens: dict[Role, tuple[int, str]]) -> None:
    conversation = front_desk.conversation_of(front_desk.guest("Ana", writes="Hello")).id
    user_id, token = tokens[Role.AGENT]

    def take_over_and_fail(session: Session) -> None:
        conversations.take_over(session, conversation, user_id)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(token, Role.AGENT, take_over_and_fail)
    assert front_desk.do(lambda session: session.get_one(Conversation, conversation).assignee_id) is None


def test_a_ticket_is_good_in_its_own_browser_only(front_desk: FrontDesk, tokens: dict[Role, tuple[int, str]]) -> None:
    email = email_of(front_desk, tokens[Role.AGENT][1])
    ticket = asyncio.run(access.sign_in(email, "correct horse", "this browser"))
    assert ticket is not None

    assert asyncio.run(access.enter(ticket, "another browser")) is None
    assert asyncio.run(access.enter(ticket, "")) is None
    token = asyncio.run(access.enter(ticket, "this browser"))
    assert token is not None and call(token, Role.AGENT, nothing) == "done"
    assert asyncio.run(access.enter(ticket, "this browser")) is None
