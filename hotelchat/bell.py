"""Which queue a job rings in, and how long it may take. One worker process serves one queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import redis
from rq import Queue

from hotelchat.ringing import connect, ring_counts
from hotelchat.ringing import ring as ring_rq

__all__ = ["QUEUES", "connect", "ring", "ring_counts"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a job is rung; `seconds` is its deadline, longer than every time-out inside."""

    queue: str
    prefix: str
    seconds: int


KINDS: Final = {
    "jobs.answer_guest.answer_guest": Kind("answers", "answer", 120),
    "jobs.deliver_messages.deliver_messages": Kind("deliveries", "deliver", 90),
}
QUEUES: Final = ("answers", "deliveries")


def ring(connection: redis.Redis, job: str, conversation_id: int) -> bool:
    """Ask a worker for a job on a conversation; coalesced with one that waits already. Never raises."""
    kind = KINDS[job]
    queue = Queue(kind.queue, connection=connection)
    return ring_rq(queue, job, conversation_id, job_id=f"{kind.prefix}-{conversation_id}", timeout=kind.seconds)
