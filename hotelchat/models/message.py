"""A message: in, out or note; and what the channel told us about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from hotelchat.models.base import HotelOwned, created, one_of, utc


class Direction(StrEnum):
    """From the guest, to the guest, or between colleagues."""

    IN = "in"
    OUT = "out"
    NOTE = "note"


class Author(StrEnum):
    """Who wrote."""

    GUEST = "guest"
    AGENT = "agent"
    AI = "ai"
    SYSTEM = "system"


class Kind(StrEnum):
    """What a message carries; what is not text is shown by its name until it has a face of its own."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    BUTTON = "button"
    REACTION = "reaction"
    UNKNOWN = "unknown"


class Delivery(StrEnum):
    """How far an outgoing message came. UNKNOWN: sent perhaps, being looked up."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def overrides(self) -> tuple[Delivery, ...]:
        """The statuses this one may follow: forward only.

        `failed` beats what is not yet delivered; a later delivered or read beats `failed`, since the guest did
        get it. Source: WHATSAPP.md 22.
        """
        q, s, t, d, r, f, u = Delivery
        return {q: (), s: (q,), t: (q, s, u), d: (q, s, t, u, f), r: (q, s, t, d, u, f), f: (q, s, t, u), u: (q, s)}[
            self
        ]


class Message(HotelOwned, table=True):
    """One message. Its id is drawn under the conversation's row lock, so ids follow commits within it."""

    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    conversation_id: int = Field(foreign_key="conversation.id")
    direction: Direction = one_of(Direction)
    author: Author = one_of(Author)
    user_id: int | None = Field(default=None, foreign_key="app_user.id")
    kind: Kind = one_of(Kind, default=Kind.TEXT)
    text: str = ""
    raw: dict[str, Any] | None = Field(default=None, sa_type=JSONB)  # all the channel's parameters
    sources: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB)  # articles behind a concierge's answer
    account: str | None = None  # the provider's account and id: unique together
    provider_id: str | None = None
    client_key: str | None = None  # made by the browser: a double press is one message
    delivery: Delivery | None = one_of(Delivery, default=None, nullable=True)
    error_code: int | None = None
    attempts: int = 0
    claimed_at: datetime | None = utc()  # when the last attempt to send it began
    sending_until: datetime | None = utc()  # while this lies ahead, somebody is sending it
    sent_at: datetime | None = utc()
    created_at: datetime | None = created()


class MessageEvent(HotelOwned, table=True):
    """One status callback, kept as it came; each status of a message once."""

    __tablename__ = "message_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    message_id: int = Field(foreign_key="message.id", sa_type=sa.BigInteger)
    status: str
    provider_id: str
    error_code: int | None = None
    raw: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    created_at: datetime | None = created()
