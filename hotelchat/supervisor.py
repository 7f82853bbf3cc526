"""Keeps the web app, the workers and the embedded servers running until it is told to stop."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

import structlog

from hotelchat.embedded import EmbeddedServers
from hotelchat.embedded.process import LIBC, die_with_parent, require_main_thread

log = structlog.get_logger()

_POLL_SECONDS = 0.2
_MANY_DEATHS = 5  # more than this within the window, and starts are spaced out
_DEATH_WINDOW = 30.0  # seconds
_LONGEST_PAUSE = 2.0  # seconds between two starts
_PARENT_POLL_SECONDS = 0.5
_SAME_REQUEST_SECONDS = 0.3
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Child:
    """A program to keep running. `env` adds to our own environment."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)


def supervise(
    children: list[Child],
    servers: EmbeddedServers | None = None,
    *,
    stop_seconds: float = 28,
) -> int:
    """Run the children until SIGTERM, SIGINT or SIGHUP; a second signal kills them at once.

    A child that dies is started again, at once the first times. Exit status 78 (EX_CONFIG) says that starting
    it again is no use: everything stops. The servers stop last, whatever happens.

    Args: stop_seconds: how long children may take to end after SIGTERM; then they are killed.
    Returns: the exit status for our own process: 0 when told to stop, 1 when a child is misconfigured.
    """
    require_main_thread("The supervisor")
    with _stop_requests() as requests:
        team = [_Running(child) for child in children]
        try:
            status = _run_until_told(team, servers, requests)
            _stop(team, servers, requests, stop_seconds)
        finally:
            for member in team:
                member.kill()
            if servers is not None:
                servers.stop()
    return status


def watch_parent() -> None:
    """Call this early in a child: it gets SIGTERM within 1 s of its parent's death.

    Linux does that itself (`die_with_parent`); elsewhere a thread looks who the parent is.
    """
    if LIBC is None:
        threading.Thread(target=_watch, args=(os.getppid(),), name="watch-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


class _Running:
    """A child through its deaths and starts."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque(maxlen=_MANY_DEATHS + 4)  # monotonic seconds
        self._next_start = 0.0

    def start_when_due(self) -> None:
        """Start it unless it runs, or has died so often that it should pause."""
        now = time.monotonic()
        if self.process is not None or now < self._next_start:
            return
        try:
            self.process = subprocess.Popen(
                self.child.argv,
                env={**os.environ, **self.child.env},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl+C reaches us, and we tell it
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        except OSError as error:
            log.error("child_not_started", child=self.child.name, error=str(error))
            self._note_death(now)
        else:
            log.info("child_started", child=self.child.name, pid=self.process.pid)

    def death(self) -> int | None:
        """Its exit status, once, when it has died since the last look."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        self.process = None
        self._note_death(time.monotonic())
        return status

    def terminate(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """End it with everything it has started."""
        if self.process is None or self.process.poll() is not None:
            return
        log.warning("child_killed", child=self.child.name, pid=self.process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # it leads its own session
        self.process.wait()

    def _note_death(self, now: float) -> None:
        self._deaths.append(now)
        recent = sum(1 for died in self._deaths if now - died < _DEATH_WINDOW)
        too_many = recent - _MANY_DEATHS
        self._next_start = now + min(_LONGEST_PAUSE, 0.25 * 2**too_many) if too_many > 0 else now


class _StopRequests:
    """Whether we were told to stop, and told again. The handler only notes when; the loop acts."""

    def __init__(self) -> None:
        self._times: list[float] = []  # monotonic seconds

    def note(self, number: int, frame: FrameType | None) -> None:
        self._times.append(time.monotonic())

    @property
    def stop(self) -> bool:
        return bool(self._times)

    @property
    def hurry(self) -> bool:
        """Told a second time. `uv run` and `make` pass one Ctrl+C on, so the same one may arrive twice."""
        return bool(self._times) and self._times[-1] - self._times[0] > _SAME_REQUEST_SECONDS


@contextmanager
def _stop_requests() -> Iterator[_StopRequests]:
    requests = _StopRequests()
    before = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
    ignored = {signal.SIGHUP} if before[signal.SIGHUP] is signal.SIG_IGN else set()  # nohup
    for number in set(_STOP_SIGNALS) - ignored:
        signal.signal(number, requests.note)
    try:
        yield requests
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set by something other than Python
                signal.signal(number, handler)


def _run_until_told(team: list[_Running], servers: EmbeddedServers | None, requests: _StopRequests) -> int:
    while not requests.stop:
        for member in team:
            member.start_when_due()
        time.sleep(_POLL_SECONDS)
        if servers is not None:
            servers.revive()
        for member in team:
            status = member.death()
            if status == os.EX_CONFIG:
                log.error("child_misconfigured", child=member.child.name, status=status)
                return 1
            if status is not None and not requests.stop:
                log.warning("child_restarted", child=member.child.name, status=status)
    return 0


def _stop(
    team: list[_Running],
    servers: EmbeddedServers | None,
    requests: _StopRequests,
    stop_seconds: float,
) -> None:
    """Ask every child to end and wait; the servers are kept alive for what the children still do."""
    deadline = time.monotonic() + stop_seconds
    log.info("stopping", children=[member.child.name for member in team if member.process])
    for member in team:
        member.terminate()
    while any(member.process and member.process.poll() is None for member in team):
        if requests.hurry or time.monotonic() > deadline:
            return  # the caller kills what is left
        time.sleep(_POLL_SECONDS / 4)
        if servers is not None:
            servers.revive()
