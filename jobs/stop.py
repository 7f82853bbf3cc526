"""How a worker hears a signal: at once, and without an exception in the middle of a dequeue."""

import os
import queue
import threading
import time
from typing import NoReturn

import redis
import structlog

log = structlog.get_logger()

# A signal to a process group and one from the parent are the same wish; RQ too ignores a second in a second.
SAME_WISH_SECONDS = 1.0


class Stop:
    """Waits in a thread for signals, wakes the blocked dequeue, and ends the process when patience is over.

    A signal handler may interrupt the main thread anywhere, with any lock held, so it only puts into a
    SimpleQueue, which is made for that. An exception raised from it could fall between BLMOVE and us, and
    lose a job for a minute.

    Args:
        patience: seconds from the first signal after which the process is ended, whatever it does.
    """

    def __init__(self, connection: redis.Redis, client_name: str, patience: float) -> None:
        self.connection, self.client_name, self.patience = connection, client_name, patience
        self.signals: queue.SimpleQueue[tuple[int, float]] = queue.SimpleQueue()
        self.since: float | None = None  # monotonic time of the first signal
        self.left_queue = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="stop").start()

    @property
    def requested(self) -> bool:
        return self.since is not None

    def signal(self, signum: int) -> None:
        """The signal handler's part."""
        now = time.monotonic()
        if self.since is None:
            self.since = now
        self.signals.put((signum, now))

    def done(self) -> None:
        """The process ends by itself: from here on patience is not counted."""
        self.signals.put((0, 0.0))

    def _run(self) -> None:
        signum, began = self.signals.get()
        if not signum:
            return
        log.info("worker_stopping", signal=signum)
        threading.Thread(target=self._wake_dequeue, daemon=True, name="wake").start()
        while True:
            try:
                signum, at = self.signals.get(timeout=max(0.0, began + self.patience - time.monotonic()))
            except queue.Empty:
                self._end("jobs would not end")
            if not signum:
                return
            if at - began >= SAME_WISH_SECONDS:
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
