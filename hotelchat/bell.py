"""The bell: a list in Redis that says where work waits, and the RQ jobs that are rung from it.

Whoever commits work pushes a few bytes, together with its events; the scheduler process takes them off and enqueues the
jobs. So neither a webhook nor a screen pays for RQ. What is lost here, the sweep finds: the row is the work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import redis
from rq import Queue

from hotelchat.ringing import connect, ring, ring_counts

__all__ = ["JOBS", "QUEUES", "connect", "enqueue", "push", "ring_counts", "take"]
LIST: Final = "hotelchat:bell"
LONGEST: Final = 100_000  # rings kept while no scheduler runs; the sweep finds the rest


@dataclass(frozen=True, slots=True)
class JobKind:
    """How a job is rung; `seconds` is its deadline, longer than every time-out inside."""

    queue: str
    prefix: str
    seconds: int


JOBS: Final = {
    "jobs.answer_guest.answer_guest": JobKind("answers", "answer", 120),
    "jobs.deliver_messages.deliver_messages": JobKind("deliveries", "deliver", 90),
}
QUEUES: Final = ("answers", "deliveries")  # one worker process serves one queue


def push(pipeline: Any, rings: Iterable[tuple[str, int]]) -> None:
    """Add rings (job, conversation id) to a pipeline."""
    pipeline.rpush(LIST, *(f"{job} {conversation_id}" for job, conversation_id in rings))
    pipeline.ltrim(LIST, -LONGEST, -1)


def take(connection: redis.Redis, seconds: float, most: int = 500) -> list[tuple[str, int]]:
    """What was rung since, each once; waits up to `seconds` for the first.

    Raises: redis.RedisError: if Redis is away.
    """
    first: Any = connection.blpop([LIST], timeout=seconds)
    if first is None:
        return []
    more: Any = connection.lpop(LIST, most) or []
    words = (each.decode().split(" ") for each in dict.fromkeys([first[1], *more]))
    return [(job, int(conversation_id)) for job, conversation_id in words]


def enqueue(connection: redis.Redis, job: str, conversation_id: int) -> bool:
    """Ask a worker for a job on a conversation; coalesced with one that waits already. Never raises."""
    kind = JOBS[job]
    queue = Queue(kind.queue, connection=connection)
    return ring(queue, job, conversation_id, job_id=f"{kind.prefix}-{conversation_id}", timeout=kind.seconds)
