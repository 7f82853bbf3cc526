"""`ring`: coalesces with what waits, and with nothing else; never fails its caller."""

import time

import pytest
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.job import Job, JobStatus

from hotelchat.ringing import DEFAULT_RETRY, connect, ring, ring_counts
from jobs.worker import ConcurrentWorker
from tests.jobs.conftest import Desk, OwnRedis, wait_until

NOTHING = "tests.jobs.sample_jobs.nothing"
ALWAYS_FAILS = "tests.jobs.sample_jobs.no_such_function"


def ring_seven(desk: Desk, function: str = NOTHING, retry: Retry | None = None) -> bool:
    return ring(desk.queue, function, str(desk.notes_path), job_id="answer-7", timeout=10, retry=retry)


def work(desk: Desk) -> None:
    ConcurrentWorker([desk.queue], connection=desk.queue.connection).work(burst=True, logging_level="WARNING")


def test_rings_for_a_waiting_job_coalesce(desk: Desk) -> None:
    before = ring_counts().get("coalesced", 0)

    assert [ring_seven(desk) for _ in range(3)] == [True, False, False]

    assert desk.queue.job_ids == ["answer-7"]
    assert ring_counts()["coalesced"] == before + 2


def test_a_ring_for_a_finished_job_rings(desk: Desk) -> None:
    assert ring_seven(desk)
    work(desk)
    assert Job.fetch("answer-7", desk.queue.connection).get_status() is JobStatus.FINISHED

    assert ring_seven(desk)
    assert not ring_seven(desk)
    work(desk)

    assert len(desk.notes("done")) == 2


def test_a_ring_for_a_failed_job_rings(desk: Desk) -> None:
    assert ring_seven(desk, ALWAYS_FAILS)
    work(desk)
    assert Job.fetch("answer-7", desk.queue.connection).get_status() is JobStatus.FAILED

    assert ring_seven(desk)
    work(desk)

    assert len(desk.notes("done")) == 1


def test_a_ring_for_a_started_job_rings_once(desk: Desk) -> None:
    desk.worker(concurrency=1)
    function = "tests.jobs.sample_jobs.wait"
    assert ring(desk.queue, function, str(desk.notes_path), "long", 2, job_id="answer-7", timeout=30)
    wait_until(lambda: desk.notes("start"))

    assert [ring_seven(desk) for _ in range(3)] == [True, False, False]

    wait_until(lambda: desk.notes("done"))


def test_a_ring_for_a_job_that_waits_for_its_retry_coalesces(desk: Desk) -> None:
    assert ring_seven(desk, ALWAYS_FAILS, DEFAULT_RETRY)
    work(desk)
    assert Job.fetch("answer-7", desk.queue.connection).get_status() is JobStatus.SCHEDULED

    assert not ring_seven(desk)


def test_a_ring_is_not_kept_waiting_for_ever_by_a_lost_job(desk: Desk) -> None:
    ring_seven(desk)
    desk.redis.client.hset("rq:job:answer-7", "enqueued_at", "2026-01-01T00:00:00.000000Z")

    assert ring_seven(desk)


def test_after_many_failures_a_ring_still_rings(desk: Desk) -> None:
    for _ in range(10):  # the nine names of the family, then one of the clock
        assert ring_seven(desk, ALWAYS_FAILS)
        work(desk)

    assert desk.queue.failed_job_registry.count == 10


def test_what_rq_does_with_a_fixed_id(desk: Desk) -> None:
    """The reason for the above: RQ refuses an id as long as anything is left of its job."""
    options = {"job_id": "fixed", "unique": True, "result_ttl": 2}
    desk.queue.enqueue(NOTHING, str(desk.notes_path), **options)
    with pytest.raises(DuplicateJobError):  # queued
        desk.queue.enqueue(NOTHING, str(desk.notes_path), **options)
    work(desk)
    with pytest.raises(DuplicateJobError):  # finished, its result not yet expired
        desk.queue.enqueue(NOTHING, str(desk.notes_path), **options)
    time.sleep(2.1)
    desk.queue.enqueue(NOTHING, str(desk.notes_path), **options)


def test_a_ring_without_redis_returns_quickly(own_redis: OwnRedis) -> None:
    queue = Queue("test", connection=connect(own_redis.url, for_web=True))
    assert ring(queue, NOTHING, job_id="a", timeout=10)
    own_redis.kill()
    before = ring_counts().get("redis_away", 0)

    started = time.monotonic()
    assert not ring(queue, NOTHING, job_id="b", timeout=10)

    assert time.monotonic() - started < 0.1
    assert ring_counts()["redis_away"] == before + 1
    own_redis.start()
    assert ring(queue, NOTHING, job_id="b", timeout=10)


def test_a_ring_that_redis_does_not_answer_gives_up(own_redis: OwnRedis) -> None:
    queue = Queue("test", connection=connect(own_redis.url, for_web=True))
    ring(queue, NOTHING, job_id="a", timeout=10)
    own_redis.client.client_pause(3000)

    started = time.monotonic()
    assert not ring(queue, NOTHING, job_id="b", timeout=10)

    assert time.monotonic() - started < 0.8


def test_a_ring_rq_cannot_take_is_refused_without_an_error(desk: Desk) -> None:
    assert not ring(desk.queue, NOTHING, job_id="no:colons", timeout=10)
    assert ring_counts()["refused"] >= 1


def test_a_job_is_described_without_its_arguments(desk: Desk) -> None:
    ring(desk.queue, NOTHING, "room 12", job_id="a", timeout=10)

    job = Job.fetch("a", desk.queue.connection)

    assert job.description == NOTHING
    assert job.retries_left == 3
    assert job.retry_intervals == [1, 3, 10]
    assert (job.timeout, job.result_ttl, job.failure_ttl) == (10, 30, 86400)
