"""The pulse of a worker: a thread that says it lives, with all its jobs, and cleans up after the dead."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import redis
import structlog
from rq import worker_registration
from rq.registry import clean_registries
from rq.worker import WorkerStatus

from jobs.logs import Trouble

if TYPE_CHECKING:
    from jobs.worker import ConcurrentWorker

log = structlog.get_logger()

BEAT_SECONDS = 2.5
MAINTENANCE_SECONDS = 5.0
# RQ's own lock on maintenance lasts 15 minutes if its holder dies; no retry would come back for so long.
MAINTENANCE_LOCK_SECONDS = 30


class Pulse:
    """Beats every 2.5 s (or a third of the worker's liveness) and maintains every 5 s (or its liveness)."""

    def __init__(self, worker: ConcurrentWorker) -> None:
        self.worker = worker
        self.every = min(BEAT_SECONDS, worker.liveness / 3)
        self.maintained = 0.0
        self.trouble = Trouble("pulse")
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True, name="pulse")

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.ending.set()
        self.thread.join(1)

    def _run(self) -> None:
        while not self.ending.is_set():
            try:
                self.beat()  # first, so that our own jobs do not look abandoned after Redis was away
                if time.monotonic() - self.maintained > min(MAINTENANCE_SECONDS, self.worker.liveness):
                    self.maintain()
                    self.maintained = time.monotonic()
                self.trouble.over()
            except Exception as error:
                self.trouble.met(error)
            self.ending.wait(self.every)

    def beat(self) -> None:
        """Prolong the worker and its executions in one round trip; register again after FLUSHALL."""
        worker = self.worker
        running = list(worker.in_flight.values())
        state = WorkerStatus.BUSY if running else worker.get_state()
        with worker.connection.pipeline(transaction=False) as pipeline:
            pipeline.hexists(worker.key, "queues")  # a job that begins writes other fields, also after FLUSHALL
            worker.heartbeat(worker.liveness, pipeline)
            worker_registration.register(worker, pipeline)
            pipeline.hset(worker.key, "state", state)
            for job, execution in running:
                execution.heartbeat(job.started_job_registry, worker.liveness, pipeline)
            is_known = pipeline.execute()[0]
        if not is_known:
            worker.connection.hset(worker.key, mapping=worker.serialize())
            log.warning("worker_registered_again", worker=worker.name)

    def maintain(self) -> None:
        """RQ's maintenance: abandoned jobs with a Retry come back, and expired entries go."""
        worker = self.worker
        for queue in worker.queues:
            lock = queue.registry_cleaning_key
            if not worker.connection.set(lock, worker.name, nx=True, ex=MAINTENANCE_LOCK_SECONDS):
                continue
            try:
                clean_registries(queue)
                worker_registration.clean_worker_registry(queue)
                queue.intermediate_queue.cleanup(worker, queue)
            finally:
                with contextlib.suppress(redis.RedisError):  # it expires
                    queue.release_maintenance_lock()  # type: ignore[no-untyped-call]
