"""What a channel is: a message in; Accepted, Refused, TryLater or Unsure out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hotelchat.models import Delivery, IdentityKind, Kind


@dataclass(frozen=True, slots=True)
class Identity:
    """One address of a guest, without the channel's prefix."""

    kind: IdentityKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who wrote: at least one address, and the name they give themselves."""

    identities: tuple[Identity, ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A guest's message as the channel delivered it, whole."""

    account: str
    provider_id: str
    sender: Sender
    to: str  # our address
    kind: Kind
    text: str
    raw: dict[str, Any] = field(repr=False)
    channel: str = "whatsapp"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What the channel says about an outgoing message."""

    message_id: int
    provider_id: str
    delivery: Delivery | None  # None: a status we do not know; kept, not shown
    status: str
    error_code: int | None
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """A message to send: its own id travels in the status callback's path."""

    message_id: int
    conversation_id: int
    sender: str | None  # our address; None: the channel's own
    to: str
    text: str
    attempts: int  # this one included
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it."""

    account: str
    provider_id: str
    delivery: Delivery = Delivery.SENT


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will not send it, now or later."""

    error_code: int | None


@dataclass(frozen=True, slots=True)
class TryLater:
    """It was certainly not sent, and may be tried again after `seconds`."""

    seconds: float
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Unsure:
    """It may have been sent: never repeat blindly, look it up."""


Outcome = Accepted | Refused | TryLater | Unsure


class Channel(Protocol):
    """Sends; blocks its thread, so only jobs call it."""

    def send(self, message: OutboundMessage) -> Outcome:
        """Hand one message to the provider."""

    def find(self, message: OutboundMessage, known: frozenset[str]) -> Accepted | None:
        """Look up whether the provider has this message, ids in `known` being other messages.

        Raises: OSError: if the provider cannot be asked now.
        """
