"""The guest panel: who this is, and what we talked about before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat.models import Conversation, Guest, GuestIdentity, IdentityKind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PastConversation:
    """An earlier conversation of the guest."""

    id: int
    last_text: str
    status: Status
    activity_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestFacts:
    """What the panel shows of a guest."""

    id: int
    name: str
    language: str | None
    created_at: datetime
    addresses: tuple[tuple[IdentityKind, str], ...]
    past: tuple[PastConversation, ...]  # newest first, without the one in view


def guest(session: Session, guest_id: int, conversation_id: int) -> GuestFacts | None:
    """The guest of a conversation; three statements."""
    found = session.execute(sa.select(Guest).where(Guest.id == guest_id)).scalar_one_or_none()
    if found is None or found.id is None or found.created_at is None:
        return None
    addresses = session.execute(
        sa.select(GuestIdentity.kind, GuestIdentity.value)
        .where(GuestIdentity.guest_id == guest_id)
        .order_by(GuestIdentity.id)
    )
    past = session.execute(
        sa.select(Conversation.id, Conversation.last_text, Conversation.status, Conversation.activity_at)
        .where(Conversation.guest_id == guest_id, Conversation.id != conversation_id)
        .order_by(Conversation.id.desc())
        .limit(5)
    ).mappings()
    return GuestFacts(
        id=found.id,
        name=found.name,
        language=found.language,
        created_at=found.created_at,
        addresses=tuple((row.kind, row.value) for row in addresses),
        past=tuple(PastConversation(**row) for row in past),
    )
