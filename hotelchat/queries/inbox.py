"""The list: a page of a view, single rows after a change, and the counts. Each is one statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat.models import Concierge, Conversation, Guest, Status, User
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.views import Selection, View

MOST_COUNTED: Final = 1000  # a larger list says "999+": counting it would cost more than anyone gains

_COLUMNS = (
    Conversation.id,
    Conversation.hotel_id,
    Conversation.guest_id,
    Guest.name.label("guest_name"),
    Guest.language.label("guest_language"),
    Conversation.status,
    Conversation.concierge,
    Conversation.needs_human,
    Conversation.needs_human_reason.label("reason"),
    Conversation.handoff_summary,
    Conversation.waiting_since,
    Conversation.unread,
    Conversation.last_text,
    Conversation.last_author,
    Conversation.last_direction,
    Conversation.last_status,
    Conversation.activity_at,
    Conversation.last_inbound_at,
    Conversation.assignee_id,
    User.name.label("assignee_name"),
)
_ROWS = (
    sa.select(*_COLUMNS)
    .join(Guest, Guest.id == Conversation.guest_id)
    .outerjoin(User, User.id == Conversation.assignee_id)
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many conversations stand in each view, at most 1000; `mine` by user id."""

    totals: dict[View, int]
    mine: dict[int, int] = field(default_factory=dict)
    oldest_waiting: datetime | None = None

    def of(self, view: View, user_id: int) -> int:
        """The count one user sees."""
        return self.mine.get(user_id, 0) if view is View.MINE else self.totals.get(view, 0)


def page(session: Session, selection: Selection, limit: int) -> list[InboxRow]:
    """The first `limit` rows of a view."""
    return _read(session, selection.condition(), selection.order(), limit)


def rows(session: Session, conversation_ids: Iterable[int]) -> dict[int, InboxRow]:
    """These conversations, as far as this session's hotels have them."""
    found = _read(session, Conversation.id.in_(list(conversation_ids)), (), None)
    return {row.id: row for row in found}


def search(session: Session, hotel_id: int, words: str, limit: int = 50) -> list[InboxRow]:
    """Conversations whose guest's name holds these words, newest first."""
    pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    condition = sa.and_(Conversation.hotel_id == hotel_id, Guest.name.ilike(pattern))
    return _read(session, condition, Selection(hotel_id, View.ALL).order(), limit)


def counts(session: Session, hotel_id: int) -> Counts:
    """All counts in one statement; each stops at 1000, along its index."""
    views = [View.NEEDS_HUMAN, View.UNASSIGNED, View.CONCIERGE, View.ALL]
    parts = [_count(Selection(hotel_id, view)).label(view.name) for view in views]
    oldest = (
        sa.select(sa.func.min(Conversation.waiting_since))
        .where(Selection(hotel_id, View.NEEDS_HUMAN).condition())
        .scalar_subquery()
        .label("oldest")
    )
    mine = (
        sa.select(sa.func.jsonb_object_agg(sa.column("who"), sa.column("n")))
        .select_from(
            sa.select(Conversation.assignee_id.label("who"), sa.func.count().label("n"))
            .where(
                Conversation.hotel_id == hotel_id,
                Conversation.status == Status.OPEN,
                Conversation.assignee_id.is_not(None),
            )
            .group_by(Conversation.assignee_id)
            .subquery()
        )
        .scalar_subquery()
        .label("mine")
    )
    row = session.execute(sa.select(*parts, oldest, mine)).one()
    return Counts(
        totals={view: getattr(row, view.name) for view in views},
        mine={int(user): count for user, count in (row.mine or {}).items()},
        oldest_waiting=row.oldest,
    )


def _count(selection: Selection) -> Any:
    limited = sa.select(Conversation.id).where(selection.condition()).order_by(*selection.order())
    limited = limited.limit(MOST_COUNTED).subquery()
    return sa.select(sa.func.count()).select_from(limited).scalar_subquery()


def _read(session: Session, condition: Any, order: tuple[Any, ...], limit: int | None) -> list[InboxRow]:
    statement = _ROWS.where(condition).order_by(*order).limit(limit)
    return [InboxRow(**row) for row in session.execute(statement).mappings()]


def handled_by_concierge(row: InboxRow) -> bool:
    """Whether the concierge has this conversation now."""
    return row.status is Status.OPEN and row.concierge is Concierge.ON and not row.needs_human
