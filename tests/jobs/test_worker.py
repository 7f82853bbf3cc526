"""ConcurrentWorker, with real processes, a real Redis, and kills."""

import signal
import time

import pytest
from rq import Retry, SimpleWorker, Worker
from rq.command import send_shutdown_command
from rq.job import JobStatus
from rq.registry import StartedJobRegistry

from jobs.worker import ConcurrentWorker, run_async
from tests.jobs.conftest import Desk, wait_until


def test_fifty_waiting_jobs_run_at_once(desk: Desk) -> None:
    desk.worker(concurrency=50)
    started = time.monotonic()
    jobs = [desk.enqueue("wait", str(number), 1) for number in range(50)]

    wait_until(lambda: len(desk.notes("end")) == 50)

    assert time.monotonic() - started < 4
    wait_until(lambda: all(job.get_status() is JobStatus.FINISHED for job in jobs))


def test_no_more_jobs_run_at_once_than_allowed(desk: Desk) -> None:
    desk.worker(concurrency=3)
    for number in range(7):
        desk.enqueue("wait", str(number), 0.5)

    wait_until(lambda: len(desk.notes("start")) == 3)
    time.sleep(0.2)
    assert len(desk.notes("start")) == 3
    wait_until(lambda: len(desk.notes("end")) == 7)


@pytest.mark.parametrize("kind", ["coroutine", "sync"])
def test_a_job_is_stopped_exactly_at_its_deadline(desk: Desk, kind: str) -> None:
    desk.worker()
    job = desk.enqueue("timed", kind, job_timeout=1)

    wait_until(lambda: desk.notes("stopped"))

    assert 0.95 < float(desk.notes("stopped")[0].split()[-1]) < 1.2
    wait_until(lambda: job.get_status() is JobStatus.FAILED)
    assert "JobTimeoutException" in job.latest_result().exc_string
    desk.enqueue("nothing", "the worker goes on")
    wait_until(lambda: desk.notes("the worker goes on"))


def test_a_coroutine_that_will_not_be_cancelled_is_left_behind(desk: Desk) -> None:
    desk.worker()
    desk.enqueue("stubborn", job_timeout=1)

    wait_until(lambda: desk.notes("gave up"))

    assert float(desk.notes("gave up")[0].split()[-1]) < 1.6


def test_a_coroutine_knows_its_job_and_keeps_its_own_timeouts(desk: Desk) -> None:
    desk.worker()
    desk.enqueue("who_am_i", job_id="who")
    desk.enqueue("own_timeout")

    wait_until(lambda: len(desk.notes()) == 2)

    assert sorted(desk.notes()) == ["own time-out", "who"]


def test_rqs_own_tools_see_every_job(desk: Desk) -> None:
    desk.worker()
    for number in range(4):
        desk.enqueue("wait", str(number), 1.5)
    wait_until(lambda: len(desk.notes("start")) == 4)

    [worker] = Worker.all(queue=desk.queue)

    assert worker.get_state() == "busy"
    assert len(worker.get_current_executions()) == 4
    assert len(StartedJobRegistry(queue=desk.queue)) == 4
    wait_until(lambda: desk.queue.finished_job_registry.count == 4)
    assert desk.queue.intermediate_queue.get_job_ids() == []
    wait_until(lambda: Worker.all(queue=desk.queue)[0].get_state() == "idle")
    send_shutdown_command(desk.queue.connection, worker.name)
    assert desk.processes[0].gone_after(3)
    assert Worker.all(queue=desk.queue) == []


def test_jobs_of_a_killed_worker_run_again(desk: Desk) -> None:
    first = desk.worker(liveness=2)
    jobs = [desk.enqueue("wait", str(number), 3, retry=Retry(max=3)) for number in range(8)]
    wait_until(lambda: len(desk.notes("start")) == 8)

    first.signal(signal.SIGKILL)
    desk.worker(liveness=2)

    wait_until(lambda: all(job.get_status() is JobStatus.FINISHED for job in jobs), 15)
    assert len(desk.notes("start")) == 16
    assert len(desk.notes("end")) == 8
    assert len(StartedJobRegistry(queue=desk.queue)) == 0


def test_a_long_job_is_not_taken_for_abandoned(desk: Desk) -> None:
    desk.worker(liveness=2)
    desk.worker(liveness=2)
    desk.enqueue("wait", "long", 5, retry=Retry(max=3))

    wait_until(lambda: desk.notes("end"))

    assert len(desk.notes("start")) == 1


def test_sigterm_lets_quick_jobs_end_and_gives_long_ones_back(desk: Desk) -> None:
    worker = desk.worker(drain_seconds=2)
    quick = desk.enqueue("wait", "quick", 1)
    long = desk.enqueue("wait", "long", 20, retry=Retry(max=3))
    plain = desk.enqueue("busy", "plain", 20, retry=Retry(max=3))
    wait_until(lambda: len(desk.notes("start")) == 3)

    worker.signal(signal.SIGTERM)
    time.sleep(0.3)
    late = desk.enqueue("nothing", "late")

    assert worker.gone_after(4) > 1.5
    assert worker.process.returncode == 0
    assert quick.get_status() is JobStatus.FINISHED
    assert [long.get_status(), plain.get_status(), late.get_status()] == [JobStatus.QUEUED] * 3
    assert desk.notes("cancelled") == ["cancelled long"]
    assert Worker.all(queue=desk.queue) == []
    assert len(StartedJobRegistry(queue=desk.queue)) == 0


def test_an_idle_worker_stops_at_once(desk: Desk) -> None:
    worker = desk.worker()
    time.sleep(0.5)

    worker.signal(signal.SIGTERM)

    assert worker.gone_after(3) < 1
    assert worker.process.returncode == 0


def test_a_blocking_call_cannot_keep_the_process(desk: Desk) -> None:
    worker = desk.worker(drain_seconds=0.5)
    desk.enqueue("blocked", 30, job_timeout=60)
    wait_until(lambda: desk.notes("start"))

    worker.signal(signal.SIGTERM)

    assert worker.gone_after(0.5 + 4.5 + 1)


def test_a_second_signal_ends_at_once(desk: Desk) -> None:
    worker = desk.worker(drain_seconds=20)
    desk.enqueue("wait", "long", 20)
    wait_until(lambda: desk.notes("start"))

    worker.signal(signal.SIGTERM)
    worker.signal(signal.SIGINT)  # the same wish, as a terminal and a parent send it together
    time.sleep(1.2)
    assert worker.process.poll() is None
    worker.signal(signal.SIGTERM)

    assert worker.gone_after(3) < 0.5


def test_redis_emptied_in_mid_job(desk: Desk) -> None:
    worker = desk.worker(concurrency=2)
    desk.enqueue("wait", "a", 1)
    desk.enqueue("busy", "b", 1)
    wait_until(lambda: len(desk.notes("start")) == 2)

    desk.redis.client.flushall()

    wait_until(lambda: len(desk.notes("end")) == 2)
    for number in range(4):  # twice the slots: none has leaked
        desk.enqueue("wait", f"later {number}", 0.2)
    wait_until(lambda: len(desk.notes("end later")) == 4)
    wait_until(lambda: len(Worker.all(queue=desk.queue)) == 1)
    assert worker.process.poll() is None


def test_redis_away_for_a_while_in_mid_job(desk: Desk) -> None:
    worker = desk.worker(concurrency=2, liveness=3)
    jobs = [desk.enqueue("wait", str(number), 1, retry=Retry(max=3)) for number in range(2)]
    wait_until(lambda: len(desk.notes("start")) == 2)

    desk.redis.kill()
    time.sleep(10)  # the jobs end meanwhile, and cannot say so
    desk.redis.start()

    for number in range(4):
        desk.enqueue("nothing", f"later {number}")
    assert wait_until(lambda: len(desk.notes("later")) == 4) < 3
    wait_until(lambda: all(job.get_status() is JobStatus.FINISHED for job in jobs), 15)
    assert worker.process.poll() is None
    assert worker.log().count("what=redis") <= 4  # an outage is told once, not at every try


def test_redis_restarted_in_mid_job(desk: Desk) -> None:
    desk.worker()
    job = desk.enqueue("wait", "long", 2, retry=Retry(max=3))
    wait_until(lambda: desk.notes("start"))

    desk.redis.kill()
    desk.redis.start()

    wait_until(lambda: job.get_status() is JobStatus.FINISHED)
    assert len(desk.notes("start")) == 1


def test_a_worker_waits_for_a_redis_that_is_not_there_yet(desk: Desk) -> None:
    desk.redis.kill()
    worker = desk.worker(wait_for="trouble")

    desk.redis.start()
    desk.enqueue("nothing")

    wait_until(lambda: desk.notes("done"))
    assert "trouble_over" in worker.log()


def test_a_worker_stops_in_time_while_redis_is_away(desk: Desk) -> None:
    worker = desk.worker(drain_seconds=1)
    desk.enqueue("wait", "long", 20)
    wait_until(lambda: desk.notes("start"))
    desk.redis.kill()

    worker.signal(signal.SIGTERM)

    assert worker.gone_after(1 + 4.5 + 1)


def test_a_hash_that_is_no_job_stops_nothing(desk: Desk) -> None:
    desk.redis.client.hset("rq:job:broken", mapping={"created_at": "yesterday", "data": b"\xff"})
    desk.redis.client.rpush(desk.queue.key, "broken", "gone")
    desk.worker()
    desk.enqueue("nothing")

    wait_until(lambda: desk.notes("done"))

    assert desk.queue.intermediate_queue.get_job_ids() in ([], ["gone"])


def test_logs_tell_the_job_but_not_its_words(desk: Desk) -> None:
    worker = desk.worker()
    desk.enqueue("fails_at_first", "my room number is 12", 9, job_id="failing")
    desk.enqueue("nothing", "my room number is 12")

    wait_until(lambda: "job_failed" in worker.log() and desk.notes("my room number is 12") and len(desk.notes()) == 2)
    worker.signal(signal.SIGTERM)
    worker.gone_after(3)

    assert "failing" in worker.log()
    assert "room number" not in worker.log()
    assert "secret" not in worker.log()


def test_burst_mode_ends_when_all_is_done(desk: Desk) -> None:
    jobs = [desk.enqueue("wait", str(number), 0.3) for number in range(6)]
    worker = ConcurrentWorker([desk.queue], connection=desk.queue.connection, concurrency=3)

    worker.work(burst=True, logging_level="WARNING")

    assert all(job.get_status() is JobStatus.FINISHED for job in jobs)


def test_one_worker_listens_to_one_queue(desk: Desk) -> None:
    with pytest.raises(ValueError, match="one queue"):
        ConcurrentWorker(["a", "b"], connection=desk.queue.connection)


def test_run_async_outside_a_job_has_no_deadline() -> None:
    async def answer() -> int:
        return 42

    assert run_async(answer()) == 42


def test_run_async_on_the_shared_loop_is_refused() -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        run_async(inner())

    with pytest.raises(RuntimeError, match="await the coroutine"):
        run_async(outer())


def test_coroutine_jobs_run_under_rqs_own_worker_too(desk: Desk) -> None:
    job = desk.enqueue("wait", "elsewhere", 0.1)

    SimpleWorker([desk.queue], connection=desk.queue.connection).work(burst=True, logging_level="WARNING")

    assert job.get_status() is JobStatus.FINISHED
