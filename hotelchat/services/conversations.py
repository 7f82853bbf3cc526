"""What happens to a conversation: current_for, take over, assign, set_concierge, resolve, reopen, mark read."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from hotelchat import clock
from hotelchat.after_commit import Job, emit, enqueue
from hotelchat.errors import Conflict, NotFound
from hotelchat.events import ConversationChanged
from hotelchat.models import Concierge, Conversation, Reason, Status


def current_for(session: Session, hotel_id: int, guest_id: int, channel: str, sender: str) -> int:
    """The id of the guest's conversation that is not resolved, its row locked; a new one if there is none.

    The lock comes before any message's id is drawn, so that ids follow commits. Source: ENGINE.md.
    """
    conversation_id: int = session.execute(
        insert(Conversation)
        .values(hotel_id=hotel_id, guest_id=guest_id, channel=channel, sender=sender)
        .on_conflict_do_update(
            index_elements=["guest_id", "channel"],
            index_where=sa.text("status <> 'resolved'"),
            set_={"sender": sender},
        )
        .returning(Conversation.id)
    ).scalar_one()
    return conversation_id


def locked(session: Session, conversation_id: int) -> Conversation:
    """The conversation, its row locked until the transaction ends.

    Raises: NotFound: if it is not in the hotels of this transaction.
    """
    statement = select(Conversation).where(Conversation.id == conversation_id).with_for_update()
    conversation = session.exec(statement).one_or_none()
    if conversation is None:
        raise NotFound("conversation")
    return conversation


def take_over(session: Session, conversation_id: int, user_id: int) -> None:
    """An agent steps in: the conversation is theirs, the concierge is silent."""
    conversation = locked(session, conversation_id)
    give_to(conversation, user_id)
    changed(session, conversation)


def assign(session: Session, conversation_id: int, user_id: int | None) -> None:
    """Give the conversation to a user, or to nobody; while a person has it the concierge is silent."""
    conversation = locked(session, conversation_id)
    if user_id is None:
        conversation.assignee_id = None
    else:
        give_to(conversation, user_id)
    changed(session, conversation)


def give_to(conversation: Conversation, user_id: int) -> None:
    """The rule behind taking over, assigning and replying, on a locked row."""
    _must_be_open(conversation)
    conversation.assignee_id = user_id
    if conversation.concierge is Concierge.ON:
        conversation.concierge = Concierge.PAUSED
    if conversation.waiting_since is not None and not conversation.needs_human:
        need_a_person(conversation, Reason.GUEST_WAITING)


def set_concierge(session: Session, conversation_id: int, state: Concierge) -> None:
    """Switch the concierge. On: it has the conversation again and answers what is unanswered."""
    conversation = locked(session, conversation_id)
    _must_be_open(conversation)
    conversation.concierge = state
    if state is Concierge.ON:
        conversation.assignee_id = None
        conversation.needs_human, conversation.needs_human_reason = False, None
        conversation.answer_attempts, conversation.answer_after = 0, None
        if conversation.last_inbound_id and conversation.last_inbound_id > conversation.answered_upto:
            enqueue(session, Job.ANSWER_GUEST, conversation_id)
    elif conversation.waiting_since is not None:
        need_a_person(conversation, conversation.needs_human_reason or Reason.GUEST_WAITING)
    changed(session, conversation)


def resolve(session: Session, conversation_id: int) -> None:
    """The matter is settled. When the guest writes again, a new conversation begins."""
    conversation = locked(session, conversation_id)
    if conversation.status is Status.RESOLVED:
        return
    conversation.status, conversation.resolved_at = Status.RESOLVED, clock.now()
    conversation.needs_human, conversation.needs_human_reason = False, None
    conversation.waiting_since, conversation.unread = None, 0
    conversation.answered_upto = max(conversation.answered_upto, conversation.last_inbound_id or 0)
    changed(session, conversation)


def reopen(session: Session, conversation_id: int, user_id: int) -> None:
    """Open a resolved conversation again; it is the agent's who did.

    Raises: Conflict: if the guest has begun a new conversation meanwhile.
    """
    conversation = locked(session, conversation_id)
    if conversation.status is not Status.RESOLVED:
        return
    conversation.status, conversation.resolved_at = Status.OPEN, None
    conversation.assignee_id, conversation.concierge = user_id, Concierge.PAUSED
    changed(session, conversation)
    try:
        session.flush()
    except IntegrityError as error:  # the unique index decides, not a look before
        raise Conflict("This guest has written again since: go on in the newer conversation.") from error


def mark_read(session: Session, conversation_id: int) -> bool:
    """An agent has it before their eyes.

    Returns: whether anything changed.
    """
    changed = session.execute(
        sa.update(Conversation)
        .where(Conversation.id == conversation_id, Conversation.unread > 0)
        .values(unread=0)
        .returning(Conversation.hotel_id),
        execution_options={"synchronize_session": False},
    ).scalar()
    if changed is None:
        return False
    emit(session, ConversationChanged(hotel_id=changed, conversation_id=conversation_id))
    return True


def need_a_person(conversation: Conversation, reason: Reason, since: datetime | None = None) -> None:
    """Put a locked conversation among those that wait for people."""
    conversation.needs_human, conversation.needs_human_reason = True, reason
    conversation.waiting_since = conversation.waiting_since or since or conversation.last_inbound_at or clock.now()


def _must_be_open(conversation: Conversation) -> None:
    if conversation.status is Status.RESOLVED:
        raise Conflict("This conversation is resolved. Reopen it first.")


def changed(session: Session, conversation: Conversation) -> None:
    """Keep a locked row and tell every screen."""
    assert conversation.id is not None
    session.add(conversation)
    emit(session, ConversationChanged(hotel_id=conversation.hotel_id, conversation_id=conversation.id))
