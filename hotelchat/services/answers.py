"""The concierge's side of a conversation: a lease to think under, and a fenced commit of what it thought.

The row is the work: a conversation waits for the concierge while a guest's message is newer than `answered_upto`.
Whoever holds the lease thinks; whoever lost it, or whom a person or another answer overtook, writes nothing.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, select

from hotelchat import clock
from hotelchat.after_commit import Job, enqueue
from hotelchat.models import Author, Concierge, Conversation, Delivery, Direction, Guest, Hotel, Message, Reason, Status
from hotelchat.services import conversations, handoffs, messages

LEASE_SECONDS: Final = 9
MOST_ATTEMPTS: Final = 4
# Only the whole message counts: in a hotel, "cancel" is usually a booking. Source: WHATSAPP.md 30.
_OPT_OUT = re.compile(r"\s*(stop|stopall|stop all|unsubscribe|optout|opt out|revoke)[\s.!]*", re.IGNORECASE)

WAITS_FOR_CONCIERGE = sa.and_(
    Conversation.status == Status.OPEN,
    Conversation.concierge == Concierge.ON,
    sa.not_(Conversation.needs_human),
    Conversation.last_inbound_id > Conversation.answered_upto,
)


def is_opt_out(text: str) -> bool:
    """Whether the whole message asks us to stop writing; such a message is never answered."""
    return _OPT_OUT.fullmatch(text) is not None


def take_lease(session: Session, conversation_id: int, holder: str) -> bool:
    """Claim the thinking about this conversation for a few seconds.

    Returns: False if there is nothing to answer now, or somebody else thinks.
    """
    now = sa.func.clock_timestamp()
    taken = session.execute(
        sa.update(Conversation)
        .where(
            Conversation.id == conversation_id,
            WAITS_FOR_CONCIERGE,
            sa.or_(Conversation.lease_until.is_(None), Conversation.lease_until < now),
            sa.or_(Conversation.answer_after.is_(None), Conversation.answer_after < now),
        )
        .values(lease_by=holder, lease_until=now + timedelta(seconds=LEASE_SECONDS))
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount)


def renew_leases(session: Session, holders: list[str]) -> None:
    """Keep the leases of living holders from running out; called every 2 to 3 seconds."""
    now = sa.func.clock_timestamp()
    session.execute(
        sa.update(Conversation)
        .where(Conversation.lease_by.in_(holders), Conversation.lease_until > now)
        .values(lease_until=now + timedelta(seconds=LEASE_SECONDS))
        .execution_options(synchronize_session=False)
    )


def release_lease(session: Session, conversation_id: int, holder: str) -> None:
    """Done: let the next one in at once. Harmless if the lease was lost."""
    session.execute(
        sa.update(Conversation)
        .where(Conversation.id == conversation_id, Conversation.lease_by == holder)
        .values(lease_by=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def commit_reply(
    session: Session, conversation_id: int, holder: str, upto: int, text: str, sources: list[dict[str, Any]]
) -> bool:
    """Store the concierge's answer to everything up to message `upto`, queued for sending.

    Returns: False if it came too late: nothing is written, the draft is dropped.
    """
    conversation = _fenced(session, conversation_id, holder, upto)
    if conversation is None:
        return False
    conversation.answered_upto, conversation.answer_attempts, conversation.answer_after = upto, 0, None
    if (conversation.last_inbound_id or 0) <= upto:
        conversation.waiting_since = None
    messages.add(
        session, conversation, direction=Direction.OUT, author=Author.AI, text=text, delivery=Delivery.QUEUED,
        sources=sources or None,
    )  # fmt: skip
    enqueue(session, Job.DELIVER_MESSAGES, conversation_id)
    return True


def commit_handoff(
    session: Session, conversation_id: int, holder: str, upto: int, reason: Reason, text: str, summary: str | None
) -> bool:
    """Give the conversation to people, and tell the guest so in `text` (nothing is said where it is empty).

    Returns: False if it came too late.
    """
    conversation = _fenced(session, conversation_id, holder, upto)
    if conversation is None:
        return False
    conversation.answered_upto, conversation.answer_attempts, conversation.answer_after = upto, 0, None
    if text:
        messages.add(
            session, conversation, direction=Direction.OUT, author=Author.AI, text=text, delivery=Delivery.QUEUED
        )
        enqueue(session, Job.DELIVER_MESSAGES, conversation_id)
    handoffs.request(session, conversation, reason, summary)
    return True


def leave_unanswered(session: Session, conversation_id: int, holder: str, upto: int) -> None:
    """The guest said stop: everything so far counts as answered, and nothing is sent."""
    conversation = _fenced(session, conversation_id, holder, upto)
    if conversation is None:
        return
    conversation.answered_upto, conversation.waiting_since = upto, None
    messages.add_system_line(session, conversation, "The guest asked us to stop writing. The concierge is silent.")


def failed(session: Session, conversation_id: int, holder: str, seconds: float) -> bool:
    """The model gave no usable answer: try again in `seconds`, or after some attempts call a person.

    Returns: whether a person was called.
    """
    conversation = conversations.locked(session, conversation_id)
    is_ours = conversation.concierge is Concierge.ON and conversation.status is Status.OPEN
    if conversation.lease_by != holder or not is_ours or conversation.needs_human:
        return False
    conversation.answer_attempts += 1
    conversation.answer_after = clock.now() + timedelta(seconds=seconds)
    conversation.lease_by, conversation.lease_until = None, None
    session.add(conversation)
    if conversation.answer_attempts < MOST_ATTEMPTS:
        return False
    handoffs.request(session, conversation, Reason.CONCIERGE_FAILED)  # unanswered: switched on again, it tries again
    return True


def without_concierge(session: Session, conversation_id: int) -> bool:
    """There is no concierge here: a waiting conversation waits for people. True if it did wait."""
    conversation = conversations.locked(session, conversation_id)
    waits = (conversation.last_inbound_id or 0) > conversation.answered_upto
    if conversation.status is not Status.OPEN or conversation.needs_human or not waits:
        return False
    conversations.need_a_person(conversation, Reason.CONCIERGE_OFF)
    conversations.changed(session, conversation)
    return True


def unanswered(session: Session, limit: int = 500) -> list[int]:
    """Conversations that wait for the concierge with nobody thinking about them; oldest first."""
    now = sa.func.clock_timestamp()
    return list(
        session.exec(
            select(Conversation.id)
            .where(
                WAITS_FOR_CONCIERGE,
                sa.or_(Conversation.lease_until.is_(None), Conversation.lease_until < now),
                sa.or_(Conversation.answer_after.is_(None), Conversation.answer_after < now),
            )
            .order_by(sa.asc(Conversation.last_inbound_at))
            .limit(limit)
        )
    )


def unsent(session: Session, limit: int = 500) -> list[int]:
    """Conversations with messages to send, or to look up, that nobody is sending; oldest first."""
    return list(
        session.exec(
            select(Message.conversation_id)
            .where(
                sa.or_(
                    Message.delivery == Delivery.QUEUED,
                    Message.delivery == Delivery.SENDING,
                    Message.delivery == Delivery.UNKNOWN,
                ),
            )
            .group_by(Message.conversation_id)
            .having(  # one that waits, or is on its way, keeps those behind it waiting too
                sa.func.coalesce(sa.func.max(Message.sending_until), clock.now()) <= clock.now()
            )
            .order_by(sa.func.min(Message.id))
            .limit(limit)
        )
    )


def has_concierge(session: Session, conversation_id: int) -> bool:
    """Whether the hotel of this conversation lets the concierge answer."""
    return bool(
        session.exec(
            select(Hotel.has_concierge).join(Conversation).where(Conversation.id == conversation_id)
        ).one_or_none()
    )


def note_language(session: Session, guest_id: int, language: str) -> None:
    """Remember the language a guest writes in; the list shows it."""
    session.execute(
        sa.update(Guest)
        .where(Guest.id == guest_id, Guest.language.is_distinct_from(language))
        .values(language=language)
        .execution_options(synchronize_session=False)
    )


def _fenced(session: Session, conversation_id: int, holder: str, upto: int) -> Conversation | None:
    """The locked conversation if its lease is still ours, nobody answered meanwhile, and no person has it."""
    conversation = conversations.locked(session, conversation_id)
    holds = conversation.lease_by == holder and conversation.answered_upto < upto
    is_ours = conversation.concierge is Concierge.ON and conversation.status is Status.OPEN
    return conversation if holds and is_ours and not conversation.needs_human else None
