"""The concierge gives a conversation to people."""

from __future__ import annotations

from typing import Final

from sqlmodel import Session

from hotelchat.after_commit import emit
from hotelchat.events import HandoffRequested
from hotelchat.models import Concierge, Conversation, Reason
from hotelchat.services import conversations, messages

WORDS: Final = {
    Reason.ASKED_FOR_PERSON: "asked for a person",
    Reason.COMPLAINT: "complaint",
    Reason.NOT_IN_KNOWLEDGE: "not in the hotel's knowledge",
    Reason.BOOKING: "booking",
    Reason.EMERGENCY: "emergency",
    Reason.OTHER: "not sure",
    Reason.GUEST_WAITING: "the guest is waiting",
    Reason.CONCIERGE_OFF: "the concierge is off",
    Reason.CONCIERGE_FAILED: "the concierge could not answer",
}


def request(session: Session, conversation: Conversation, reason: Reason, summary: str | None = None) -> None:
    """Mark a locked conversation as needing a person; the concierge stops here."""
    conversations.need_a_person(conversation, reason)
    conversation.concierge = Concierge.PAUSED
    conversation.handoff_summary = summary
    session.add(conversation)
    assert conversation.id is not None
    messages.add_system_line(session, conversation, f"The concierge called a person: {WORDS[reason]}")
    emit(
        session, HandoffRequested(hotel_id=conversation.hotel_id, conversation_id=conversation.id, reason=reason.value)
    )
