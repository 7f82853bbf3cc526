"""Where the worker and scheduler processes begin."""

from __future__ import annotations

from importlib import import_module

from hotelchat import bell, db, live, settings
from jobs.scheduler import run_scheduler
from jobs.sweep import sweep
from jobs.worker import run_worker

SWEEP_SECONDS = 1.0


def work(queue: str) -> None:
    """Serve one queue until SIGTERM; its jobs are imported before the first one comes."""
    current = settings.current()
    for path, kind in bell.KINDS.items():
        if kind.queue == queue:
            import_module(path.rpartition(".")[0])
    run_worker(queue, current.redis_url or "", current.worker_concurrency)
    live.courier().flush()
    db.engine().dispose()


def schedule() -> None:
    """RQ's due retries, and the sweep each second, until SIGTERM."""
    run_scheduler(settings.current().redis_url or "", bell.QUEUES, {"sweep": (SWEEP_SECONDS, lambda: _ignore(sweep()))})


def _ignore(_: object) -> None:
    """A periodic call returns nothing."""
