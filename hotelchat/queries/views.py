"""The views of the inbox: which conversations each holds, in SQL and for a row in hand, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from hotelchat.models import Concierge, Conversation, Status
from hotelchat.queries.inbox_row import InboxRow


class View(StrEnum):
    """A filter of the list, by the name that stands in its address and its handle."""

    NEEDS_HUMAN = "needs-human"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    CONCIERGE = "concierge"
    RESOLVED = "resolved"
    ALL = "all"

    @property
    def waits_longest_first(self) -> bool:
        """Whether who waits longest stands on top; else the newest activity does."""
        return self is View.NEEDS_HUMAN


@dataclass(frozen=True, slots=True)
class Selection:
    """A view as one user sees it; `user_id` is None where it is the same for all, so that screens can share it."""

    hotel_id: int
    view: View
    user_id: int | None = None

    def holds(self, row: InboxRow) -> bool:
        """Whether a conversation stands in this list now."""
        is_open = row.status is Status.OPEN
        with_people = row.needs_human or row.concierge is not Concierge.ON
        return (
            row.hotel_id == self.hotel_id
            and {
                View.NEEDS_HUMAN: is_open and row.needs_human,
                View.MINE: is_open and row.assignee_id == self.user_id,
                View.UNASSIGNED: is_open and row.assignee_id is None and with_people,
                View.CONCIERGE: is_open and row.assignee_id is None and not with_people,
                View.RESOLVED: row.status is Status.RESOLVED,
                View.ALL: True,
            }[self.view]
        )

    def condition(self) -> sa.ColumnElement[bool]:
        """The same in SQL; each has its partial index."""
        is_open = Conversation.status == Status.OPEN
        with_people = sa.or_(Conversation.needs_human, Conversation.concierge != Concierge.ON)
        by_concierge = sa.and_(Conversation.concierge == Concierge.ON, sa.not_(Conversation.needs_human))
        conditions: dict[View, tuple[Any, ...]] = {
            View.NEEDS_HUMAN: (is_open, Conversation.needs_human),
            View.MINE: (is_open, Conversation.assignee_id == self.user_id),
            View.UNASSIGNED: (is_open, Conversation.assignee_id.is_(None), with_people),
            View.CONCIERGE: (is_open, Conversation.assignee_id.is_(None), by_concierge),
            View.RESOLVED: (Conversation.status == Status.RESOLVED,),
            View.ALL: (),
        }
        return sa.and_(Conversation.hotel_id == self.hotel_id, *conditions[self.view])

    def order(self) -> tuple[Any, ...]:
        """The order, as its index has it."""
        if self.view.waits_longest_first:
            return (Conversation.waiting_since.asc(), Conversation.id.asc())
        return (Conversation.activity_at.desc(), Conversation.id.desc())

    def sort_key(self, row: InboxRow) -> tuple[float, int]:
        """The same for rows in hand: smaller stands higher."""
        if self.view.waits_longest_first:
            return ((row.waiting_since or row.activity_at).timestamp(), row.id)
        return (-row.activity_at.timestamp(), -row.id)
