"""Jobs for tests, and the processes that run them: `python -m tests.jobs.sample_jobs worker|scheduler …`."""

import asyncio
import contextlib
import json
import os
import sys
import time
from typing import Any

from rq import get_current_job

from jobs.aio import run_async
from jobs.scheduler import run_scheduler
from jobs.worker import run_worker


def note(path: str, text: str) -> None:
    """Leave a line in a file: it outlives Redis, and short appends of several processes do not mix."""
    with open(path, "a") as notes:
        notes.write(f"{text}\n")


def nothing(path: str, text: str = "done") -> None:
    note(path, text)


def wait(path: str, text: str, seconds: float) -> None:
    """A coroutine job; notes its start, its end, and being cancelled."""
    note(path, f"start {text}")
    run_async(_wait(path, text, seconds))
    note(path, f"end {text}")


async def _wait(path: str, text: str, seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note(path, f"cancelled {text}")
        raise


def stubborn(path: str) -> None:
    """A coroutine that will not be cancelled."""
    started = time.monotonic()
    try:
        run_async(_stubborn())
    finally:
        note(path, f"gave up after {time.monotonic() - started:.3f}")


async def _stubborn() -> None:
    ends = time.monotonic() + 4
    while time.monotonic() < ends:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(4)


def timed(path: str, kind: str) -> None:
    """Runs far over its deadline, in a coroutine or in plain Python; notes when it was stopped."""
    started = time.monotonic()
    try:
        if kind == "coroutine":
            run_async(asyncio.sleep(20))
        while True:
            time.sleep(0.005)
    finally:
        note(path, f"{kind} stopped after {time.monotonic() - started:.3f}")


def busy(path: str, text: str, seconds: float) -> None:
    """Plain Python for so many seconds."""
    note(path, f"start {text}")
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.01)
    note(path, f"end {text}")


def blocked(path: str, seconds: float) -> None:
    """One blocking call, which nothing can interrupt."""
    note(path, "start blocked")
    time.sleep(seconds)


def fails_at_first(path: str, text: str, times: int) -> None:
    note(path, f"try {text} {time.time():.2f}")
    with open(path) as notes:
        tries = sum(f"try {text} " in line for line in notes)
    if tries <= times:
        raise ValueError("a guest's secret words")


def fail() -> None:
    raise ZeroDivisionError


def who_am_i(path: str) -> None:
    """Whether a coroutine on the shared loop still knows its job."""

    async def ask() -> str:
        await asyncio.sleep(0)
        job = get_current_job()
        return job.id if job else "nobody"

    note(path, run_async(ask()))


def own_timeout(path: str) -> None:
    """A coroutine's own TimeoutError is the job's to handle, not its deadline."""

    async def too_slow() -> None:
        async with asyncio.timeout(0.1):
            await asyncio.sleep(5)

    try:
        run_async(too_slow())
    except TimeoutError:
        note(path, "own time-out")


def main(what: str, queue_name: str, redis_url: str, *rest: str) -> None:
    options: dict[str, Any] = json.loads(rest[-1])
    if what == "worker":
        concurrency = options.pop("concurrency", 10)
        run_worker(queue_name, redis_url, concurrency, **options)
    else:
        notes = rest[0]
        run_scheduler(
            redis_url,
            [queue_name],
            {
                "tick": (0.2, lambda: note(notes, f"tick {os.getpid()} {time.monotonic():.2f}")),
                "fails": (0.3, fail),
            },
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
