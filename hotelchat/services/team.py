"""Hotels, users and their sessions: who may sign in, and where."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, select

from hotelchat import auth, clock
from hotelchat.after_commit import emit
from hotelchat.errors import BadInput, Conflict, Unknown
from hotelchat.events import SignedOut
from hotelchat.models import Hotel, Membership, Role, User, UserSession
from hotelchat.settings import whatsapp_address

SESSION_LASTS: Final = timedelta(days=14)
TICKET_LASTS: Final = timedelta(seconds=60)


def add_hotel(session: Session, slug: str, name: str, whatsapp: str | None = None) -> Hotel:
    """A new hotel.

    Raises: Conflict: if the slug or the number is taken.
    """
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", slug):
        raise BadInput("A slug has small letters, digits and dashes only, such as lantern-bay.")
    number = whatsapp_address(whatsapp) if whatsapp else None
    same_number = Hotel.whatsapp_number == number if number else sa.false()
    taken = session.exec(select(Hotel).where(sa.or_(Hotel.slug == slug, same_number))).first()
    if taken is not None:
        what = f"slug {slug}" if taken.slug == slug else "WhatsApp number"
        raise Conflict(f"The {what} belongs to a hotel already: choose another one.")
    hotel = Hotel(slug=slug, name=name, whatsapp_number=number)
    session.add(hotel)
    session.flush()
    return hotel


def first_steps(session: Session, whatsapp_number: str | None, admin: tuple[str, str] | None) -> None:
    """An empty database gets one hotel, which owns the configured number, and the first admin. Harmless later."""
    session.execute(sa.text("SELECT pg_advisory_xact_lock(7227002)"))
    if session.exec(select(Hotel.id).limit(1)).first() is None:
        add_hotel(session, "hotel", "Hotel", whatsapp_number)
    elif whatsapp_number is not None:
        _own_number(session, whatsapp_number)
    if admin is not None and session.exec(select(User.id).limit(1)).first() is None:
        email, password = admin
        add_user(session, email=email, name=email.partition("@")[0].title(), role=Role.ADMIN, password=password)


def hotel_by_slug(session: Session, slug: str | None) -> Hotel:
    """The hotel with this slug; the first one where none is given.

    Raises: Unknown: if there is none.
    """
    statement = select(Hotel).order_by(sa.asc(Hotel.id)).limit(1)
    hotel = session.exec(statement.where(Hotel.slug == slug) if slug else statement).first()
    if hotel is None:
        raise Unknown(f"hotel {slug}" if slug else "hotel", "hotel list")
    return hotel


def add_user(
    session: Session, *, email: str, name: str, role: Role, password: str, hotel_slug: str | None = None
) -> User:
    """Let someone sign in to a hotel; a user who exists already gets a role in this hotel as well.

    Raises: Conflict: if they have a role there.
    """
    hotel = hotel_by_slug(session, hotel_slug)
    address = normal_email(email)
    user = session.exec(select(User).where(User.email == address)).first()
    if user is None:
        user = User(email=address, name=name.strip() or address, password_hash=auth.hash_password(password))
        session.add(user)
        session.flush()
    elif session.exec(select(Membership).where(Membership.user_id == user.id, Membership.hotel_id == hotel.id)).first():
        raise Conflict(f"{address} has a role in {hotel.slug} already. `user passwd` sets a new password.")
    session.add(Membership(hotel_id=hotel.id, user_id=user.id, role=role))
    session.flush()
    return user


def normal_email(email: str) -> str:
    """The one spelling of an e-mail address."""
    address = email.strip().lower()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        raise BadInput("An e-mail address looks like name@example.com.")
    return address


def disable_user(session: Session, email: str) -> None:
    """Nobody signs in as this user any more; open screens end at once."""
    user = _user(session, email)
    user.disabled_at = clock.now()
    session.add(user)
    end_sessions(session, user)


def set_password(session: Session, email: str, password: str) -> None:
    """A new password; whoever was signed in with the old one is signed out. A disabled user may sign in again."""
    user = _user(session, email)
    user.password_hash, user.disabled_at = auth.hash_password(password), None
    session.add(user)
    end_sessions(session, user)


def end_sessions(session: Session, user: User) -> None:
    """Sign a user out everywhere."""
    now = clock.now()
    session.execute(
        sa.update(UserSession)
        .where(UserSession.user_id == user.id, UserSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    for hotel_id in session.exec(select(Membership.hotel_id).where(Membership.user_id == user.id)):
        assert user.id is not None
        emit(session, SignedOut(hotel_id=hotel_id, user_id=user.id, session_id=None))


def sign_in(session: Session, email: str, password: str, keys: tuple[str, ...]) -> str | None:
    """Check a password.

    Returns: a ticket, good for one minute and one use, which the browser exchanges for its session; None if the
        two do not belong together, or the user is unknown, disabled or in no hotel.
    """
    user = session.exec(select(User).where(User.email == email.strip().lower(), User.disabled_at.is_(None))).first()
    membership = session.exec(
        select(Membership).where(Membership.user_id == (user.id if user else None)).order_by(sa.asc(Membership.id))
    ).first()
    if not auth.verify_password(password, user.password_hash if user else None) or user is None or membership is None:
        return None
    ticket = auth.new_token()
    session.add(
        UserSession(
            user_id=user.id,
            hotel_id=membership.hotel_id,
            token_hash=auth.token_hashes(ticket, keys)[0],
            expires_at=clock.now() + TICKET_LASTS,
        )
    )
    return ticket


def enter(
    session: Session, ticket: str, keys: tuple[str, ...], ticket_keys: tuple[str, ...] | None = None
) -> str | None:
    """Exchange a ticket for a session; the token is new, so nothing known before sign-in is worth anything after.

    Args: keys: what signs sessions; ticket_keys: what signed the ticket, where that is more.
    Returns: the session's token for the cookie; None if the ticket is old or used.
    """
    token = auth.new_token()
    entered = session.execute(
        sa.update(UserSession)
        .where(
            UserSession.token_hash.in_(auth.token_hashes(ticket, ticket_keys or keys)),
            UserSession.entered_at.is_(None),
            UserSession.ended_at.is_(None),
            UserSession.expires_at > clock.now(),
        )
        .values(
            token_hash=auth.token_hashes(token, keys)[0],
            entered_at=clock.now(),
            expires_at=clock.now() + SESSION_LASTS,
        )
    )
    return token if entered.rowcount else None


def sign_out(session: Session, session_id: int) -> None:
    """End one session; its screens close in every process."""
    row = session.execute(
        sa.update(UserSession)
        .where(UserSession.id == session_id, UserSession.ended_at.is_(None))
        .values(ended_at=clock.now())
        .returning(UserSession.hotel_id, UserSession.user_id)
    ).one_or_none()
    if row is not None:
        emit(session, SignedOut(hotel_id=row.hotel_id, user_id=row.user_id, session_id=session_id))


def _user(session: Session, email: str) -> User:
    user = session.exec(select(User).where(User.email == email.strip().lower())).first()
    if user is None:
        raise Unknown(f"user {email.strip()}", "user list")
    return user


def _own_number(session: Session, number: str) -> None:
    """The configured sender belongs to the first hotel where no hotel has it, and that one has none."""
    if session.exec(select(Hotel.id).where(Hotel.whatsapp_number == number)).first() is None:
        first = hotel_by_slug(session, None)
        if first.whatsapp_number is None:
            first.whatsapp_number = number
            session.add(first)
