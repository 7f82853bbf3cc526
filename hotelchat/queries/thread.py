"""The thread: a conversation's messages, by 50, paged by their id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat.models import Author, Delivery, Direction, Kind, Message, User


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """One message as the thread shows it; `created_at` in UTC."""

    id: int
    conversation_id: int
    direction: Direction
    author: Author
    author_name: str | None
    kind: Kind
    text: str
    delivery: Delivery | None
    error_code: int | None
    sources: list[dict[str, Any]] | None
    created_at: datetime


_COLUMNS = (
    Message.id,
    Message.conversation_id,
    Message.direction,
    Message.author,
    User.name.label("author_name"),
    Message.kind,
    Message.text,
    Message.delivery,
    Message.error_code,
    Message.sources,
    Message.created_at,
)
_MESSAGES = sa.select(*_COLUMNS).outerjoin(User, User.id == Message.user_id).order_by(Message.id.desc())


def newest(session: Session, conversation_id: int, limit: int = 50, before: int | None = None) -> list[ThreadMessage]:
    """The newest messages, oldest of them first; `before` an id for the page above."""
    conditions = [Message.conversation_id == conversation_id]
    if before is not None:
        conditions.append(Message.id < before)
    return list(reversed(_read(session, conditions, limit)))


def spoken(session: Session, conversation_id: int, limit: int) -> list[ThreadMessage]:
    """The newest of what guest and hotel said to each other, oldest first: no notes, no lines of the system."""
    conditions = [Message.conversation_id == conversation_id, Message.direction != Direction.NOTE]
    return list(reversed(_read(session, conditions, limit)))


def messages(session: Session, conversation_id: int, ids: Iterable[int]) -> list[ThreadMessage]:
    """These messages of a conversation, oldest first."""
    return list(reversed(_read(session, [Message.conversation_id == conversation_id, Message.id.in_(list(ids))], None)))


def _read(session: Session, conditions: list[Any], limit: int | None) -> list[ThreadMessage]:
    statement = _MESSAGES.where(*conditions).limit(limit)
    return [ThreadMessage(**row) for row in session.execute(statement).mappings()]
