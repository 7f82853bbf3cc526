"""ConcurrentWorker: one RQ worker process that runs many jobs at once, in threads and on one asyncio loop.

It uses RQ's own `work()` and `perform_job()` and overrides only public methods, so RQ's tools see every job.
Private names of RQ touched: none.
"""

import contextlib
import contextvars
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from types import FrameType
from typing import Any

import redis
import structlog
from redis.client import Pipeline
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.suspension import is_suspended
from rq.worker import WorkerStatus

from hotelchat.ringing import DEQUEUE_SECONDS, connect
from jobs.aio import LOOP, run_async
from jobs.deadline import WATCHDOG, ThreadDeadline, WorkerStopping
from jobs.logs import Trouble, frames, quiet_rq
from jobs.pulse import Pulse
from jobs.stop import Commands, Stop

__all__ = ["ConcurrentWorker", "run_async", "run_worker"]

log = structlog.get_logger()

# After the drain: for cancelled jobs to take RQ's retry path, and to sign off. Gone at drain + 4.5 s .
CANCEL_SECONDS = 3.5
LEAVE_SECONDS = 1.0


class ConcurrentWorker(SimpleWorker):
    """Runs up to `concurrency` jobs of one queue at once.

    Args:
        concurrency: jobs at once, each in a thread; waiting jobs belong on the shared loop (`run_async`).
        drain_seconds: how long running jobs may go on after the first SIGTERM.
        liveness: seconds without a heartbeat after which another worker runs this one's jobs again.
    Raises: ValueError: for more than one queue: RQ would then dequeue with BLPOP and lose a job in a crash.
    """

    death_penalty_class = ThreadDeadline

    def __init__(
        self,
        queues: Any,
        name: str | None = None,
        *,
        concurrency: int = 32,
        drain_seconds: float = 20,
        liveness: int = 30,
        **options: Any,
    ) -> None:
        options.setdefault("worker_ttl", liveness)
        options.setdefault("log_job_description", False)
        super().__init__(queues, name, **options)
        if len(self.queues) > 1:
            raise ValueError("A ConcurrentWorker listens to one queue; start one process for each.")
        self.concurrency, self.drain_seconds, self.liveness = concurrency, drain_seconds, liveness
        self.slots = BoundedSemaphore(concurrency)
        self.in_flight: dict[str, tuple[Job, Execution]] = {}
        self.redis_trouble = Trouble("redis")
        self.suspension_checked = 0.0

    # Start and main loop

    @property
    def dequeue_timeout(self) -> int:
        return DEQUEUE_SECONDS

    @property
    def should_run_maintenance_tasks(self) -> bool:
        return False  # the pulse does them, so that a full worker does them too

    def bootstrap(self, *args: Any, **options: Any) -> None:
        self.connection.connection_pool.connection_kwargs.setdefault("client_name", self.name)
        patience = self.drain_seconds + CANCEL_SECONDS + LEAVE_SECONDS
        self.stop = Stop(self.connection, self.name, patience)
        self.pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="job")
        super().bootstrap(*args, **options)
        self.pulse = Pulse(self)
        self.pulse.start()
        log.info("worker_started", worker=self.name, queue=self.queue_names(), concurrency=self.concurrency)

    def subscribe(self) -> None:
        self.commands = Commands(self.connection, self.pubsub_channel_name)

    def unsubscribe(self) -> None:
        self.commands.end()

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Only as part of a pipeline: the pulse beats for the whole worker, whatever RQ's loop does."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        return self.liveness

    def check_for_suspension(self, burst: bool) -> None:
        """Wait while `rq suspend` holds; asks once a second at most."""
        while time.monotonic() - self.suspension_checked > 1:
            try:
                suspended = bool(is_suspended(self.connection))
            except redis.RedisError:
                return  # the dequeue that follows waits for Redis
            if not suspended:
                self.suspension_checked = time.monotonic()
            elif burst or self.stop.requested:
                raise StopRequested()
            else:
                time.sleep(0.5)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a free slot, then for a job; waits for Redis too. `max_idle_time` is not supported.

        Returns: the job and its queue; None only in burst mode (timeout None), when all is done.
        Raises: StopRequested: after a signal.
        """
        while not self.slots.acquire(timeout=0.1):
            self._stop_if_requested()
        found = None
        try:
            while found is None:
                self._stop_if_requested()
                found = self._dequeue(timeout)
                if found is None and timeout is None:
                    if not self.in_flight:
                        return None
                    time.sleep(0.01)
            return found
        finally:
            if found is None:
                self.slots.release()

    def _stop_if_requested(self) -> None:
        if self.stop.requested:
            raise StopRequested()

    def _dequeue(self, timeout: int | None) -> tuple[Job, Queue] | None:
        """One try, at most `timeout` seconds; never raises for Redis or for a job that cannot be read."""
        try:
            found = self.queue_class.dequeue_any(
                self.queues,
                timeout,
                connection=self.connection,
                job_class=self.job_class,
                serializer=self.serializer,
                death_penalty_class=self.death_penalty_class,
            )
            if found is not None:
                found[0].redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
        except DequeueTimeout:
            found = None
        except redis.RedisError as error:
            time.sleep(min(0.1 + self.redis_trouble.met(error), 0.5))
            return None
        except Exception as error:
            self._set_aside(error, getattr(error, "job_id", None))
            return None
        self.redis_trouble.over()
        return found

    def _set_aside(self, error: Exception, job_id: str | None) -> None:
        """A hash that is no job, such as a field written after FLUSHALL: drop its id and keep working."""
        log.error("job_unreadable", job_id=job_id, error=type(error).__name__)
        if job_id is not None:
            with contextlib.suppress(redis.RedisError):
                self.queues[0].intermediate_queue.remove(job_id)

    # One job

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Start a job in a thread; its slot was taken by the dequeue and is given back when it ends."""
        try:
            execution = self.prepare_execution(job)  # in the started registry before it leaves this thread
        except Exception as error:
            self.slots.release()
            log.error("job_not_started", job_id=job.id, error=type(error).__name__)
            return
        self.in_flight[execution.id] = (job, execution)
        self.pool.submit(contextvars.Context().run, self._run, job, queue, execution)

    def _run(self, job: Job, queue: Queue, execution: Execution) -> None:
        structlog.contextvars.bind_contextvars(job_id=job.id)
        started = time.monotonic()
        try:
            succeeded = self.perform_job(job, queue, execution)
            log.debug("job_ended", succeeded=succeeded, seconds=round(time.monotonic() - started, 3))
        except BaseException as error:  # Redis away or emptied: maintenance runs the job again
            log.error("job_not_recorded", error=type(error).__name__, frames=frames(error.__traceback__)[-3:])
        finally:
            self.executions.pop(execution.id, None)
            self.in_flight.pop(execution.id, None)
            self.slots.release()
            self._rest_if_idle()

    def _rest_if_idle(self) -> None:
        if not self.in_flight and self.get_state() != WorkerStatus.IDLE:
            with contextlib.suppress(redis.RedisError):  # the pulse writes the state again
                self.set_state(WorkerStatus.IDLE)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log where a job failed, without the arguments and the message that RQ's own line would carry."""
        kind, _, trace = exc_info
        where = frames(trace)[-8:]
        log.error("job_failed", job_id=job.id, function=job.func_name, error=kind.__name__, frames=where)

    # Shutdown

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Nothing: Stop has heard the signal already. A second one, over a second later, ends at once."""

    def teardown(self) -> None:
        """Let jobs end for `drain_seconds`, then cancel them so that RQ retries them, then sign off."""
        self.stop.left_queue.set()
        drain_ends = (self.stop.since or time.monotonic()) + self.drain_seconds
        self._wait_for_jobs(drain_ends)
        if self.in_flight:
            log.warning("jobs_cancelled", job_ids=[job.id for job, _ in list(self.in_flight.values())])
            LOOP.cancel_all()
            WATCHDOG.interrupt_all(WorkerStopping)
            self._wait_for_jobs(time.monotonic() + CANCEL_SECONDS)
        self.pulse.stop()
        self.pool.shutdown(wait=False, cancel_futures=True)
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            log.warning("worker_not_signed_off", error=type(error).__name__)
        log.info("worker_stopped", worker=self.name, jobs_left=len(self.in_flight))
        self.stop.done()

    def _wait_for_jobs(self, until: float) -> None:
        while self.in_flight and time.monotonic() < until:
            time.sleep(0.02)


def run_worker(
    queue_name: str,
    redis_url: str,
    concurrency: int,
    *,
    on_start: Callable[[], None] | None = None,
    drain_seconds: float = 20,
    liveness: int = 30,
) -> None:
    """Work until SIGTERM; to be called in the main thread. Waits for Redis if it is not there yet.

    Args:
        on_start: run once before the first job: open pools, import what is slow.
        concurrency, drain_seconds, liveness: see ConcurrentWorker.
    """
    quiet_rq()
    connection = connect(redis_url)
    _wait_for_redis(connection)
    if on_start is not None:
        on_start()
    worker = ConcurrentWorker(
        [queue_name],
        connection=connection,
        concurrency=concurrency,
        drain_seconds=drain_seconds,
        liveness=liveness,
    )
    worker.work(logging_level="WARNING")
    LOOP.stop()
    if worker.in_flight:  # stuck in a blocking call, which would keep the process; they run again elsewhere
        os._exit(1)


def _wait_for_redis(connection: redis.Redis) -> None:
    trouble = Trouble("redis")
    while True:
        try:
            connection.ping()
        except redis.RedisError as error:
            trouble.met(error)
            time.sleep(0.5)
        else:
            trouble.over()
            return
