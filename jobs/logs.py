"""What the workers say about trouble: once when it begins, now and then, and when it is over."""

import logging
import time
import traceback
from types import TracebackType

import structlog

log = structlog.get_logger()

REMIND_SECONDS = 30.0
# `rq.worker` and `rq.scheduler` set INFO themselves when imported or built: naming `rq` is not enough.
RQ_LOGGERS = ("rq", "rq.worker", "rq.job", "rq.scheduler", "rq.registry", "rq.queue", "rq.scripts")


def quiet_rq() -> None:
    """Keep RQ's own lines to warnings: below that they print job descriptions, which hold arguments."""
    for name in RQ_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def frames(trace: TracebackType | None) -> list[str]:
    """Where an exception came from, innermost last, without its message: that may hold a guest's words."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


class Trouble:
    """One thing that may stop working for a while, such as Redis. Each thread has its own."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.since: float | None = None
        self.said = 0.0

    def met(self, error: BaseException) -> float:
        """Note a failure; says so when it is the first, then every 30 s.

        Returns: how long the trouble has lasted so far, in seconds.
        """
        now = time.monotonic()
        if self.since is None:
            self.since = now
        if now - self.said > REMIND_SECONDS or self.since == now:
            self.said = now
            log.error(
                "trouble",
                what=self.what,
                error=type(error).__name__,
                frames=frames(error.__traceback__)[-3:],
                seconds=round(now - self.since, 1),
            )
        return now - self.since

    def over(self) -> None:
        """Note a success; says so when it ends a trouble."""
        if self.since is not None:
            log.info("trouble_over", what=self.what, seconds=round(time.monotonic() - self.since, 1))
            self.since = None
