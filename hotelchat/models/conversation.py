"""A conversation: the row is the work. Who has it, who waits, and what was answered so far."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from hotelchat.models.base import HotelOwned, created, one_of, utc

SERVICE_WINDOW = timedelta(hours=24)


class Status(StrEnum):
    """Where a conversation stands."""

    OPEN = "open"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Concierge(StrEnum):
    """Whether the concierge answers here: on, paused (a person has it), off (switched off by hand)."""

    ON = "on"
    PAUSED = "paused"
    OFF = "off"


class Reason(StrEnum):
    """Why a person is needed."""

    ASKED_FOR_PERSON = "asked_for_person"
    COMPLAINT = "complaint"
    NOT_IN_KNOWLEDGE = "not_in_knowledge"
    BOOKING = "booking"
    EMERGENCY = "emergency"
    OTHER = "other"
    GUEST_WAITING = "guest_waiting"  # wrote while a person has the conversation
    CONCIERGE_OFF = "concierge_off"  # no key, or switched off for the hotel
    CONCIERGE_FAILED = "concierge_failed"  # the model gave no usable answer


class Conversation(HotelOwned, table=True):
    """A guest's open matter on one channel; one that is not resolved per guest and channel."""

    id: int | None = Field(default=None, primary_key=True)
    guest_id: int = Field(foreign_key="guest.id")
    channel: str = "whatsapp"
    sender: str | None = None  # our address the guest wrote to, and which answers
    status: Status = one_of(Status, default=Status.OPEN)
    concierge: Concierge = one_of(Concierge, default=Concierge.ON)
    assignee_id: int | None = Field(default=None, foreign_key="app_user.id")
    needs_human: bool = False
    needs_human_reason: Reason | None = one_of(Reason, default=None, nullable=True)
    handoff_summary: str | None = None  # what the concierge tells the agents
    waiting_since: datetime | None = utc()  # the guest's oldest unanswered message
    unread: int = 0  # guest's messages that no agent has opened
    # what the list shows of the newest message: kept here, so that a row is one read
    last_message_id: int | None = Field(default=None, sa_type=sa.BigInteger)
    last_text: str = ""
    last_author: str | None = None
    last_direction: str | None = None
    last_status: str | None = None
    activity_at: datetime | None = utc(default_now=True)
    # the answering: see docs/architecture.md
    last_inbound_id: int | None = Field(default=None, sa_type=sa.BigInteger)
    last_inbound_at: datetime | None = utc()
    answered_upto: int = Field(default=0, sa_type=sa.BigInteger)
    answer_attempts: int = 0
    answer_after: datetime | None = utc()  # not before this: the model asked us to wait
    lease_by: str | None = None
    lease_until: datetime | None = utc()
    created_at: datetime | None = created()
    resolved_at: datetime | None = utc()


def service_window_closes_at(last_guest_message_at: datetime) -> datetime:
    """When WhatsApp stops taking free text: 24 hours after the guest last wrote.

    Args: last_guest_message_at: UTC, when the channel received it, not when we stored it.
    Raises: ValueError: if the time has no zone.
    Source: https://www.twilio.com/docs/api/errors/63016
    """
    if last_guest_message_at.tzinfo is None:
        raise ValueError("the time has no zone")
    return last_guest_message_at + SERVICE_WINDOW
