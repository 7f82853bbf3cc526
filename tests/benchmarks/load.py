"""A light load generator: prepared requests over keep-alive connections, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


async def _connection(
    host: str, port: int, requests: list[bytes], times: list[float], statuses: dict[str, int]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while requests:
        request = requests.pop()
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")),
            0,
        )
        await reader.readexactly(length)
        times.append(time.perf_counter() - started)
        status = head[9:12].decode()
        statuses[status] = statuses.get(status, 0) + 1
    writer.close()


async def _run(port: int, requests: list[bytes], in_flight: int) -> dict[str, object]:
    times: list[float] = []
    statuses: dict[str, int] = {}
    started = time.perf_counter()
    await asyncio.gather(*(_connection("127.0.0.1", port, requests, times, statuses) for _ in range(in_flight)))
    seconds = time.perf_counter() - started
    cuts = statistics.quantiles(times, n=100)
    return {"rate": len(times) / seconds, "p50": cuts[49] * 1e3, "p99": cuts[98] * 1e3, "statuses": statuses}


def measure(port: int, requests: list[bytes], in_flight: int) -> dict[str, float]:
    """Requests a second and milliseconds, from a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([request.decode("latin-1") for request in requests], file)
        file.flush()
        argv = [sys.executable, "-m", "tests.benchmarks.load", str(port), str(in_flight), file.name]
        found: dict[str, float] = json.loads(subprocess.check_output(argv, text=True))
        return found


if __name__ == "__main__":
    prepared = [each.encode("latin-1") for each in json.loads(Path(sys.argv[3]).read_text())]
    print(json.dumps(asyncio.run(_run(int(sys.argv[1]), prepared, int(sys.argv[2])))))
