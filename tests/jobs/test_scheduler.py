"""The scheduler process: retries when due, once; periodic calls whatever becomes of Redis."""

import signal
import time
from datetime import timedelta
from itertools import pairwise

from rq import Queue, Retry

from tests.jobs.conftest import Desk, wait_until


def times(desk: Desk, containing: str) -> list[float]:
    return [float(line.split()[-1]) for line in desk.notes(containing)]


def test_a_failed_job_is_tried_again_after_its_interval(desk: Desk) -> None:
    desk.worker()
    desk.scheduler()
    desk.enqueue("fails_at_first", "job", 2, retry=Retry(max=3, interval=[1, 2]))

    wait_until(lambda: len(desk.notes("try")) == 3)

    first, second, third = times(desk, "try")
    assert 0.0 < second - first < 2.5  # RQ counts in whole seconds: up to one early
    assert 0.9 < third - second < 3.5


def test_two_schedulers_enqueue_a_delayed_job_once(desk: Desk) -> None:
    first, _second = desk.scheduler(), desk.scheduler()
    for number in range(20):
        desk.queue.enqueue_in(timedelta(seconds=1), "tests.jobs.sample_jobs.nothing", str(number))

    wait_until(lambda: desk.queue.count == 20)
    time.sleep(1)
    assert desk.queue.count == 20

    first.signal(signal.SIGTERM)
    assert first.gone_after(3)
    desk.queue.enqueue_in(timedelta(seconds=1), "tests.jobs.sample_jobs.nothing", "later")
    wait_until(lambda: desk.queue.count == 21, 4)  # the other has taken over


def test_a_killed_scheduler_is_replaced(desk: Desk) -> None:
    desk.scheduler().signal(signal.SIGKILL)
    desk.scheduler()
    desk.queue.enqueue_in(timedelta(seconds=1), "tests.jobs.sample_jobs.nothing", "x")

    wait_until(lambda: desk.queue.count == 1, 9)


def test_periodic_calls_go_on_without_redis(desk: Desk) -> None:
    scheduler = desk.scheduler()
    wait_until(lambda: len(desk.notes("tick")) > 2)

    desk.redis.kill()
    before = len(desk.notes("tick"))
    time.sleep(3)
    ticks = times(desk, "tick")[before:]
    assert len(ticks) > 10
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.8

    desk.redis.start()
    desk.queue.enqueue_in(timedelta(seconds=1), "tests.jobs.sample_jobs.nothing", "x")
    wait_until(lambda: desk.queue.count == 1, 5)
    assert "ZeroDivisionError" in scheduler.log()  # one that always fails disturbs nobody, and is told once
    assert scheduler.log().count("ZeroDivisionError") == 1
    assert "trouble_over" in scheduler.log()


def test_an_emptied_redis_is_served_on(desk: Desk) -> None:
    desk.scheduler()
    time.sleep(1)

    desk.redis.client.flushall()
    desk.queue.enqueue_in(timedelta(seconds=1), "tests.jobs.sample_jobs.nothing", "x")

    wait_until(lambda: desk.queue.count == 1, 5)


def test_the_scheduler_stops_quickly_and_lets_go(desk: Desk) -> None:
    scheduler = desk.scheduler()
    wait_until(lambda: Queue("test", connection=desk.queue.connection).scheduler_pid == scheduler.process.pid)

    scheduler.signal(signal.SIGTERM)

    assert scheduler.gone_after(3) < 1
    assert scheduler.process.returncode == 0
    assert desk.queue.scheduler_pid is None
