"""Messages come into being: receive, reply, add_note, add_system_line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from hotelchat import clock
from hotelchat.after_commit import Job, emit, enqueue
from hotelchat.channels.port import InboundMessage
from hotelchat.errors import BadInput
from hotelchat.events import ConversationChanged, MessageAdded, MessageReceived
from hotelchat.models import (
    Author,
    Concierge,
    Conversation,
    Delivery,
    Direction,
    GuestIdentity,
    Kind,
    Message,
    Reason,
    Status,
)
from hotelchat.models.preview import preview
from hotelchat.services import conversations, guests

LONGEST_TEXT: Final = 1600  # characters; Twilio refuses more with 21617


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an inbound message; `message_id` is None for one that is stored already."""

    conversation_id: int
    message_id: int | None


def receive(session: Session, hotel_id: int, inbound: InboundMessage) -> Received:
    """Store a guest's message once, however often the channel delivers it, and mark the conversation as waiting."""
    conversation_id = _known_conversation(session, hotel_id, inbound)
    if conversation_id is None:
        guest_id = guests.recognise(session, hotel_id, inbound.sender)
        conversation_id = conversations.current_for(session, hotel_id, guest_id, inbound.channel, inbound.to)
    stored = session.execute(_STORE, _inbound_values(hotel_id, conversation_id, inbound)).one_or_none()
    if stored is None:
        return Received(conversation_id, None)
    emit(session, MessageReceived(hotel_id=hotel_id, conversation_id=conversation_id, message_id=stored.id))
    if stored.concierge is Concierge.ON and not stored.needs_human:
        enqueue(session, Job.ANSWER_GUEST, conversation_id)
    return Received(conversation_id, stored.id)


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


def retry(session: Session, message_id: int) -> None:
    """Send a failed message again, as the agent asked."""
    row = session.execute(
        sa.update(Message)
        .where(Message.id == message_id, Message.delivery == Delivery.FAILED, Message.direction == Direction.OUT)
        .values(delivery=Delivery.QUEUED, error_code=None, provider_id=None, sending_until=None, attempts=0)
        .returning(Message.hotel_id, Message.conversation_id)
    ).one_or_none()
    if row is None:
        return
    session.execute(
        sa.update(Conversation)
        .where(Conversation.id == row.conversation_id, Conversation.last_message_id == message_id)
        .values(last_status=Delivery.QUEUED)
    )
    emit(session, MessageAdded(hotel_id=row.hotel_id, conversation_id=row.conversation_id, message_id=message_id))
    emit(session, ConversationChanged(hotel_id=row.hotel_id, conversation_id=row.conversation_id))
    enqueue(session, Job.DELIVER_MESSAGES, row.conversation_id)


def _known_conversation(session: Session, hotel_id: int, inbound: InboundMessage) -> int | None:
    """The hot path: a guest we know, in an open conversation; one round trip, its row locked."""
    first = inbound.sender.identities[0]
    found: int | None = session.execute(
        _FIND, {"hotel": hotel_id, "kind": first.kind, "value": first.value, "channel": inbound.channel}
    ).scalar()
    return found


def _inbound_values(hotel_id: int, conversation_id: int, inbound: InboundMessage) -> dict[str, Any]:
    return {
        "b_hotel": hotel_id,
        "b_conversation": conversation_id,
        "b_kind": inbound.kind,
        "b_text": inbound.text,
        "b_raw": inbound.raw,
        "b_account": inbound.account,
        "b_provider": inbound.provider_id,
        "b_now": clock.now(),
        "b_preview": preview(inbound.kind, inbound.text),
        "b_to": inbound.to,
    }


def _by_client_key(session: Session, conversation_id: int, client_key: str) -> int | None:
    found: int | None = session.execute(
        sa.select(Message.id).where(Message.conversation_id == conversation_id, Message.client_key == client_key)
    ).scalar()
    return found


def _clean(text: str) -> str:
    body = text.replace("\x00", "").strip()
    if not body:
        raise BadInput("There is nothing to send yet. Write a message first.")
    if len(body) > LONGEST_TEXT:
        raise BadInput(f"WhatsApp takes {LONGEST_TEXT} characters at most; this has {len(body)}. Send it in two parts.")
    return body


# Built once: the webhook's two statements. The first locks the row before the second draws the message's id.
_FIND = (
    sa.select(Conversation.id)
    .join(GuestIdentity, GuestIdentity.guest_id == Conversation.guest_id)
    .where(
        GuestIdentity.hotel_id == sa.bindparam("hotel"),
        GuestIdentity.kind == sa.bindparam("kind"),
        GuestIdentity.value == sa.bindparam("value"),
        Conversation.channel == sa.bindparam("channel"),
        Conversation.status != Status.RESOLVED,
    )
    .with_for_update(of=Conversation)
)
_new = (
    insert(Message)
    .values(
        hotel_id=sa.bindparam("b_hotel"),
        conversation_id=sa.bindparam("b_conversation"),
        direction=Direction.IN,
        author=Author.GUEST,
        kind=sa.bindparam("b_kind"),
        text=sa.bindparam("b_text"),
        raw=sa.bindparam("b_raw"),
        account=sa.bindparam("b_account"),
        provider_id=sa.bindparam("b_provider"),
        created_at=sa.bindparam("b_now"),
    )
    .on_conflict_do_nothing()
    .returning(Message.id)
    .cte("new")
)
_id = sa.select(_new.c.id).scalar_subquery()
_now = sa.bindparam("b_now", type_=sa.DateTime(timezone=True))
_is_with_people = Conversation.concierge != Concierge.ON
_STORE = (
    sa.update(Conversation)
    .where(Conversation.id == sa.bindparam("b_conversation"), sa.exists(sa.select(_new.c.id)))
    .values(
        status=Status.OPEN,
        sender=sa.bindparam("b_to"),
        last_message_id=_id,
        last_text=sa.bindparam("b_preview"),
        last_author=Author.GUEST,
        last_direction=Direction.IN,
        last_status=None,
        activity_at=_now,
        last_inbound_id=_id,
        last_inbound_at=_now,
        unread=Conversation.unread + 1,
        waiting_since=sa.func.coalesce(Conversation.waiting_since, _now),
        needs_human=sa.or_(Conversation.needs_human, _is_with_people),
        needs_human_reason=sa.case(
            (_is_with_people, sa.func.coalesce(Conversation.needs_human_reason, Reason.GUEST_WAITING.value)),
            else_=Conversation.needs_human_reason,
        ),
        answer_attempts=0,
        answer_after=None,
    )
    .returning(Conversation.last_message_id.label("id"), Conversation.concierge, Conversation.needs_human)
    .execution_options(synchronize_session=False)
)
