"""Who writes: guests, found by the address they write from."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from hotelchat.channels.port import Sender
from hotelchat.models import Guest, GuestIdentity


def recognise(session: Session, hotel_id: int, sender: Sender) -> int:
    """The id of the guest with one of the sender's addresses; made on first sight, addresses added as they appear.

    Two webhooks of a new guest at once make one guest: the unique index decides, the loser looks again.
    """
    known = _known(session, hotel_id, sender)
    if known is None:
        with session.begin_nested() as attempt:
            created = session.execute(
                insert(Guest).values(hotel_id=hotel_id, name=sender.name).returning(Guest.id)
            ).scalar_one()
            first = sender.identities[0]
            is_ours = session.execute(
                insert(GuestIdentity)
                .values(hotel_id=hotel_id, guest_id=created, kind=first.kind, value=first.value)
                .on_conflict_do_nothing()
            ).rowcount
            if not is_ours:
                attempt.rollback()
        known = created if is_ours else _known(session, hotel_id, sender)
    assert known is not None
    _learn(session, hotel_id, known, sender)
    return known


def _known(session: Session, hotel_id: int, sender: Sender) -> int | None:
    pairs = [(identity.kind, identity.value) for identity in sender.identities]
    found: int | None = session.execute(
        sa.select(GuestIdentity.guest_id)
        .where(
            GuestIdentity.hotel_id == hotel_id,
            sa.or_(*(sa.and_(GuestIdentity.kind == kind, GuestIdentity.value == value) for kind, value in pairs)),
        )
        .order_by(GuestIdentity.id)
        .limit(1)
    ).scalar()
    return found


def _learn(session: Session, hotel_id: int, guest_id: int, sender: Sender) -> None:
    """Keep addresses seen for the first time, and a name where there was none."""
    rows = [
        {"hotel_id": hotel_id, "guest_id": guest_id, "kind": identity.kind, "value": identity.value}
        for identity in sender.identities
    ]
    session.execute(insert(GuestIdentity).values(rows).on_conflict_do_nothing())
    if sender.name:
        session.execute(sa.update(Guest).where(Guest.id == guest_id, Guest.name == "").values(name=sender.name))
