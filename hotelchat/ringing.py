"""The bell: connections to Redis, and `ring`, which asks a worker for a job and never fails its caller.

What `unique=True` of RQ 3.0 does (rq/scripts.py, UNIQUE_ENQUEUE_SCRIPT): it refuses an id while the hash of
its job exists, whatever its state. So a fixed id is refused while its job is queued (wanted), but also while
it is started, scheduled for a retry, finished (until `result_ttl`) and failed (until `failure_ttl`: a day).
`ring` therefore takes the caller's id as the name of a family: `answer-7`, then `answer-7--1` to
`answer-7--8`. It coalesces only with a member that still waits; if none does, it takes the first free name.
Callers use one fixed id per piece of work (`answer-<conversation id>`), for ever.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import redis
import structlog
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry as RedisRetry
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.job import Job, JobStatus
from rq.utils import as_text, now, utcparse

log = structlog.get_logger()

DEQUEUE_SECONDS = 5  # a blocking BLMOVE; every socket time-out of a worker is longer
DEFAULT_RETRY = Retry(max=3, interval=[1, 3, 10])
RESULT_TTL = 30
FAILURE_TTL = 24 * 3600
SUCCESSORS = 8
WAITING = {JobStatus.QUEUED, JobStatus.SCHEDULED, JobStatus.DEFERRED}
# A job that waits longer may have been lost between Redis and a crashed worker: ring again beside it.
COALESCE_FOR = timedelta(seconds=60)

_counts: Counter[str] = Counter()
_counts_lock = threading.Lock()


def connect(redis_url: str, *, for_web: bool = False) -> redis.Redis:
    """A client with its own pool; opens no connection yet.

    Args:
        for_web: fail within 0.5 s and never try again: a request must not wait for Redis. Otherwise the
            client of a worker: 4 tries within a second, a socket time-out of three blocking dequeues, and no
            limit on connections (redis-py's own is 100, fewer than a worker may have threads).
    """
    if for_web:
        return redis.Redis.from_url(
            redis_url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=RedisRetry(NoBackoff(), 0)
        )
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=3 * DEQUEUE_SECONDS,
        socket_connect_timeout=2,
        health_check_interval=15,
        max_connections=2**16,
        retry=RedisRetry(ExponentialWithJitterBackoff(base=0.1, cap=0.5), 3),
    )


def ring(
    queue: Queue,
    function_path: str,
    *args: Any,
    job_id: str,
    timeout: int,
    ttl: int | None = None,
    result_ttl: int = RESULT_TTL,
    failure_ttl: int = FAILURE_TTL,
    retry: Retry | None = DEFAULT_RETRY,
) -> bool:
    """Ask for a job, unless one of this id waits already. Never raises: a sweep rings again.

    Args:
        function_path: dotted, as the worker imports it.
        job_id: letters, digits, `-` and `_`; one per piece of work, used again and again (see above).
        timeout, ttl, result_ttl, failure_ttl: seconds; ttl is how long it may wait, None for ever.
        retry: None runs it once: then it is lost with a worker that is killed.

    Returns: True if a job was enqueued; False if one waits already, or Redis is away.
    """

    options = {
        "args": args,
        "timeout": timeout,
        "ttl": ttl,
        "result_ttl": result_ttl,
        "failure_ttl": failure_ttl,
        "description": function_path,  # RQ's default would spell out the arguments
        "retry": retry,
    }
    try:
        rung = _enqueue(queue, function_path, job_id, options)
        if not rung and (name := _free_name(queue.connection, job_id)):
            rung = _enqueue(queue, function_path, name, options)
    except redis.RedisError as error:
        return _count("redis_away", False, error, job_id)
    except Exception as error:
        return _count("refused", False, error, job_id)
    return _count("rung" if rung else "coalesced", rung)


def _enqueue(queue: Queue, function_path: str, name: str, options: dict[str, Any]) -> bool:
    try:
        queue.enqueue_call(function_path, job_id=name, unique=True, **options)
    except DuplicateJobError:
        return False
    return True


def ring_counts() -> Mapping[str, int]:
    """How often a ring of this process was: rung, coalesced, redis_away, refused (what RQ cannot store)."""
    with _counts_lock:
        return dict(_counts)


def _count(outcome: str, rung: bool, error: Exception | None = None, job_id: str | None = None) -> bool:
    with _counts_lock:
        _counts[outcome] += 1
    if error is not None:
        log.warning("ring_failed", job_id=job_id, outcome=outcome, error=type(error).__name__)
    return rung


def _free_name(connection: redis.Redis, job_id: str) -> str | None:
    """The first name of the family that no job holds, or None if one of its jobs still waits.

    If all nine are taken, by failures of a day, the name changes every 10 s.
    """
    names = [job_id, *(f"{job_id}--{number}" for number in range(1, SUCCESSORS + 1))]
    with connection.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.hmget(Job.key_for(name), "status", "enqueued_at", "created_at", "last_heartbeat")
        held = pipeline.execute()
    if any(_waits(status, enqueued_at) for status, enqueued_at, *_ in held):
        return None
    free = (name for name, fields in zip(names, held, strict=True) if not any(fields))
    return next(free, f"{job_id}--t{int(time.time()) // 10}")


def _waits(status: bytes | None, enqueued_at: bytes | None) -> bool:
    if not status or not enqueued_at or as_text(status) not in WAITING:
        return False
    return now() - utcparse(as_text(enqueued_at)) < COALESCE_FOR
