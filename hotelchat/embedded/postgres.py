"""PostgreSQL on a folder of ours: scram passwords, loopback only, recovers from any kill."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress

from hotelchat.embedded import files
from hotelchat.embedded.binaries import postgres_programs
from hotelchat.embedded.cluster import DATABASE, USER, Cluster
from hotelchat.embedded.process import command_of, commands
from hotelchat.embedded.server import Server
from hotelchat.errors import HotelChatError

_ORPHANS_LEAVE_SECONDS = 0.3  # they notice the postmaster's death by themselves, unless they are busy
_POLL = 0.02

# Logs of ours never hold a guest's words: no statements, no DETAIL with a row's values.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class PostgresServer(Server):
    """Runs as `nobody` when we are root, which PostgreSQL refuses to be."""

    label = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # fast shutdown

    def url(self) -> str:
        return f"postgresql://{USER}:{self.password()}@127.0.0.1:{self.port}/{DATABASE}?sslmode=disable"

    def is_ready(self) -> bool:
        """What the postmaster itself writes into its pid file: process, folder, start, port, …, state."""
        lines = self._pid_file_lines()
        return len(lines) > 7 and lines[0] == str(self._pid) and lines[7].strip() == "ready"

    def pid_in_file(self) -> int | None:
        lines = self._pid_file_lines()
        return int(lines[0]) if lines and lines[0].isdigit() else None

    def prepare(self, *, patience: float) -> None:
        cluster = Cluster(self.folder, postgres_programs(self._data_version()))
        self._clear_remains(patience)
        if cluster.exists() and not self.password_file.exists():
            password = files.new_password()
            cluster.set_password(password)
            files.write_private(self.password_file, password)
        elif not self.password_file.exists():
            files.write_private(self.password_file, files.new_password())
        if not cluster.exists():
            cluster.create(self.password())
        self._cluster = cluster

    def launch(self) -> subprocess.Popen[bytes]:
        settings = {**_SETTINGS, "port": str(self.port), "cluster_name": self.mark}
        log_descriptor = files.open_log(self.log_file)
        try:
            return self._cluster.serve(settings, death_signal=self.stop_signal, output=log_descriptor)
        finally:
            os.close(log_descriptor)

    def wait_until_stopped(self) -> bool:
        clean = super().wait_until_stopped()
        if not clean:
            self._clear_remains(patience=1)
        return clean

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _data_version(self) -> int | None:
        """The major version that made the data; None where there is none yet."""
        try:
            return int((self.folder / "PG_VERSION").read_text().split(".")[0])
        except FileNotFoundError:
            return None

    def _clear_remains(self, patience: float) -> None:
        """End what a killed postmaster left: processes that hold its memory, and its pid file.

        PostgreSQL refuses to start while those live, and takes a zombie postmaster for a living one.
        """
        if not (self.folder / "postmaster.pid").exists():
            return
        started = time.monotonic()
        while orphans := [pid for pid, command in commands() if self._is_server_process(command)]:
            waited = time.monotonic() - started
            if waited > _ORPHANS_LEAVE_SECONDS + patience:
                raise HotelChatError(
                    f"Processes of a killed PostgreSQL still hold {self.folder}: "
                    f"end them with `kill -9 {' '.join(map(str, orphans))}` and start again."
                )
            if waited > _ORPHANS_LEAVE_SECONDS:
                self._kill(orphans)
            time.sleep(_POLL)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _kill(self, pids: list[int]) -> None:
        for pid in pids:
            if self._is_server_process(command_of(pid)):  # still the same one
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _is_server_process(self, command: str) -> bool:
        """A process of this folder's server: by its title, or by its arguments before it has set one."""
        kind = rf"postgres: {self.mark}\b|.*/postgres .*cluster_name={self.mark}\b"
        return re.match(kind, command) is not None
