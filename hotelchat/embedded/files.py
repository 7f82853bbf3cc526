"""The small files beside the servers: lock, passwords, ports, logs."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG_LIMIT = 10 * 1024 * 1024  # bytes; a longer log is emptied when its server starts
_PORTS = range(20_000, 32_000)  # Linux (from 32768) and macOS (from 49152) lend higher ones to connections
_SMALLEST_SECRET = 32  # bytes of randomness


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the data folder's lock; False, without it, where `wait` is off and another process holds it.

    The kernel frees it when its holder dies, however that happens.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write a file that is whole and has mode 0600 from the moment its name exists."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_private(path: Path) -> str:
    """A file of ours, its mode brought back to 0600 if a copy or a restore has widened it."""
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return path.read_text().strip()


def new_password() -> str:
    """Letters, digits, `-` and `_`: at home in a URL and in a configuration file."""
    return secrets.token_urlsafe(_SMALLEST_SECRET)


def is_free(port: int) -> bool:
    """Whether a server could listen here, as servers do: connections that are winding down do not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
        return True


def new_port() -> int:
    """A free port that the system will not lend to somebody's outgoing connection."""
    while not is_free(port := secrets.choice(_PORTS)):
        pass
    return port


def open_log(path: Path) -> int:
    """A descriptor to append to; the file is emptied first where it has grown past 10 MB."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if os.fstat(descriptor).st_size > LOG_LIMIT:
        os.ftruncate(descriptor, 0)
    return descriptor


def last_line(path: Path) -> str:
    """The newest line of a log, for an error sentence; empty where there is none."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
