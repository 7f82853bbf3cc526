"""Who may enter, and who is behind an event: the session is read again each time, in the work's own transaction."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlmodel import Session
from starlette.requests import Request

from hotelchat import settings
from hotelchat.db import bind, transaction
from hotelchat.errors import NotAllowed, NotSignedIn
from hotelchat.models import Role
from hotelchat.queries import demo, team
from hotelchat.queries.demo import PhoneMessage
from hotelchat.queries.team import SignedInUser
from hotelchat.services import team as team_service

P = ParamSpec("P")
T = TypeVar("T")
_pool: ThreadPoolExecutor | None = None


LOGIN_COOKIE: Final = "hotelchat_login"  # ties a ticket to the browser that signed in


def cookie_name() -> str:
    """The session's cookie; bound to this host by its name where browsers reach us over TLS."""
    return "__Host-hotelchat" if settings.current().has_secure_cookies else "hotelchat"


def token_of(request: Request) -> str:
    """The session's token in a request; "" where there is none."""
    return request.cookies.get(cookie_name(), "")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work in one of the screens' own threads, as many as there are connections."""
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(settings.current().database_pool, thread_name_prefix="screens")
    return await asyncio.get_running_loop().run_in_executor(_pool, functools.partial(function, *args, **kwargs))


async def signed_in(request: Request) -> SignedInUser | None:
    """The user behind a request, if the session is still good."""
    token = token_of(request)
    return await in_thread(_look_up, token) if token else None


async def call(
    token: str, needed: Role, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do a user's work in a thread: only while they are signed in, only with the role, only in their hotel.

    Raises: NotSignedIn, NotAllowed, and whatever the work raises.
    """
    return await in_thread(_work, token, needed, functools.partial(work, **kwargs), *args)


async def sign_in(email: str, password: str, browser_key: str) -> str | None:
    """A one-time ticket if the two belong together, else None. It is good in this browser only."""
    return await in_thread(_alone, team_service.sign_in, email, password, _ticket_keys(browser_key))


async def enter(ticket: str, browser_key: str) -> str | None:
    """The session's token for a ticket that was given to this browser, else None."""
    if not browser_key:
        return None
    keys = settings.current().secret_keys()
    return await in_thread(_alone, team_service.enter, ticket, keys, _ticket_keys(browser_key))


def _ticket_keys(browser_key: str) -> tuple[str, ...]:
    """What signs a ticket: our secret and the browser's own, so that nobody can hand theirs to somebody else."""
    return tuple(f"{key}.{browser_key}" for key in settings.current().secret_keys())


def browser_key_of(environ: Mapping[str, Any] | None) -> str:
    """The key that the sign-in page gave this browser, as its socket's handshake carries it; "" where there is none."""
    cookies = SimpleCookie((environ or {}).get("HTTP_COOKIE", ""))
    return cookies[LOGIN_COOKIE].value if LOGIN_COOKIE in cookies else ""


async def sign_out(session_id: int) -> None:
    """End one session."""
    await in_thread(_alone, team_service.sign_out, session_id)


async def phone_messages(phone: str) -> tuple[list[PhoneMessage], set[int]]:
    """What the demo phone with this number shows, and the conversations it comes from."""
    return await in_thread(_alone, demo.on_phone, phone)


def _alone(work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    with transaction() as session:
        return work(session, *args, **kwargs)


def _look_up(token: str) -> SignedInUser | None:
    with transaction() as session:
        return team.signed_in(session, token, settings.current().secret_keys())


def _work(token: str, needed: Role, work: Callable[..., T], *args: object) -> T:
    with transaction() as session:
        user = team.signed_in(session, token, settings.current().secret_keys())
        if user is None:
            raise NotSignedIn
        if not user.role.reaches(needed):
            raise NotAllowed(needed.value)
        bind(session, [user.hotel_id])
        return work(session, *args)


COOKIE_SECONDS: Final = 14 * 24 * 3600
