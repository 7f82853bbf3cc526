"""Redis, or Valkey, on a folder of ours: durable (AOF), with a password, on loopback only."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from hotelchat.embedded import files
from hotelchat.embedded.binaries import redis_program
from hotelchat.embedded.process import spawn
from hotelchat.embedded.server import Server
from hotelchat.errors import HotelChatError

_ANSWER_SECONDS = 0.5
_CONFIGURATION = """\
bind 127.0.0.1
protected-mode yes
port {port}
requirepass "{password}"
daemonize no
pidfile redis.pid
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


class RedisServer(Server):
    """Runs as the user we are; its folder is closed to everybody else."""

    label = "redis"
    title = "Redis"
    stop_signal = signal.SIGTERM

    def url(self) -> str:
        return f"redis://:{self.password()}@127.0.0.1:{self.port}/0"

    def is_ready(self) -> bool:
        """Whether it accepts our password and has loaded its data."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), _ANSWER_SECONDS) as connection:
                connection.sendall(f"AUTH {self.password()}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (more := connection.recv(512)):
                    answer += more
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def pid_in_file(self) -> int | None:
        try:
            return int((self.folder / "redis.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def prepare(self, *, patience: float) -> None:
        self.program: Path = redis_program()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "redis.pid").unlink(missing_ok=True)
        if not self.password_file.exists():
            files.write_private(self.password_file, files.new_password())

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it; return once it has noted its process id: now nobody starts a second on these files."""
        configuration = _CONFIGURATION.format(port=self.port, password=self.password())
        files.write_private(self.folder / "redis.conf", configuration)
        log_descriptor = files.open_log(self.log_file)
        try:
            process = spawn(
                # It shows its first argument as its title, whatever its version: the mark stands there.
                [f"{self.program.name} {self.mark}", "redis.conf"],
                executable=self.program,
                death_signal=self.stop_signal,
                cwd=self.folder,
                output=log_descriptor,
            )
        finally:
            os.close(log_descriptor)
        self._wait_for_pid_file(process)
        return process

    def _wait_for_pid_file(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 10
        while process.poll() is None and self.pid_in_file() != process.pid:
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise HotelChatError(f"Redis did not start in 10 s: see {self.log_file}, then start again.")
            time.sleep(0.005)
