"""The scheduler process: RQ's retries and delayed jobs when they are due, and calls every so often."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import redis
import structlog
from rq.scheduler import RQScheduler
from rq.scripts import acquire_or_refresh_lock, release_lock

from hotelchat.ringing import connect
from jobs.logs import Trouble, quiet_rq
from jobs.stop import WISHES, Signals

log = structlog.get_logger()

SCHEDULED_JOBS_SECONDS = 0.5
LOCK_SECONDS = 5  # a scheduler that is killed is replaced after this; RQ's own loop would wait 61 s
REGISTER_SECONDS = 10
STOP_SECONDS = 2.5


class ScheduledJobs:
    """RQ's scheduled jobs (retry intervals, enqueue_in) of some queues, moved to their queues when due.

    Each queue is served by one scheduler at a time, the holder of RQ's own lock on it.
    """

    def __init__(self, connection: redis.Redis, queue_names: Iterable[str]) -> None:
        self.connection, self.queue_names = connection, list(queue_names)
        self.scheduler = RQScheduler(self.queue_names, connection=connection, logging_level="WARNING")
        self.registered = 0.0

    def enqueue_due(self) -> None:
        """Raises: redis.RedisError: if Redis is away; nothing is lost, the next call does it."""
        if time.monotonic() - self.registered > REGISTER_SECONDS:
            self.scheduler.register_birth()  # its hash lives for 61 s; harmless to write again
            self.registered = time.monotonic()
        held = [name for name in self.queue_names if self._hold(name)]
        if held:
            self.scheduler.prepare_registries(held)
            self.scheduler.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]

    def _hold(self, name: str) -> bool:
        key = RQScheduler.get_locking_key(name)
        return acquire_or_refresh_lock(self.connection, key, self.scheduler.name, LOCK_SECONDS) != "taken"

    def release(self) -> None:
        """Let another scheduler go on at once."""
        try:
            for name in self.queue_names:
                release_lock(self.connection, RQScheduler.get_locking_key(name), self.scheduler.name)
            self.scheduler.register_death()
        except redis.RedisError as error:
            log.warning("scheduler_not_signed_off", error=type(error).__name__)


@dataclass
class Periodic:
    """A call every so many seconds, counted from start to start; a late one is not made up for."""

    what: str
    seconds: float
    call: Callable[[], None]
    due: float = 0.0
    trouble: Trouble = field(init=False)

    def __post_init__(self) -> None:
        self.trouble = Trouble(self.what)

    def run(self) -> None:
        started = time.monotonic()
        self.due = max(self.due + self.seconds, started) if self.due else started + self.seconds
        try:
            self.call()
        except Exception as error:
            self.trouble.met(error)
        else:
            self.trouble.over()


class Stopping(threading.Event):
    """Set by SIGTERM or SIGINT; 2.5 s later the process is ended, should a call still not have returned."""

    def __init__(self) -> None:
        super().__init__()
        for number in WISHES:
            signal.signal(number, lambda signum, frame: None)
        self.signals = Signals()
        threading.Thread(target=self._run, daemon=True, name="stop").start()

    def _run(self) -> None:
        self.signals.wait()
        self.set()
        time.sleep(STOP_SECONDS)
        log.error("scheduler_ended", why="a call would not end")
        os._exit(1)


def run_scheduler(
    redis_url: str, queue_names: Iterable[str], every: dict[str, tuple[float, Callable[[], None]]]
) -> None:
    """Work until SIGTERM, then stop within 3 s; to be called in the main thread of a process of its own.

    Args:
        every: name to (interval in seconds, call). All calls share this one thread, so each has time-outs of
            its own. What they raise is logged when it begins, every 30 s and when it is over. They go on
            while Redis is away.
    """
    quiet_rq()
    stopping = Stopping()
    jobs = ScheduledJobs(connect(redis_url, for_web=True), queue_names)
    periodics = [Periodic("scheduled_jobs", SCHEDULED_JOBS_SECONDS, jobs.enqueue_due)]
    periodics += [Periodic(name, seconds, call) for name, (seconds, call) in every.items()]
    log.info("scheduler_started", queues=jobs.queue_names, every={name: every[name][0] for name in every})
    while True:
        upcoming = min(periodics, key=lambda periodic: periodic.due)
        if stopping.wait(max(0.0, upcoming.due - time.monotonic())):
            break
        upcoming.run()
    jobs.release()
    log.info("scheduler_stopped")
