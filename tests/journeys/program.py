"""HotelChat as its operator starts it: `python main.py …` on a free port, in a folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.journeys.waiting import until

MAIN = Path(__file__).parents[2] / "main.py"
MARK = "HOTELCHAT_TEST_PROGRAM"
OURS = (
    "TWILIO_",
    "OPENAI_",
    "HOTELCHAT_",
    "ADMIN_",
    "DATABASE_",
    "REDIS_",
    "SECRET_KEY",
    "LOG_",
    "PUBLIC_",
    "PORT",
    "HOST",
)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_folder() -> Path:
    """A folder that PostgreSQL's own user may pass through, even when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="hotelchat-journey-"))
    folder.chmod(0o711)
    return folder


def remove(folder: Path) -> None:
    """Take a folder away."""
    shutil.rmtree(folder, ignore_errors=True)


def environment(**settings: str) -> dict[str, str]:
    """Ours without any setting of the developer's, and with these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return clean | {"LOG_FORMAT": "json"} | settings


def command(folder: Path, *arguments: str, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `main.py` to its end."""
    return subprocess.run(
        [sys.executable, str(MAIN), *arguments],
        cwd=folder, env=environment(**settings), input=given, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


class Program:
    """A running `main.py` with everything below it."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder, self.port = folder, int(settings.get("PORT") or free_port())
        self.base = f"http://127.0.0.1:{self.port}"
        self._mark = secrets.token_hex(8)
        self._err = folder / f"{'-'.join(arguments) or 'serve'}-{self.port}-{self._mark}.log"
        env = environment(**{"PORT": str(self.port), **settings}) | {MARK: self._mark}
        self.started = time.monotonic()
        with self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, str(MAIN), *arguments],
                cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=err, stderr=err, start_new_session=True,
            )  # fmt: skip
        self._seen: dict[int, psutil.Process] = {}
        self._is_stopped = False

    def wait_until_ready(self, seconds: float = 40, path: str = "/readyz") -> float:
        """Until it serves, workers included.

        Returns: seconds since its start.
        """
        until(lambda: self._answers(path), seconds, f"{path} of {self._err.name}")
        return time.monotonic() - self.started

    def _answers(self, path: str) -> bool:
        assert self.process.poll() is None, f"It ended by itself:\n{self.said()[-2000:]}"
        with suppress(httpx.HTTPError):
            return httpx.get(self.base + path, timeout=2).status_code == 200
        return False

    def said(self) -> str:
        """Everything on its standard output and error."""
        return self._err.read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """Its log, as far as it is JSON."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def child(self, *name: str) -> psutil.Process | None:
        """The living process of this name: ("web",), ("worker", "answers")."""
        wanted = ["process", *name]
        for each in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if each.cmdline()[-len(wanted) :] == wanted and each.status() != psutil.STATUS_ZOMBIE:
                    return each
        return None

    def kill(self, *name: str) -> float:
        """kill -9 one child, and wait for the next one.

        Returns: seconds until its successor was started.
        """
        victim = until(lambda: self.child(*name), 10, f"the process {name}")
        began = time.monotonic()
        victim.kill()
        until(lambda: (heir := self.child(*name)) and heir.pid != victim.pid, 10, f"the successor of {name}")
        return time.monotonic() - began

    def stop(self, seconds: float = 25) -> float:
        """SIGTERM, and nothing is left behind.

        Returns: seconds it took.
        """
        self._note_everybody()
        began = time.monotonic()
        if not self._is_stopped:
            self._is_stopped = True
            assert self.process.poll() is None, f"It ended by itself:\n{self.said()[-3000:]}"
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
            until(lambda: not self._left(), 3, "all processes to be gone")
        finally:
            left = self._left()
            for each in left:
                with suppress(psutil.Error):
                    each.kill()
            self.process.wait(5)
        return time.monotonic() - began

    def _note_everybody(self) -> None:
        with suppress(psutil.Error):
            self._seen = {each.pid: each for each in psutil.Process(self.process.pid).children(recursive=True)}

    def _left(self) -> list[psutil.Process]:
        """Those we saw under it, and any that carries its mark; a zombie's parent is to blame, not we."""
        marked = [each for each in psutil.process_iter() if self._is_ours(each)]
        candidates = {each.pid: each for each in [*self._seen.values(), *marked] if each.pid != self.process.pid}
        return [each for each in candidates.values() if each.is_running() and _status(each) != psutil.STATUS_ZOMBIE]

    def _is_ours(self, each: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return each.environ().get(MARK) == self._mark
        return False


def _status(each: psutil.Process) -> str:
    try:
        return str(each.status())
    except psutil.Error:
        return psutil.STATUS_ZOMBIE
