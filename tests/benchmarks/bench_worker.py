"""One worker process, 100 answers at once through the official OpenAI SDK: how fast, in how much memory.

`python -m tests.benchmarks.bench_worker [JOBS [AT_ONCE]]` starts a Redis, a stand-in for the model's API that
answers after one second, and a worker, each a process of its own; the worker then runs 1,000 jobs that were
already waiting. Ideal: as many jobs a second as run at once. Targets: 90 jobs/s at 100 at once, under 120 MB.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from rq import Queue
from rq.job import Job, JobStatus

from hotelchat.ringing import connect
from tests.jobs.conftest import ROOT, OwnRedis, wait_until

QUEUE = "bench"
JOBS, AT_ONCE = 1000, 100
ANSWER_SECONDS = 1.0
TARGET_RATE, TARGET_MB = 90, 120


def spawn(module: str, *args: str, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *args]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | environment)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def watch(queue: Queue, jobs_count: int, worker: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait until all is done; returns the worker's peak memory in MB and its CPU, with start, in ms a job."""
    process = psutil.Process(worker.pid)
    peak = 0
    while queue.finished_job_registry.get_job_count(cleanup=False) < jobs_count:
        assert worker.poll() is None, "the worker has ended"
        peak = max(peak, process.memory_info().rss)
        time.sleep(0.1)
    cpu = process.cpu_times()
    return peak / 2**20, 1000 * (cpu.user + cpu.system) / jobs_count


def rates(queue: Queue, jobs: list[Job]) -> tuple[float, float]:
    """Jobs a second as RQ recorded them: of the whole run, and of its middle, when all slots are at work.

    The whole run, from the first start to the last end, counts the cold start and the slots idle at the end.
    """
    done = [job for job in Job.fetch_many([job.id for job in jobs], queue.connection) if job]
    assert len(done) == len(jobs)
    assert all(job.get_status(refresh=False) is JobStatus.FINISHED for job in done)
    first = min(job.started_at for job in done if job.started_at)
    ends = sorted(job.ended_at for job in done if job.ended_at)
    low, high = len(ends) // 4, len(ends) * 9 // 10
    return len(jobs) / (ends[-1] - first).total_seconds(), (high - low) / (ends[high] - ends[low]).total_seconds()


def main(jobs_count: int = JOBS, at_once: int = AT_ONCE) -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        redis = OwnRedis(Path(folder))
        queue = Queue(QUEUE, connection=connect(redis.url))
        jobs = [queue.enqueue("tests.benchmarks.answers.answer", f"Breakfast {n}?") for n in range(jobs_count)]
        server = spawn("stand_in", str(port), str(ANSWER_SECONDS))
        wait_until(lambda: listens(port))
        worker = spawn("answers", redis.url, str(at_once), MODEL_URL=f"http://127.0.0.1:{port}/v1")
        try:
            peak, cpu = watch(queue, jobs_count, worker)
            whole, middle = rates(queue, jobs)
        finally:
            for process in (worker, server):
                process.terminate()
                process.wait(30)
            redis.kill()
    print(f"{jobs_count} answers of {ANSWER_SECONDS:g} s, {at_once} at once, one process, openai SDK")
    print(f"{'':12}{'measured':>10}{'target':>10}{'ideal':>10}")
    print(f"{'jobs/s':12}{whole:>10.1f}{TARGET_RATE:>10}{at_once / ANSWER_SECONDS:>10.0f}")
    print(f"{'in mid-run':12}{middle:>10.1f}{TARGET_RATE:>10}{at_once / ANSWER_SECONDS:>10.0f}")
    print(f"{'peak MB':12}{peak:>10.1f}{TARGET_MB:>10}")
    print(f"{'CPU ms/job':12}{cpu:>10.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
