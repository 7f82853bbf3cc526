"""Users, their role in each hotel, and their sessions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from hotelchat.models.base import HotelOwned, created, one_of, utc


class Role(StrEnum):
    """What a user may do in a hotel; each role may do what those before it may."""

    AGENT = "agent"
    MANAGER = "manager"
    ADMIN = "admin"

    def reaches(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class User(SQLModel, table=True):
    """Someone who signs in."""

    __tablename__ = "app_user"  # "user" is a word of SQL's own

    id: int | None = Field(default=None, primary_key=True)
    email: str  # lower case, unique
    name: str
    password_hash: str = Field(repr=False)
    disabled_at: datetime | None = utc()
    created_at: datetime | None = created()


class Membership(HotelOwned, table=True):
    """A user's role in one hotel."""

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="app_user.id")
    role: Role = one_of(Role)
    created_at: datetime | None = created()


class UserSession(SQLModel, table=True):
    """A signed-in browser. Only a keyed hash of its token is kept."""

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="app_user.id")
    hotel_id: int = Field(foreign_key="hotel.id")
    token_hash: bytes = Field(repr=False)
    created_at: datetime | None = created()
    expires_at: datetime | None = utc(nullable=False)
    entered_at: datetime | None = utc()  # None: a ticket, good for a minute and one use
    ended_at: datetime | None = utc()
