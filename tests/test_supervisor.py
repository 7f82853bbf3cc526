"""The supervisor runs in a process of its own here, with real children and real signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from hotelchat import supervisor
from hotelchat.embedded.process import command_of

ROOT = Path(__file__).parent.parent
CHILDREN = {
    # Each notes its start as a line "name pid" in the journal, and its clean end as "name ended".
    "steady": "note(os.getpid()); wait_for_term(); note('ended')",
    "slow": "note(os.getpid()); wait_for_term(); time.sleep(0.6); note('ended')",
    "stubborn": "signal.signal(signal.SIGTERM, signal.SIG_IGN); note(os.getpid()); time.sleep(60)",
    "misconfigured": "note(os.getpid()); sys.exit(os.EX_CONFIG)",
    "doomed": "note(os.getpid()); sys.exit(3)",
    "parent": "sub = subprocess.Popen(['sleep', '60']); signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "note(os.getpid()); note(sub.pid); time.sleep(60)",
}
PRELUDE = """
import os, signal, subprocess, sys, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
def note(what):
    with open(os.environ["JOURNAL"], "a") as journal:
        journal.write(f"{sys.argv[1]} {what}\\n")
def wait_for_term():
    while not told:
        time.sleep(0.02)
"""
SUPERVISOR = """
import json, os, sys
from pathlib import Path
from hotelchat.embedded import EmbeddedServers
from hotelchat.supervisor import Child, supervise
names, code, data_dir, seconds = json.loads(sys.argv[1])
servers = EmbeddedServers(Path(data_dir)) if data_dir else None
if servers:
    servers.redis()
children = [Child(name, [sys.executable, "-c", code[name], name], {"MARK": name}) for name in names]
sys.exit(supervise(children, servers, stop_seconds=seconds))
"""


class Supervised:
    """A supervisor process with these children."""

    def __init__(self, folder: Path, *names: str, stop_seconds: float = 5, servers: bool = False) -> None:
        self.journal = folder / "journal"
        self.data_dir = folder / "data" if servers else None
        self.journal.touch()
        self.log = folder / "log"
        code = {name: PRELUDE + body for name, body in CHILDREN.items()}
        arguments = supervisor_arguments(names, code, self.data_dir, stop_seconds)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                arguments, cwd=ROOT, env={**os.environ, "JOURNAL": str(self.journal)}, stdout=log, stderr=log
            )

    def notes(self, name: str) -> list[str]:
        lines = [line.split() for line in self.journal.read_text().splitlines()]
        return [what for who, what in lines if who == name]

    def pids(self, name: str) -> list[int]:
        return [int(note) for note in self.notes(name) if note.isdigit()]

    def wait_for(self, name: str, count: int = 1) -> list[int]:
        assert wait_until(lambda: len(self.pids(name)) >= count), f"{name}: {self.notes(name)}"
        return self.pids(name)

    def tell(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def all_pids(self) -> list[int]:
        return [pid for name in CHILDREN for pid in self.pids(name)]


def supervisor_arguments(names: tuple[str, ...], code: dict[str, str], data_dir: Path | None, seconds: float):
    payload = json.dumps([names, code, str(data_dir) if data_dir else None, seconds])
    return [sys.executable, "-c", SUPERVISOR, payload]


def wait_until(true: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervised]]:
    """Starts supervisors; none of their processes may outlive the test."""
    folder = Path(tempfile.mkdtemp(prefix="hotelchat-test-"))
    folder.chmod(0o711)
    started: list[Supervised] = []

    def make(*names: str, **options: object) -> Supervised:
        started.append(Supervised(folder, *names, **options))
        return started[-1]

    yield make
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
    pids = [pid for one in started for pid in one.all_pids()]
    wait_until(lambda: not any(command_of(pid) for pid in pids), 2)
    left = [pid for pid in pids if command_of(pid)]
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder)
    assert not left, "the test left processes behind"


def test_a_killed_child_is_back_within_two_seconds(supervise):
    desk = supervise("steady", "slow")
    (first,) = desk.wait_for("steady")
    began = time.monotonic()

    os.kill(first, signal.SIGKILL)

    assert len(set(desk.wait_for("steady", 2))) == 2
    assert time.monotonic() - began < 2
    assert len(desk.pids("slow")) == 1
    assert "child_restarted" in desk.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_passes_the_end_on_and_waits(supervise, number):
    desk = supervise("steady", "slow")
    desk.wait_for("steady"), desk.wait_for("slow")

    desk.tell(number)

    assert desk.process.wait(5) == 0
    assert desk.notes("steady")[-1] == desk.notes("slow")[-1] == "ended"


def test_the_terminals_ctrl_c_does_not_reach_the_children_before_us(supervise):
    desk = supervise("steady")
    (pid,) = desk.wait_for("steady")

    assert os.getsid(pid) == pid


def test_a_child_that_will_not_end_is_killed_at_the_limit(supervise):
    desk = supervise("stubborn", "steady", stop_seconds=0.5)
    desk.wait_for("stubborn"), desk.wait_for("steady")
    began = time.monotonic()

    desk.tell()

    assert desk.process.wait(5) == 0
    assert 0.5 <= time.monotonic() - began < 2
    assert desk.notes("steady")[-1] == "ended"


def test_a_killed_child_takes_its_own_children_along(supervise):
    desk = supervise("parent", stop_seconds=0.2)
    pids = desk.wait_for("parent", 2)

    desk.tell()

    assert desk.process.wait(5) == 0
    assert wait_until(lambda: not any(command_of(pid) for pid in pids))


def test_a_second_signal_hastens_but_the_same_one_twice_does_not(supervise):
    desk = supervise("stubborn", "slow", stop_seconds=30)
    desk.wait_for("stubborn"), desk.wait_for("slow")

    desk.tell(signal.SIGINT)
    desk.tell(signal.SIGINT)
    assert wait_until(lambda: desk.notes("slow")[-1] == "ended")
    assert desk.process.poll() is None
    desk.tell(signal.SIGINT)

    assert desk.process.wait(2) == 0


def test_a_configuration_error_stops_everything(supervise):
    desk = supervise("steady", "misconfigured")

    assert desk.process.wait(5) == 1

    assert len(desk.pids("misconfigured")) == 1
    assert "child_misconfigured" in desk.log.read_text()


def test_a_child_that_always_dies_is_started_ever_slower_but_never_given_up(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: clock[0])
    doomed = supervisor._Running(supervisor.Child("doomed", ["/nowhere/to/be/found"]))
    starts = []
    monkeypatch.setattr(supervisor.log, "error", lambda *_, **__: starts.append(clock[0]), raising=False)

    for _ in range(200):
        doomed.start_when_due()
        clock[0] += 0.1

    pauses = [round(later - sooner, 1) for sooner, later in pairwise(starts)]
    assert pauses[:5] == [0.1] * 5
    assert pauses[5:8] == [0.5, 1.0, 2.0]
    assert set(pauses[8:]) == {2.0}


def test_the_first_deaths_cost_no_pause(supervise):
    desk = supervise("doomed")
    began = time.monotonic()

    desk.wait_for("doomed", 6)

    assert time.monotonic() - began < 3


def test_children_end_when_the_supervisor_is_killed(supervise):
    desk = supervise("steady")
    desk.wait_for("steady")

    desk.tell(signal.SIGKILL)

    assert wait_until(lambda: desk.notes("steady")[-1] == "ended", 2)


def test_the_servers_are_revived_and_stopped_last(supervise):
    desk = supervise("slow", servers=True)
    desk.wait_for("slow")
    pid_file = desk.data_dir / "redis" / "redis.pid"
    before = int(pid_file.read_text())

    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: pid_file.exists() and pid_file.read_text() not in ("", f"{before}\n"), 2)
    after = int(pid_file.read_text())
    desk.tell()

    assert wait_until(lambda: desk.notes("slow")[-1] == "ended")
    assert desk.process.wait(5) == 0
    assert command_of(after) == ""


def test_without_a_death_signal_a_child_watches_its_parent(tmp_path):
    """As on macOS: the parent of the watching process dies."""
    watching = (
        "import time; from hotelchat import supervisor; supervisor.LIBC = None; supervisor.watch_parent();"
        "print('watching', flush=True); time.sleep(20)"
    )
    parent = (
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {watching!r}]);"
        "print(child.pid, flush=True); child.wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    child = int(process.stdout.readline())
    assert process.stdout.readline() == "watching\n"

    process.kill()
    process.wait()
    process.stdout.close()

    assert wait_until(lambda: not command_of(child), 1.5)
