"""The deadlines of jobs that run in threads: RQ's own come by SIGALRM, which only a main thread can use."""

import contextlib
import contextvars
import ctypes
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

from rq.exceptions import ShutDownImminentException
from rq.timeouts import BaseDeathPenalty, JobTimeoutException

_current: contextvars.ContextVar["ThreadDeadline | None"] = contextvars.ContextVar("deadline", default=None)


class WorkerStopping(ShutDownImminentException):
    """The worker stops before this job could end. A BaseException, so no `except Exception` eats it."""

    def __init__(self) -> None:
        super().__init__("the worker is stopping", {})  # type: ignore[no-untyped-call]


def _raise_in_thread(thread_id: int, exception: type[BaseException] | None) -> None:
    """Raise at the thread's next bytecode; None takes back what was not raised yet.

    Source: https://docs.python.org/3/c-api/threads.html#c.PyThreadState_SetAsyncExc
    """
    argument = None if exception is None else ctypes.py_object(exception)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), argument)


class ThreadDeadline(BaseDeathPenalty):
    """RQ's deadline of one job, in seconds, without signals.

    A coroutine given to `run_async` is cancelled exactly then. Plain Python is interrupted at its next
    bytecode, so a blocking call (a socket, `time.sleep`) needs a time-out of its own, shorter than the job's.
    """

    ends_at = math.inf

    def setup_death_penalty(self) -> None:
        """Start: called by RQ in the thread that will run the job. A timeout of 0 or less never ends."""
        self.thread_id = threading.get_ident()
        self.lock = threading.Lock()
        self.armed, self.paused = True, False
        if self._timeout > 0:
            self.ends_at = time.monotonic() + self._timeout
        self.token = _current.set(self)
        WATCHDOG.add(self)

    def cancel_death_penalty(self) -> None:
        """End: called by RQ in the same thread, whether the job failed or not."""
        with self.lock:
            self.armed = False
            _raise_in_thread(self.thread_id, None)
        WATCHDOG.remove(self)
        _current.reset(self.token)

    def fire(self, exception: type[BaseException]) -> None:
        """Interrupt the job, unless it has ended or waits for the shared loop, which has its own clock."""
        with self.lock:
            if self.armed and not self.paused:
                _raise_in_thread(self.thread_id, exception)

    def fire_timeout(self) -> None:
        self.fire(self._exception)

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """While the job's thread only waits for the shared loop.

        Raises: JobTimeoutException: afterwards, if the deadline passed meanwhile.
        """
        with self.lock:
            self.paused = True
        try:
            yield
        finally:
            with self.lock:
                self.paused = False
        if time.monotonic() >= self.ends_at:
            raise JobTimeoutException(f"Job exceeded its deadline of {self._timeout} s")


class Watchdog:
    """One daemon thread that fires every deadline of the process; sleeps until the nearest."""

    def __init__(self) -> None:
        self.wakeup = threading.Condition()
        self.active: set[ThreadDeadline] = set()
        self.next_at = math.inf
        self.thread: threading.Thread | None = None

    def add(self, deadline: ThreadDeadline) -> None:
        with self.wakeup:
            if self.thread is None:
                self.thread = threading.Thread(target=self._run, daemon=True, name="deadlines")
                self.thread.start()
            self.active.add(deadline)
            if deadline.ends_at < self.next_at:
                self.wakeup.notify()

    def remove(self, deadline: ThreadDeadline) -> None:
        with self.wakeup:
            self.active.discard(deadline)

    def interrupt_all(self, exception: type[BaseException]) -> None:
        """Raise in every job that runs plain Python; those that wait for the shared loop are left to it."""
        with self.wakeup:
            active = list(self.active)
        for deadline in active:
            deadline.fire(exception)

    def _run(self) -> None:
        while True:
            for deadline in self._due():
                deadline.fire_timeout()

    def _due(self) -> list[ThreadDeadline]:
        """Wait for the nearest deadline, or until a nearer one is added; takes what is due out of the set."""
        with self.wakeup:
            self.next_at = min((deadline.ends_at for deadline in self.active), default=math.inf)
            wait = self.next_at - time.monotonic()
            if wait > 0:
                self.wakeup.wait(None if math.isinf(wait) else wait)
            now = time.monotonic()
            due = [deadline for deadline in self.active if deadline.ends_at <= now]
            self.active.difference_update(due)
            return due


WATCHDOG = Watchdog()


def current_deadline() -> ThreadDeadline | None:
    """The deadline of the job that runs here, or None outside a job."""
    return _current.get()


def pausing(deadline: ThreadDeadline | None) -> contextlib.AbstractContextManager[Any]:
    """`deadline.pause()`, or nothing outside a job."""
    return contextlib.nullcontext() if deadline is None else deadline.pause()
