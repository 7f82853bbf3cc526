"""Who is signed in, and who works in a hotel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import auth, clock
from hotelchat.models import Hotel, Membership, Role, User, UserSession


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInUser:
    """A user behind a valid session, with the hotel they work in now."""

    session_id: int
    user_id: int
    name: str
    role: Role
    hotel_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HotelFacts:
    """What screens and jobs need to know of a hotel."""

    id: int
    slug: str
    name: str
    kind: str
    time_zone: str
    language: str
    has_concierge: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A line of `user list`."""

    email: str
    name: str
    role: Role
    hotel: str
    disabled_at: datetime | None


def signed_in(session: Session, token: str, keys: tuple[str, ...]) -> SignedInUser | None:
    """Whose session this token is; None if it ended, ran out, or its user is disabled or out of the hotel."""
    row = session.execute(
        sa.select(
            UserSession.id.label("session_id"), User.id.label("user_id"), User.name, Membership.role,
            UserSession.hotel_id,
        )
        .join(User, User.id == UserSession.user_id)
        .join(Membership, sa.and_(Membership.user_id == User.id, Membership.hotel_id == UserSession.hotel_id))
        .where(
            UserSession.token_hash.in_(auth.token_hashes(token, keys)),
            UserSession.entered_at.is_not(None),
            UserSession.ended_at.is_(None),
            UserSession.expires_at > clock.now(),
            User.disabled_at.is_(None),
        )
    ).mappings().one_or_none()  # fmt: skip
    return SignedInUser(**row) if row else None


def hotel(session: Session, hotel_id: int) -> HotelFacts:
    """The facts of one hotel."""
    return _facts(session.execute(sa.select(Hotel).where(Hotel.id == hotel_id)).scalar_one())


def hotel_for_number(session: Session, number: str) -> tuple[int, bool]:
    """The hotel an inbound message's `To` belongs to.

    Returns: its id, and whether the number is known; an unknown one goes to the first hotel.
    """
    known = session.execute(sa.select(Hotel.id).where(Hotel.whatsapp_number == number)).scalar()
    if known is not None:
        return known, True
    return session.execute(sa.select(Hotel.id).order_by(Hotel.id).limit(1)).scalar_one(), False


def hotels(session: Session) -> list[tuple[HotelFacts, str | None]]:
    """All hotels with their WhatsApp numbers, for commands."""
    found = session.execute(sa.select(Hotel).order_by(Hotel.id)).scalars()
    return [(_facts(each), each.whatsapp_number) for each in found]


def members(session: Session) -> list[Member]:
    """Everybody's roles, for commands."""
    rows = session.execute(
        sa.select(User.email, User.name, Membership.role, Hotel.slug.label("hotel"), User.disabled_at)
        .join(Membership, Membership.user_id == User.id)
        .join(Hotel, Hotel.id == Membership.hotel_id)
        .order_by(Hotel.id, User.email)
    ).mappings()
    return [Member(**row) for row in rows]


def _facts(hotel: Hotel) -> HotelFacts:
    assert hotel.id is not None
    return HotelFacts(
        id=hotel.id, slug=hotel.slug, name=hotel.name, kind=hotel.kind, time_zone=hotel.time_zone,
        language=hotel.language, has_concierge=hotel.has_concierge,
    )  # fmt: skip
