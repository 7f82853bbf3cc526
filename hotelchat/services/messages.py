"""Messages that people here write: reply, add_note, retry; and the lines of the system. Guests' are in intake.py."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from hotelchat import clock
from hotelchat.after_commit import Job, emit, enqueue
from hotelchat.errors import BadInput
from hotelchat.events import MessageAdded
from hotelchat.models import (
    Author,
    Conversation,
    Delivery,
    Direction,
    Kind,
    Message,
)
from hotelchat.models.preview import preview
from hotelchat.services import conversations
from hotelchat.text import storable

LONGEST_TEXT: Final = 1600  # characters; Twilio refuses more with 21617


def reply(session: Session, conversation_id: int, user_id: int, text: str, client_key: str) -> int:
    """An agent's words to the guest: stored as queued, the conversation theirs, the concierge silent.

    Args: client_key: made by the browser for this draft: pressed twice, it is one message.
    Returns: the message's id.
    """
    body = _clean(text)
    conversation = conversations.locked(session, conversation_id)
    if (twin := _by_client_key(session, conversation_id, client_key)) is not None:
        return twin
    conversations.give_to(conversation, user_id)
    settle(conversation)
    message_id = add(
        session, conversation, direction=Direction.OUT, author=Author.AGENT, user_id=user_id, text=body,
        client_key=client_key, delivery=Delivery.QUEUED,
    )  # fmt: skip
    enqueue(session, Job.DELIVER_MESSAGES, conversation_id)
    return message_id


def add_note(session: Session, conversation_id: int, user_id: int, text: str, client_key: str) -> int:
    """Words between colleagues; the guest never sees them.

    Returns: the message's id.
    """
    body = _clean(text)
    conversation = conversations.locked(session, conversation_id)
    if (twin := _by_client_key(session, conversation_id, client_key)) is not None:
        return twin
    return add(
        session, conversation, direction=Direction.NOTE, author=Author.AGENT, user_id=user_id, text=body,
        client_key=client_key,
    )  # fmt: skip


def add(session: Session, conversation: Conversation, **fields: Any) -> int:
    """Put a message into a locked conversation; the list shows it, unless it is a line of the system's.

    Returns: the message's id.
    """
    message_id: int = session.execute(
        insert(Message)
        .values(hotel_id=conversation.hotel_id, conversation_id=conversation.id, created_at=clock.now(), **fields)
        .returning(Message.id)
    ).scalar_one()
    if fields["author"] is not Author.SYSTEM:
        conversation.last_message_id, conversation.activity_at = message_id, clock.now()
        conversation.last_text = preview(fields.get("kind", Kind.TEXT), fields["text"])
        conversation.last_author, conversation.last_direction = fields["author"], fields["direction"]
        conversation.last_status = fields.get("delivery")
    session.add(conversation)
    session.flush()
    assert conversation.id is not None
    emit(
        session,
        MessageAdded(hotel_id=conversation.hotel_id, conversation_id=conversation.id, message_id=message_id),
    )
    return message_id


def add_system_line(session: Session, conversation: Conversation, text: str) -> None:
    """A small line in the thread that says what happened."""
    add(session, conversation, direction=Direction.NOTE, author=Author.SYSTEM, text=text)


def settle(conversation: Conversation) -> None:
    """The guest has been answered: nobody waits, up to the newest message of theirs."""
    conversation.needs_human, conversation.needs_human_reason = False, None
    conversation.waiting_since, conversation.unread = None, 0
    conversation.answered_upto = max(conversation.answered_upto, conversation.last_inbound_id or 0)


def _by_client_key(session: Session, conversation_id: int, client_key: str) -> int | None:
    found: int | None = session.execute(
        sa.select(Message.id).where(Message.conversation_id == conversation_id, Message.client_key == client_key)
    ).scalar()
    return found


def _clean(text: str) -> str:
    body = storable(text).strip()
    if not body:
        raise BadInput("There is nothing to send yet. Write a message first.")
    if len(body) > LONGEST_TEXT:
        raise BadInput(f"WhatsApp takes {LONGEST_TEXT} characters at most; this has {len(body)}. Send it in two parts.")
    return body
