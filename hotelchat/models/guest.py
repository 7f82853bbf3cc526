"""A guest, and the addresses they are known by: a phone number may be absent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from hotelchat.models.base import HotelOwned, created, one_of


class IdentityKind(StrEnum):
    """What kind of address a guest was recognised by.

    Source: WHATSAPP.md 16: with WhatsApp user names the phone number may be absent.
    """

    PHONE = "phone"
    WHATSAPP_USER = "whatsapp_user"


class Guest(HotelOwned, table=True):
    """Someone who wrote to the hotel."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = ""
    language: str | None = None  # ISO 639-1, of what they last wrote
    created_at: datetime | None = created()


class GuestIdentity(HotelOwned, table=True):
    """One address of a guest; unique in its hotel."""

    __tablename__ = "guest_identity"

    id: int | None = Field(default=None, primary_key=True)
    guest_id: int = Field(foreign_key="guest.id")
    kind: IdentityKind = one_of(IdentityKind)
    value: str  # +34… or CC.xxxxxxxx, without the channel's prefix
    created_at: datetime | None = created()
