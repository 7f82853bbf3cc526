"""One server of a data folder: ours when this process started it, shared when another did."""

import os
import re
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import structlog

from hotelchat.embedded import files
from hotelchat.embedded.process import command_of, is_ownerless, require_main_thread
from hotelchat.errors import HotelChatError

log = structlog.get_logger()

_POLL = 0.01  # seconds
_STOP_SECONDS = 10
_PORT_TRIES = 3


class Server(ABC):
    """What PostgreSQL and Redis have in common. Its caller holds the data folder's lock."""

    label: ClassVar[str]  # names its folder, log, port and password
    title: ClassVar[str]  # as people know it
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / self.label
        self.log_file = data_dir / f"{self.label}.log"
        self.port_file = data_dir / f"{self.label}.port"
        self.password_file = data_dir / f"{self.label}.password"
        # Stands in the server's title: the same for two names of one folder, another for a copy of it.
        place = data_dir.stat()
        self.mark = f"hotelchat-{place.st_dev:x}-{place.st_ino:x}"
        self.port = 0
        self._pid: int | None = None
        self._ours: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @abstractmethod
    def url(self) -> str:
        """Where clients connect, the password included."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server at `self.port`, running as `self._pid`, takes connections."""

    @abstractmethod
    def prepare(self, *, patience: float) -> None:
        """Bring the folder to where a server can start; nothing of an earlier one is left alive.

        Args: patience: seconds to wait for processes that end slowly.
        """

    @abstractmethod
    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server at `self.port`."""

    @abstractmethod
    def pid_in_file(self) -> int | None:
        """The process that the server itself noted down, alive or not."""

    def in_use(self) -> bool:
        """Whether this process has asked for the server."""
        return self._pid is not None

    def is_alive(self) -> bool:
        """Cheap enough for five times a second; a zombie is dead."""
        if self._ours is not None:
            return self._ours.poll() is None
        return self._pid is not None and self._is_our_kind(self._pid)

    def ensure(self, *, patience: float, reviving: bool = False) -> bool:
        """Share the running server or start it; True if it had to be started.

        Args:
            patience: seconds to wait until it takes connections.
            reviving: clients have the URL already: never choose another port, and let a recovery that
                takes longer than our patience go on by itself.
        Raises: HotelChatError: with the reason and the next step.
        """
        require_main_thread(self.title)
        if self.is_alive():
            return False
        if self._share(patience):
            return False
        self._start(patience, reviving)
        return True

    def ask_to_stop(self) -> None:
        """Send the signal for a clean stop, if the server is ours or has lost its owner."""
        if self._pid is None or not self.is_alive():
            return
        self._stopping = self._ours is not None or is_ownerless(self._pid)
        if self._stopping:
            os.kill(self._pid, self.stop_signal)

    def wait_until_stopped(self) -> bool:
        """Wait up to 10 s, then kill; a server that another process owns is left alone.

        Returns: False if it had to be killed.
        """
        deadline = time.monotonic() + _STOP_SECONDS
        clean = True
        while self._stopping and self.is_alive():
            if clean and time.monotonic() > deadline and self._pid is not None:
                log.warning("embedded_server_killed", server=self.label, seconds=_STOP_SECONDS)
                os.kill(self._pid, signal.SIGKILL)
                clean = False
            time.sleep(_POLL)
        self._ours, self._pid, self._stopping = None, None, False
        return clean

    def password(self) -> str:
        """The one kept in the data folder.

        Raises: HotelChatError: if it has been removed under a running server.
        """
        try:
            return files.read_private(self.password_file)
        except FileNotFoundError:
            raise HotelChatError(
                f"{self.password_file} is gone while its server runs: stop every HotelChat on this folder "
                "and start again, which sets a new password."
            ) from None

    def _share(self, patience: float) -> bool:
        """Use the server that another process has started; one that is just stopping is waited for."""
        deadline = time.monotonic() + patience
        while (pid := self.pid_in_file()) and self._is_our_kind(pid):
            previous, self._pid, self._ours = self._pid, pid, None
            self.port = self._kept_port()
            if self.is_ready():
                if previous != pid:
                    log.info("embedded_server_shared", server=self.label, port=self.port)
                return True
            if time.monotonic() > deadline:
                raise HotelChatError(
                    f"{self.title} (process {pid}) runs on {self.folder} but does not answer: "
                    f"see {self.log_file}, or end it with `kill {pid}` and start again."
                )
            time.sleep(_POLL)
        return False

    def _start(self, patience: float, reviving: bool) -> None:
        self.prepare(patience=patience)
        for _ in range(_PORT_TRIES):
            self.port = self._usable_port(keep=reviving)
            self._ours = self.launch()
            self._pid = self._ours.pid
            if self._lives_to_be_ready(self._ours, patience, reviving):
                log.info("embedded_server_started", server=self.label, port=self.port, pid=self._pid)
                return
            if files.is_free(self.port):  # so it was not a stranger who took the port in between
                break
        said = files.last_line(self.log_file) or "it said nothing"
        raise HotelChatError(f"{self.title} did not start ({said}): see {self.log_file}.")

    def _lives_to_be_ready(self, process: subprocess.Popen[bytes], patience: float, reviving: bool) -> bool:
        """False if the process ended first."""
        deadline = time.monotonic() + patience
        while not self.is_ready():
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline and reviving:
                log.warning("embedded_server_recovers_slowly", server=self.label, seconds=patience)
                return True
            if time.monotonic() > deadline:
                raise HotelChatError(
                    f"{self.title} is still starting after {patience:.0f} s, perhaps repairing its data: "
                    f"see {self.log_file} and start again later."
                )
            time.sleep(_POLL)
        return True

    def _usable_port(self, *, keep: bool) -> int:
        kept = self._kept_port()
        if kept and files.is_free(kept):
            return kept
        if kept and keep:
            raise HotelChatError(
                f"Port {kept} of {self.title} has been taken by another program: "
                "stop that program, or start HotelChat again to move to another port."
            )
        port = files.new_port()
        files.write_private(self.port_file, str(port))
        if kept:
            log.warning("embedded_port_changed", server=self.label, taken=kept, port=port)
        return port

    def _kept_port(self) -> int:
        """0 where none has been chosen yet."""
        try:
            return int(self.port_file.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _is_our_kind(self, pid: int) -> bool:
        return re.search(rf"{self.mark}\b", command_of(pid)) is not None
