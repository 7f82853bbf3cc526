"""The one asyncio loop that all jobs of a worker process share, and `run_async`, the way onto it."""

import asyncio
import concurrent.futures
import contextvars
import functools
import math
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from rq.timeouts import JobTimeoutException

from jobs.deadline import WorkerStopping, current_deadline, pausing

try:
    from uvloop import new_event_loop
except ImportError:  # Windows
    from asyncio import new_event_loop  # type: ignore[assignment]

T = TypeVar("T")
# How long a coroutine may take to clean up after its deadline before its job gives up waiting, in seconds.
GRACE_SECONDS = 0.25


class SharedLoop:
    """A loop in a daemon thread, started by the first coroutine."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None
        self.lock = threading.Lock()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.stopping = False

    def running(self) -> asyncio.AbstractEventLoop:
        with self.lock:
            if self.loop is None:
                self.loop = new_event_loop()
                self.thread = threading.Thread(target=self.loop.run_forever, daemon=True, name="jobs-loop")
                self.thread.start()
            return self.loop

    def submit(self, coro: Coroutine[Any, Any, T]) -> tuple[concurrent.futures.Future[T], Callable[[], None]]:
        """Start a coroutine in the caller's context, so that its log lines carry the job's id.

        Returns: its result to come, and a function that cancels it.
        """
        loop = self.running()
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        task: asyncio.Task[T] | None = None

        def start() -> None:
            nonlocal task
            task = loop.create_task(coro)
            self.tasks.add(task)
            task.add_done_callback(functools.partial(self._hand_over, future))
            if self.stopping:
                task.cancel()

        def cancel() -> None:
            loop.call_soon_threadsafe(lambda: task is not None and task.cancel())

        loop.call_soon_threadsafe(start, context=contextvars.copy_context())
        return future, cancel

    def _hand_over(self, future: concurrent.futures.Future[T], task: asyncio.Task[T]) -> None:
        self.tasks.discard(task)
        if task.cancelled():
            future.set_exception(concurrent.futures.CancelledError())
        elif error := task.exception():
            future.set_exception(error)
        else:
            future.set_result(task.result())

    def cancel_all(self) -> None:
        """Cancel what runs and what is still to come: the worker is stopping."""
        self.stopping = True
        if self.loop is not None:
            self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in list(self.tasks)])

    def stop(self) -> None:
        """End the loop and its thread; a later coroutine starts a new one."""
        with self.lock:
            loop, thread = self.loop, self.thread
            self.loop, self.thread, self.stopping = None, None, False
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(1)


LOOP = SharedLoop()


async def _within(coro: Coroutine[Any, Any, T], ends_at: float) -> T:
    scope = asyncio.timeout(None if math.isinf(ends_at) else max(0.0, ends_at - time.monotonic()))
    try:
        async with scope:
            return await coro
    except TimeoutError:
        if scope.expired():
            raise JobTimeoutException("The coroutine exceeded its job's deadline") from None
        raise
    except (SystemExit, KeyboardInterrupt) as exit_:
        raise RuntimeError("A coroutine tried to end the worker") from exit_


def run_async(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the shared loop and wait for it; to be called in a job's own thread.

    Gives up exactly at the job's deadline; a coroutine that refuses to end is left behind 0.25 s later.

    Returns: what the coroutine returns.
    Raises: JobTimeoutException: at the deadline. WorkerStopping: at shutdown; RQ then retries the job.
        RuntimeError: if called on the shared loop, which would wait for itself.
    """
    if threading.current_thread() is LOOP.thread:
        coro.close()
        raise RuntimeError("run_async was called on the shared loop: await the coroutine instead")
    deadline = current_deadline()
    ends_at = math.inf if deadline is None else deadline.ends_at
    future, cancel = LOOP.submit(_within(coro, ends_at))
    try:
        with pausing(deadline):
            return future.result(None if math.isinf(ends_at) else ends_at + GRACE_SECONDS - time.monotonic())
    except concurrent.futures.CancelledError:
        if LOOP.stopping:
            raise WorkerStopping from None
        raise
    except TimeoutError:
        if future.done():  # the coroutine's own TimeoutError
            raise
        cancel()
        raise JobTimeoutException("The coroutine would not end at its job's deadline") from None
