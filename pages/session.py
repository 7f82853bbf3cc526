"""Doing things as the user of a screen: each time the session and the role are looked at again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from nicegui import Client
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from hotelchat.errors import HotelChatError, NotSignedIn
from hotelchat.models import Role
from hotelchat.queries.team import SignedInUser
from pages import access, browser

P = ParamSpec("P")
T = TypeVar("T")
AWAY = "The desk cannot reach its database just now. Nothing is lost; try again in a moment."


class SignedInScreen:
    """What screens of signed-in users share: doing, reading, and leaving when the session has ended."""

    def __init__(self, client: Client, user: SignedInUser, token: str) -> None:
        self.user_id, self.session_id, self.hotel_id = user.user_id, user.session_id, user.hotel_id
        self._client, self._user, self._token = client, user, token

    def sign_out(self) -> None:
        """The session has ended: leave."""
        self._client.run_javascript(browser.go("/login"))

    def say(self, sentence: str) -> None:
        """Tell the user what went wrong and what to do; screens put it where it is seen."""
        raise NotImplementedError

    async def call(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it, or raise."""
        return await access.call(self._token, Role.AGENT, work, *args, **kwargs)

    async def do(self, work: Callable[Concatenate[Session, P], object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Do it, or say on the screen why not.

        Returns: whether it is done.
        """
        return await self._tried(work, *args, **kwargs) is not None

    async def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Read it, or say on the screen why not and return None."""
        done = await self._tried(work, *args, **kwargs)
        return done[0] if done else None

    async def look_at_session(self) -> bool:
        """Leave if the session has ended without our hearing of it. Returns: whether it is good."""
        return bool(await self.read(lambda _: True))

    async def _tried(
        self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T] | None:
        try:
            done = await self.call(work, *args, **kwargs)
        except NotSignedIn:
            self.sign_out()
            return None
        except HotelChatError as error:
            self.say(str(error))
            return None
        except SQLAlchemyError:
            self.say(AWAY)
            return None
        return (done,)
