"""Processes that end with us, and what the system says about those of others."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded before any fork: a child that has become `nobody` may not be able to read the library's folder.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PROC = Path("/proc") if sys.platform == "linux" else None

_PASSED_ON = ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Account:
    """The user a process runs as, where that is not our own."""

    uid: int
    gid: int


def require_main_thread(what: str) -> None:
    """Linux sends the death signal when the starting *thread* ends, so only the main one may start servers.

    Raises: RuntimeError: when called from another thread.
    Source: https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            f"{what} must be started from the main thread, or it ends with the thread that started it: "
            "call this before starting threads, or hand the work to the main thread."
        )


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before exec so that it gets this signal when we die; None where there is no way.

    It takes no lock and allocates next to nothing, so it is safe where other threads run.
    """
    libc, parent = LIBC, os.getpid()
    if libc is None:
        return None

    def ask_for_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # we died before the kernel was asked
            os._exit(1)

    return ask_for_signal


def server_environment() -> dict[str, str]:
    """Only what a server needs: our keys and passwords stay out of its environment."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def spawn(
    argv: Sequence[str],
    *,
    executable: Path,
    death_signal: signal.Signals,
    cwd: Path,
    stdin: int = subprocess.DEVNULL,
    output: int = subprocess.DEVNULL,
    account: Account | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program out of reach of the terminal's Ctrl+C; where the system can, it ends with us.

    Raises: OSError: if the program cannot be run.
    """
    require_main_thread(executable.name)
    return subprocess.Popen(
        argv,
        executable=executable,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=server_environment(),
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=die_with_parent(death_signal),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def command_of(pid: int) -> str:
    """The command line, or the title, of a living process; empty when it is gone or a zombie."""
    if PROC:
        return _linux_command(PROC / str(pid))
    return next((command for found, command in _listed("-p", str(pid)) if found == pid), "")


def is_ownerless(pid: int) -> bool:
    """Whether its starter is gone, on a system that does not end it for that (macOS)."""
    if LIBC is not None:
        return False
    command = ["ps", "-o", "ppid=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() == "1"


def commands() -> Iterator[tuple[int, str]]:
    """Every living process: its id and its command line or title."""
    if not PROC:
        yield from _listed("-ax")
        return
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (command := _linux_command(folder)):
            yield int(folder.name), command


def _linux_command(folder: Path) -> str:
    try:
        raw = (folder / "cmdline").read_bytes()  # a zombie's is empty
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def _listed(*options: str) -> Iterator[tuple[int, str]]:
    """Processes where there is no /proc (macOS)."""
    listing = subprocess.run(
        ["ps", "-ww", *options, "-o", "pid=,stat=,command="], capture_output=True, text=True, check=False
    )
    for line in listing.stdout.splitlines():
        pid, stat, *command = line.split(None, 2)
        if command and not stat.startswith("Z"):
            yield int(pid), command[0].strip()
