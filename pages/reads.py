"""What the hub reads: each in one short transaction of its own, bound to its hotel, in a thread."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import Session

from hotelchat.db import transaction
from hotelchat.queries import guest_panel, inbox, team
from hotelchat.queries import thread as thread_queries
from hotelchat.queries.guest_panel import GuestFacts
from hotelchat.queries.inbox import Counts
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.team import HotelFacts
from hotelchat.queries.thread import ThreadMessage
from hotelchat.queries.views import Selection
from hotelchat.services import conversations
from pages.feeds import PAGE


def page(selection: Selection, limit: int) -> list[InboxRow]:
    """The first rows of a list."""
    with transaction([selection.hotel_id]) as session:
        return inbox.page(session, selection, limit)


def thread(hotel_id: int, conversation_id: int) -> tuple[InboxRow | None, GuestFacts | None, list[ThreadMessage]]:
    """A conversation with its guest and newest messages; nothing where this hotel has none such."""
    with transaction([hotel_id]) as session:
        row = inbox.rows(session, [conversation_id]).get(conversation_id)
        if row is None:
            return None, None, []
        guest = guest_panel.guest(session, row.guest_id, conversation_id)
        return row, guest, thread_queries.newest(session, conversation_id, PAGE)


def changes(
    hotel_id: int, ids: set[int], messages: dict[int, set[int]], seen: set[int]
) -> tuple[dict[int, InboxRow], dict[int, list[ThreadMessage]]]:
    """Rows that changed, and messages of open threads; what agents have before their eyes is read."""
    with transaction([hotel_id]) as session:
        rows = inbox.rows(session, ids)
        for row in [row for row in rows.values() if row.id in seen and row.unread]:
            conversations.mark_read(session, row.id)
            rows[row.id] = replace(row, unread=0)
        return rows, {
            each: thread_queries.messages(session, each, wanted) if wanted else [] for each, wanted in messages.items()
        }


def counts(hotel_id: int) -> Counts:
    """The numbers of a hotel's views."""
    with transaction([hotel_id]) as session:
        return inbox.counts(session, hotel_id)


def hotel(hotel_id: int) -> HotelFacts:
    """The facts of a hotel."""
    with transaction([hotel_id]) as session:
        return team.hotel(session, hotel_id)


def opened(session: Session, conversation_id: int) -> bool:
    """Whether the hotel of this session has the conversation; opened, it is read."""
    row = inbox.rows(session, [conversation_id]).get(conversation_id)
    if row is not None and row.unread:
        conversations.mark_read(session, conversation_id)
    return row is not None
