"""What a guest's phone shows: their own messages, and what reached them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat.models import Author, Conversation, Delivery, Direction, GuestIdentity, Kind, Message

ARRIVED = (Delivery.SENT, Delivery.DELIVERED, Delivery.READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneMessage:
    """One message as its guest sees it."""

    id: int
    direction: Direction
    author: Author
    kind: Kind
    text: str
    created_at: datetime


def on_phone(session: Session, phone: str, limit: int = 40) -> tuple[list[PhoneMessage], set[int]]:
    """The newest messages of the guest with this number, oldest first, and the ids of their conversations."""
    mine = (
        sa.select(Conversation.id)
        .join(GuestIdentity, GuestIdentity.guest_id == Conversation.guest_id)
        .where(GuestIdentity.value == phone)
    )
    ids = set(session.execute(mine).scalars())
    rows = session.execute(
        sa.select(Message.id, Message.direction, Message.author, Message.kind, Message.text, Message.created_at)
        .where(
            Message.conversation_id.in_(ids),
            sa.or_(
                Message.direction == Direction.IN,
                sa.and_(Message.direction == Direction.OUT, sa.or_(*(Message.delivery == each for each in ARRIVED))),
            ),
        )
        .order_by(Message.id.desc())
        .limit(limit)
    ).mappings()
    return [PhoneMessage(**row) for row in reversed(list(rows))], ids
