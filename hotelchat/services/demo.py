"""Fills an empty database with the sample hotel: its knowledge, its team, and a week of conversations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from hotelchat import auth, clock
from hotelchat.channels.port import Identity, Sender
from hotelchat.demo.content import PastConversation, PastMessage, load_articles, load_history, load_people
from hotelchat.models import (
    Author,
    Concierge,
    Conversation,
    Delivery,
    Direction,
    Guest,
    Hotel,
    IdentityKind,
    Kind,
    KnowledgeArticle,
    Membership,
    Message,
    Reason,
    Role,
    Status,
    User,
)
from hotelchat.models.preview import preview
from hotelchat.services import guests


def fill(session: Session, password: str) -> None:
    """Put the sample hotel in; does nothing where there is a hotel already.

    Args: password: of everybody in its team.
    """
    session.execute(sa.text("SELECT pg_advisory_xact_lock(7227002)"))
    if session.exec(select(Hotel.id).limit(1)).first() is not None:
        return
    facts = load_people().hotel
    hotel = Hotel(
        slug=facts.slug, name=facts.name, kind=facts.kind, time_zone=facts.time_zone, language="en",
        whatsapp_number=f"whatsapp:{facts.whatsapp_number}",
    )  # fmt: skip
    session.add(hotel)
    session.flush()
    assert hotel.id is not None
    team = _team(session, hotel.id, password)
    session.add_all(
        KnowledgeArticle(hotel_id=hotel.id, title=a.title, body=a.body, language=a.language, topics=a.topic)
        for a in load_articles()
    )
    for past in load_history():
        _conversation(session, hotel, past, team)


def _team(session: Session, hotel_id: int, password: str) -> dict[str, int]:
    """The team's ids by their key."""
    ids = {}
    password_hash = auth.hash_password(password)
    for member in load_people().team:
        user = User(email=member.email, name=member.name, password_hash=password_hash)
        session.add(user)
        session.flush()
        assert user.id is not None
        ids[member.key] = user.id
        session.add(Membership(hotel_id=hotel_id, user_id=user.id, role=Role(member.role)))
    return ids


def _conversation(session: Session, hotel: Hotel, past: PastConversation, team: dict[str, int]) -> None:
    assert hotel.id is not None
    now = clock.now()
    sender = Sender(identities=(Identity(IdentityKind.PHONE, past.guest.phone),), name=past.guest.name)
    guest_id = guests.recognise(session, hotel.id, sender)
    session.execute(sa.update(Guest).where(Guest.id == guest_id).values(language=past.guest.language))
    conversation = Conversation(
        hotel_id=hotel.id,
        guest_id=guest_id,
        sender=hotel.whatsapp_number,
        status=Status(past.status),
        concierge=Concierge(past.concierge),
        assignee_id=team[past.assignee] if past.assignee else None,
        needs_human=past.needs_human is not None,
        needs_human_reason=Reason(past.needs_human) if past.needs_human else None,
        created_at=_at(now, past.messages[0]),
    )
    session.add(conversation)
    session.flush()
    stored = [_message(session, conversation, each, now, team, past.assignee) for each in past.messages]
    _summarise(conversation, stored)
    session.add(conversation)
    session.flush()


def _message(
    session: Session,
    conversation: Conversation,
    past: PastMessage,
    now: datetime,
    team: dict[str, int],
    who: str | None,
) -> Message:
    author = Author(past.author)
    is_note = past.note or author is Author.SYSTEM
    direction = Direction.NOTE if is_note else Direction.IN if author is Author.GUEST else Direction.OUT
    fields: dict[str, Any] = {}
    if direction is Direction.OUT:
        fields = {"delivery": Delivery(past.status or "delivered"), "error_code": past.error_code, "attempts": 1}
    message = Message(
        hotel_id=conversation.hotel_id,
        conversation_id=conversation.id,
        direction=direction,
        author=author,
        user_id=team[who] if author is Author.AGENT and who else None,
        kind=Kind(past.kind),
        text=past.text,
        created_at=_at(now, past),
        **fields,
    )
    session.add(message)
    session.flush()
    return message


def _summarise(conversation: Conversation, stored: list[Message]) -> None:
    """What the row keeps of its messages, as if they had come one by one."""
    shown = [m for m in stored if m.author is not Author.SYSTEM]
    received = [m for m in stored if m.direction is Direction.IN]
    last = shown[-1]
    conversation.last_message_id, conversation.last_text = last.id, preview(last.kind, last.text)
    conversation.last_author, conversation.last_direction = last.author, last.direction
    conversation.last_status, conversation.activity_at = last.delivery, last.created_at
    if received:
        conversation.last_inbound_id, conversation.last_inbound_at = received[-1].id, received[-1].created_at
        conversation.answered_upto = received[-1].id or 0
    if conversation.status is Status.RESOLVED:
        conversation.resolved_at = last.created_at
        return
    by_people = [m.id or 0 for m in stored if m.author is Author.AGENT and m.direction is Direction.OUT]
    waiting = [m for m in received if (m.id or 0) > max(by_people, default=0)]
    if conversation.needs_human and waiting:
        conversation.waiting_since, conversation.unread = waiting[-1].created_at, min(len(waiting), 3)


def _at(now: datetime, past: PastMessage) -> datetime:
    return now - timedelta(minutes=past.minutes_ago)
