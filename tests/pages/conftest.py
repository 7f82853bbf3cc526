"""Rows and messages as the queries give them, valid unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hotelchat.models import Author, Concierge, Delivery, Direction, Kind, Status
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.thread import ThreadMessage

NOON = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)


@pytest.fixture
def make_row() -> Callable[..., InboxRow]:
    """A conversation; `minutes` after noon something last happened in it."""

    def make(number: int, *, minutes: float = 0, **fields: Any) -> InboxRow:
        moment = NOON + timedelta(minutes=minutes)
        values: dict[str, Any] = {
            "id": number, "hotel_id": 1, "guest_id": number, "guest_name": f"Guest {number}", "guest_language": "en",
            "status": Status.OPEN, "concierge": Concierge.ON, "needs_human": False, "reason": None,
            "handoff_summary": None, "waiting_since": None, "unread": 0, "last_text": "Hello", "last_author": "guest",
            "last_direction": "in", "last_status": None, "activity_at": moment, "last_inbound_at": moment,
            "assignee_id": None, "assignee_name": None,
        }  # fmt: skip
        return InboxRow(**(values | fields))

    return make


@pytest.fixture
def make_message() -> Callable[..., ThreadMessage]:
    """A message, each a minute after the one with the number before."""

    def make(number: int, text: str = "Hello", **fields: Any) -> ThreadMessage:
        values: dict[str, Any] = {
            "id": number, "conversation_id": 1, "direction": Direction.IN, "author": Author.GUEST, "author_name": None,
            "kind": Kind.TEXT, "text": text, "delivery": None, "error_code": None, "sources": None,
            "created_at": NOON + timedelta(minutes=number),
        }  # fmt: skip
        return ThreadMessage(**(values | fields))

    return make


@pytest.fixture
def make_reply(make_message: Callable[..., ThreadMessage]) -> Callable[..., ThreadMessage]:
    """An agent's message to the guest."""

    def make(number: int, text: str = "Good day", **fields: Any) -> ThreadMessage:
        ours = {"direction": Direction.OUT, "author": Author.AGENT, "author_name": "Lena", "delivery": Delivery.QUEUED}
        return make_message(number, text, **(ours | fields))

    return make
