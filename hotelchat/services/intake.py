"""A guest's message is stored once, however often the channel delivers it, and its conversation marked as waiting.

The conversation's row is locked before a message's id is drawn, so that within a conversation ids follow commits and no
cursor passes a message by. Source: ENGINE.md, Nothing lost.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat import clock
from hotelchat.after_commit import Job, emit, enqueue
from hotelchat.channels.port import InboundMessage
from hotelchat.events import MessageReceived
from hotelchat.models.preview import preview
from hotelchat.services import conversations, guests


@dataclass(frozen=True, slots=True)
class Arrival:
    """An inbound message and the hotel it belongs to."""

    hotel_id: int
    inbound: InboundMessage

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same message when it is delivered again."""
        return self.inbound.account, self.inbound.provider_id


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an inbound message; `message_id` is None for one that is stored already."""

    conversation_id: int
    message_id: int | None


def receive(session: Session, hotel_id: int, inbound: InboundMessage) -> Received:
    """Store one message; of a guest never seen before as well."""
    arrival = Arrival(hotel_id, inbound)
    conversation_id = _known(arrival, _find(session, [arrival], _LOCK))
    if conversation_id is None:
        stored = session.connection().execute(_STORED, {"account": inbound.account, "id": inbound.provider_id}).scalar()
        if stored is not None:  # delivered again after its conversation was resolved: begins no new one
            return Received(stored, None)
        guest_id = guests.recognise(session, hotel_id, inbound.sender)
        conversation_id = conversations.current_for(session, hotel_id, guest_id, inbound.channel, inbound.to)
    return _store(session, [(arrival, conversation_id)])[arrival.key]


def receive_known(session: Session, arrivals: Sequence[Arrival]) -> dict[tuple[str, str], Received]:
    """Store many messages of guests with an open conversation, in two statements; never waits for a lock.

    Returns: what was done, by `Arrival.key`. What is missing needs `receive`: a new guest, a resolved conversation,
        or one that somebody else holds at this moment.
    """
    found = _find(session, arrivals, _LOCK_FREE)
    known = ((each, _known(each, found)) for each in arrivals)
    ready = [(each, conversation_id) for each, conversation_id in known if conversation_id is not None]
    return _store(session, ready) if ready else {}


_Sender = tuple[int, str, str]  # hotel, kind of address, address


def _senders(arrival: Arrival) -> list[_Sender]:
    return [(arrival.hotel_id, each.kind.value, each.value) for each in arrival.inbound.sender.identities]


def _known(arrival: Arrival, found: dict[_Sender, int]) -> int | None:
    """The conversation of a sender all of whose addresses we know; a new address must be learned first."""
    conversations = {found.get(sender) for sender in _senders(arrival)}
    return conversations.pop() if len(conversations) == 1 else None


def _find(session: Session, arrivals: Sequence[Arrival], statement: sa.TextClause) -> dict[_Sender, int]:
    """The open conversations of these senders, their rows locked, in the order of their ids."""
    senders = {sender for arrival in arrivals for sender in _senders(arrival)}
    hotels, kinds, values = (list(each) for each in zip(*senders, strict=True))
    wanted = {"hotels": hotels, "kinds": kinds, "values": values, "channel": arrivals[0].inbound.channel}
    rows = session.connection().execute(statement, wanted)
    return {(row.hotel_id, row.kind, row.value): row.id for row in rows}


def _store(session: Session, ready: Sequence[tuple[Arrival, int]]) -> dict[tuple[str, str], Received]:
    """Messages and what the list shows of their conversations, in one statement; then the bell."""
    done = {arrival.key: Received(conversation_id, None) for arrival, conversation_id in ready}
    first_of_each = {arrival.key: (arrival, conversation_id) for arrival, conversation_id in reversed(ready)}
    rows = [_row(*pair) for pair in reversed(first_of_each.values())]
    for row in session.connection().execute(_STORE, {"rows": json.dumps(rows), "now": clock.now()}):
        done[row.account, row.provider_id] = Received(row.conversation_id, row.id)
        emit(
            session,
            MessageReceived(hotel_id=row.hotel_id, conversation_id=row.conversation_id, message_id=row.id),
        )
        if row.concierge == "on" and not row.needs_human:
            enqueue(session, Job.ANSWER_GUEST, row.conversation_id)
    return done


def _row(arrival: Arrival, conversation_id: int) -> dict[str, Any]:
    inbound = arrival.inbound
    return {
        "hotel_id": arrival.hotel_id,
        "conversation_id": conversation_id,
        "kind": inbound.kind.value,
        "text": inbound.text,
        "raw": inbound.raw,
        "account": inbound.account,
        "provider_id": inbound.provider_id,
        "preview": preview(inbound.kind, inbound.text),
        "sender": inbound.to,
    }


_STORED = sa.text("SELECT conversation_id FROM message WHERE account = :account AND provider_id = :id")
_OPEN = """
    SELECT c.id, i.hotel_id, i.kind, i.value
    FROM unnest(CAST(:hotels AS int[]), CAST(:kinds AS text[]), CAST(:values AS text[])) AS w(hotel_id, kind, value)
    JOIN guest_identity i ON i.hotel_id = w.hotel_id AND i.kind = w.kind AND i.value = w.value
    JOIN conversation c ON c.guest_id = i.guest_id AND c.channel = :channel AND c.status <> 'resolved'
    ORDER BY c.id FOR UPDATE OF c"""
_LOCK, _LOCK_FREE = sa.text(_OPEN), sa.text(_OPEN + " SKIP LOCKED")
_STORE = sa.text("""
    WITH incoming AS (
        SELECT * FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
            hotel_id int, conversation_id int, kind text, text text, raw jsonb, account text, provider_id text,
            preview text, sender text)) WITH ORDINALITY
    ), fresh AS (
        INSERT INTO message
            (hotel_id, conversation_id, direction, author, kind, text, raw, account, provider_id, created_at)
        SELECT hotel_id, conversation_id, 'in', 'guest', kind, text, raw, account, provider_id, :now
        FROM incoming ORDER BY ordinality
        ON CONFLICT DO NOTHING
        RETURNING id, hotel_id, conversation_id, account, provider_id
    ), newest AS (
        SELECT DISTINCT ON (conversation_id) conversation_id, id, preview, sender,
               count(*) OVER (PARTITION BY conversation_id) AS number
        FROM fresh JOIN incoming USING (account, provider_id, conversation_id)
        ORDER BY conversation_id, id DESC
    ), marked AS (
        UPDATE conversation c SET
            status = 'open', sender = n.sender, last_message_id = n.id, last_text = n.preview, last_author = 'guest',
            last_direction = 'in', last_status = NULL, activity_at = :now, last_inbound_id = n.id,
            last_inbound_at = :now, unread = c.unread + n.number, waiting_since = coalesce(c.waiting_since, :now),
            needs_human = c.needs_human OR c.concierge <> 'on',
            needs_human_reason = CASE WHEN c.concierge <> 'on' THEN coalesce(c.needs_human_reason, 'guest_waiting')
                                      ELSE c.needs_human_reason END,
            answer_attempts = 0, answer_after = NULL
        FROM newest n WHERE c.id = n.conversation_id
        RETURNING c.id, c.concierge, c.needs_human
    )
    SELECT f.*, m.concierge, m.needs_human FROM fresh f JOIN marked m ON m.id = f.conversation_id ORDER BY f.id""")
