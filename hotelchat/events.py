"""What has happened: frozen facts that carry ids, never text. The docstrings are their documentation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened in one hotel."""

    hotel_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationEvent(Event):
    """Something happened in one conversation; its row in the list may look different now."""

    conversation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(ConversationEvent):
    """A guest wrote; the message is stored."""

    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAdded(ConversationEvent):
    """An agent, the concierge or the system added a message: a reply (queued), a note, a line about what happened."""

    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryChanged(ConversationEvent):
    """The delivery status of an outgoing message moved."""

    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged(ConversationEvent):
    """Assignment, concierge, status, unread count or waiting time of a conversation changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRequested(ConversationEvent):
    """The concierge gave this conversation to people; it waits for an agent."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut(Event):
    """Sessions of this user ended: one of them (signed out), or all (session_id None: disabled, new password)."""

    user_id: int
    session_id: int | None


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (MessageReceived, MessageAdded, DeliveryChanged, ConversationChanged, HandoffRequested, SignedOut)
}


def to_json(events: Iterable[Event]) -> str:
    """Events as they travel between processes, several in one message."""
    return json.dumps([{"event": type(event).__name__} | asdict(event) for event in events])


def from_json(text: str | bytes) -> list[Event]:
    """The events that `to_json` wrote, without kinds that this version does not know (another process is newer)."""
    found = []
    for fields in json.loads(text):
        kind = KINDS.get(fields.pop("event", ""))
        if kind is not None:
            found.append(kind(**fields))
    return found
