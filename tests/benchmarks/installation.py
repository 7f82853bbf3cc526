"""A throw-away installation for benchmarks: embedded servers, a migrated database, and processes of ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from hotelchat.embedded import EmbeddedServers

ROOT = Path(__file__).parents[2]
ACCOUNT, TOKEN, NUMBER = "AC" + "0" * 32, "bench-token-bench-token", "whatsapp:+34600000100"


@dataclass
class Installation:
    """Addresses, and the processes started so far."""

    database_url: str
    redis_url: str
    port: int
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """Where the web process is reached."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What our processes run with."""
        return os.environ | {
            "DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url, "PORT": str(self.port),
            "PUBLIC_BASE_URL": self.base_url, "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_WHATSAPP_NUMBER": NUMBER, "SECRET_KEY": "bench", "LOG_LEVEL": "WARNING", "OPENAI_API_KEY": "",
            "MALLOC_ARENA_MAX": "2",
            "ADMIN_EMAIL": "bench@hotel.example", "ADMIN_PASSWORD": "bench-password",
        }  # fmt: skip

    def run(self, *arguments: str) -> None:
        """A command of main.py."""
        subprocess.run([sys.executable, str(ROOT / "main.py"), *arguments], env=self.environment(), check=True)

    def start(self, *argv: str, port: int) -> subprocess.Popen[bytes]:
        """A process that listens on a port."""
        child = subprocess.Popen([sys.executable, *argv], env=self.environment(), cwd=ROOT)
        self.children.append(child)
        for _ in range(300):
            try:
                with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                    return child
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"nothing listens on port {port}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def installation() -> Iterator[Installation]:
    """Everything from nothing, and away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hotelchat-bench-"))
    folder.chmod(0o711)
    servers = EmbeddedServers(folder)
    made = Installation(servers.postgres(), servers.redis(), free_port())
    try:
        made.run("migrate")
        yield made
    finally:
        for child in made.children:
            child.terminate()
        for child in made.children:
            child.wait(20)
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)
