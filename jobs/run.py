"""Where the worker and scheduler processes begin."""

from __future__ import annotations

import threading
from importlib import import_module

import redis
import structlog

from hotelchat import bell, db, live, settings
from jobs.scheduler import run_scheduler
from jobs.sweep import sweep
from jobs.worker import run_worker

log = structlog.get_logger()
SWEEP_SECONDS = 1.0


def work(queue: str) -> None:
    """Serve one queue until SIGTERM; its jobs are imported before the first one comes."""
    current = settings.current()
    for path, kind in bell.JOBS.items():
        if kind.queue == queue:
            import_module(path.rpartition(".")[0])
    run_worker(queue, current.redis_url or "", current.worker_concurrency)
    live.courier().flush()
    db.engine().dispose()


def schedule() -> None:
    """RQ's due retries, the bell, and the sweep each second, until SIGTERM."""
    threading.Thread(target=answer_the_bell, args=(threading.Event(),), daemon=True, name="bell").start()
    run_scheduler(settings.current().redis_url or "", bell.QUEUES, {"sweep": (SWEEP_SECONDS, lambda: _ignore(sweep()))})


def _ignore(_: object) -> None:
    """A periodic call returns nothing."""


def answer_the_bell(stop: threading.Event) -> None:
    """Enqueue what is rung, as it is rung; while Redis is away, try again each half second."""
    taking = redis.Redis.from_url(settings.current().redis_url or "", socket_connect_timeout=2, socket_timeout=15)
    enqueuing = bell.connect(settings.current().redis_url or "", for_web=True)
    while not stop.is_set():
        try:
            for job, conversation_id in bell.take(taking, 5):
                bell.enqueue(enqueuing, job, conversation_id)
        except redis.RedisError as error:
            log.warning("bell_away", error=type(error).__name__)
            stop.wait(0.5)
