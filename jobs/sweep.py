"""Rings again for whatever was left behind: the row is the work, the queue only the bell."""

from __future__ import annotations

from hotelchat import live
from hotelchat.after_commit import Job
from hotelchat.db import transaction
from hotelchat.services import answers


def sweep() -> int:
    """Ring for conversations that wait with nobody at them; called each second by the scheduler.

    Returns: how many were rung.
    """
    with transaction() as session:
        waiting = answers.unanswered(session)
        unsent = answers.unsent(session)
    for conversation_id in waiting:
        live.courier().ring(Job.ANSWER_GUEST.value, conversation_id)
    for conversation_id in unsent:
        live.courier().ring(Job.DELIVER_MESSAGES.value, conversation_id)
    return len(waiting) + len(unsent)
