"""A hotel: one property, with its WhatsApp number and the voice of its concierge."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Field, SQLModel

from hotelchat.models.base import created


class Hotel(SQLModel, table=True):
    """One property."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str
    name: str
    kind: str = ""  # "Beach resort": shown under the name
    whatsapp_number: str | None = None  # whatsapp:+34…; an inbound message's To finds its hotel by it
    time_zone: str = "UTC"
    language: str = "en"  # of the house; the concierge answers in the guest's
    has_concierge: bool = True
    created_at: datetime | None = created()

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the hotel's people read times."""
        return ZoneInfo(self.time_zone)
