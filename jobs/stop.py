"""How a worker hears a signal: at once, and without an exception in the middle of a dequeue."""

import os
import select
import signal
import threading
import time
from typing import Any, NoReturn

import redis
import structlog
from rq.command import parse_payload

log = structlog.get_logger()

# A signal to a process group and one from the parent are the same wish; RQ too ignores a second in a second.
SAME_WISH_SECONDS = 1.0
WISHES = {signal.SIGTERM, signal.SIGINT}
NO_MORE = 0


class Signals:
    """SIGTERM and SIGINT, for a thread to wait for.

    Python runs signal handlers in the main thread only, and only when that has nothing to wait for: the kernel may
    give the signal to another thread and leave the main one in its system call. The wake-up pipe is written at
    once, in whatever thread. Handlers must be installed, but need do nothing.
    Source: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.before = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)  # main thread only

    def wait(self, seconds: float | None = None) -> int | None:
        """The next signal; NO_MORE after `close`; None if none came within so many seconds."""
        ends = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if ends is None else max(0.0, ends - time.monotonic())
            if not select.select([self.reader], [], [], left)[0]:
                return None
            number = os.read(self.reader, 1)[0]
            if number in WISHES or number == NO_MORE:
                return number

    def close(self) -> None:
        """Stop listening; in the main thread."""
        signal.set_wakeup_fd(self.before)
        os.write(self.writer, bytes([NO_MORE]))


class Stop:
    """Waits in a thread for signals, wakes the blocked dequeue, and ends the process when patience is over.

    An exception raised from a signal handler, as RQ does it, could fall between BLMOVE and us, and lose a job for
    a minute. To be made in the main thread.

    Args:
        patience: seconds from the first signal after which the process is ended, whatever it does.
    """

    def __init__(self, connection: redis.Redis, client_name: str, patience: float) -> None:
        self.connection, self.client_name, self.patience = connection, client_name, patience
        self.signals = Signals()
        self.since: float | None = None  # monotonic time of the first signal
        self.left_queue = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="stop").start()

    @property
    def requested(self) -> bool:
        return self.since is not None

    def done(self) -> None:
        """The process ends by itself: from here on patience is not counted."""
        self.signals.close()

    def _run(self) -> None:
        number = self.signals.wait()
        if number == NO_MORE:
            return
        began = self.since = time.monotonic()
        log.info("worker_stopping", signal=number)
        threading.Thread(target=self._wake_dequeue, daemon=True, name="wake").start()
        while True:
            number = self.signals.wait(max(0.0, began + self.patience - time.monotonic()))
            if number == NO_MORE:
                return
            if number is None:
                self._end("jobs would not end")
            if time.monotonic() - began >= SAME_WISH_SECONDS:
                self._end("second signal")

    def _end(self, why: str) -> NoReturn:
        log.warning("worker_ended", why=why)
        os._exit(1)

    def _wake_dequeue(self) -> None:
        """Unblock our BLMOVE. Where CLIENT is forbidden, the dequeue ends by itself within 5 s."""
        while not self.left_queue.wait(0.05):
            try:
                for client in self.connection.client_list():
                    if client["name"] == self.client_name and client["cmd"] == "blmove":
                        self.connection.client_unblock(int(client["id"]))
            except redis.RedisError as error:
                log.debug("dequeue_not_woken", error=type(error).__name__)


class Commands:
    """RQ's command `shutdown`, heard in a thread. The others mean nothing here: a job in a thread cannot be stopped
    from outside; it has its deadline. Unlike RQ's, the thread outlives every loss of Redis, and ends at once.
    """

    def __init__(self, connection: redis.Redis, channel: str) -> None:
        self.pubsub = connection.pubsub()  # type: ignore[no-untyped-call]
        self.pubsub.subscribe(**{channel: self._hear})
        self.thread = self.pubsub.run_in_thread(60, daemon=True, exception_handler=lambda *_: time.sleep(1))

    def _hear(self, message: dict[str, Any]) -> None:
        if parse_payload(message)["command"] == "shutdown":
            os.kill(os.getpid(), signal.SIGTERM)

    def end(self) -> None:
        """The thread is told before its channel is closed: in RQ's order it often sleeps on, and we wait a second."""
        self.thread.stop()
        self.pubsub.unsubscribe()
        self.thread.join(1)
