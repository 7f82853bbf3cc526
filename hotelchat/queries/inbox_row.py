"""A conversation as the list and the head of the thread show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hotelchat.models import Concierge, Reason, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One conversation; times in UTC."""

    id: int
    hotel_id: int
    guest_id: int
    guest_name: str  # "" where the guest gave none
    guest_language: str | None
    status: Status
    concierge: Concierge
    needs_human: bool
    reason: Reason | None
    handoff_summary: str | None
    waiting_since: datetime | None
    unread: int
    last_text: str
    last_author: str | None
    last_direction: str | None
    last_status: str | None
    activity_at: datetime
    last_inbound_at: datetime | None
    assignee_id: int | None
    assignee_name: str | None
