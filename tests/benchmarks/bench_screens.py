"""Live screens: commit → DOM in a real Chromium beside 0 and 99 other screens, page CPU, memory per screen.

`python -m tests.benchmarks.bench_screens`. Targets: p50 25 ms and p95 50 ms with 100 screens, page CPU 12 ms, 0.5 MB a
screen. The floor is a bare page fed by a raw websocket from the same Redis, in the same run.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from shutil import which
from typing import Any

import httpx
import psutil
import redis
import websockets.sync.client
from playwright.sync_api import Page, sync_playwright

from hotelchat import db, live, settings
from hotelchat.channels import demo_phone, whatsapp
from hotelchat.db import transaction
from hotelchat.services import intake, team
from tests.benchmarks.installation import ACCOUNT, NUMBER, ROOT, Installation, free_port, installation

GUESTS, HISTORY, SAMPLES, PAUSE_SECONDS = 60, 50, 150, 0.2
CHROMIUM = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
WATCH = """(selector) => { window.seen = {}; new MutationObserver(() => {
  const now = performance.timeOrigin + performance.now();
  for (const m of document.querySelector(selector).textContent.matchAll(/mark-(\\d+)/g)) window.seen[m[1]] ??= now;
}).observe(document.querySelector(selector),
  {childList: true, subtree: true, characterData: true, attributes: true}); }"""


_marks = itertools.count(1000)
_own_thread = ThreadPoolExecutor(1)  # Playwright's loop holds the main one, where queries are refused


def _write(guest: int, text: str) -> float:
    """A guest's message, committed; the moment of the commit as time.time()."""
    return _own_thread.submit(_commit, guest, text).result()


def _commit(guest: int, text: str) -> float:
    params = demo_phone.text_message(ACCOUNT, f"+4477009{guest:05d}", NUMBER, text, f"Guest {guest}")
    with transaction() as session:
        intake.receive(session, 1, whatsapp.inbound(params))
    return time.time()


def _sign_in() -> str:
    keys = ("bench",)
    with transaction() as session:
        ticket = team.sign_in(session, "bench@hotel.example", "bench-password", keys)
    with transaction() as session:
        return team.enter(session, ticket or "", keys) or ""


def _latencies(page: Page, selector: str, write: Callable[[int], float]) -> list[float]:
    """Milliseconds from each commit until its words stand in the page, at some five messages a second."""
    page.evaluate(WATCH, selector)
    commits = {}
    for mark in itertools.islice(_marks, SAMPLES):
        commits[mark] = write(mark)
        time.sleep(PAUSE_SECONDS)
    page.wait_for_timeout(1000)
    seen: dict[str, float] = page.evaluate("window.seen")
    missing = [mark for mark in commits if str(mark) not in seen]
    if missing:
        print(f"  {len(missing)} of {SAMPLES} never appeared")
    return [seen[str(mark)] - at * 1000 for mark, at in commits.items() if str(mark) in seen]


def _line(what: str, times: list[float]) -> None:
    cuts = statistics.quantiles(times, n=20)
    print(f"{what:<34} p50 {statistics.median(times):6.1f} ms   p95 {cuts[18]:6.1f} ms")


def _others(made: Installation, cookie: str, path: str, number: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tests.benchmarks.screens", made.base_url, cookie, path, str(number)]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None and child.stdout.readline() == "open\n"
    return child


def _close(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.close()
    child.wait(20)


def _page_cost(made: Installation, web: psutil.Process, cookie: str, path: str) -> None:
    """CPU of building and serving a page, less what the process spends on pages that wait for their browser."""
    with httpx.Client(cookies={"hotelchat": cookie}, base_url=made.base_url, timeout=30) as client:
        client.get(path)
        started, before = time.perf_counter(), _cpu(web)
        for _ in range(40):
            client.get(path).raise_for_status()
        middle, seconds = _cpu(web), time.perf_counter() - started
        time.sleep(seconds)
        waiting = (_cpu(web) - middle) / 2
    spent = (middle - before - waiting) / 40 * 1000
    print(f"{'page CPU ' + path:<34} {spent:6.1f} ms   (target 12)")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _floor(made: Installation, browser: Any) -> None:
    port = free_port()
    made.start("-m", "tests.benchmarks.raw_websocket", str(port), port=port)
    client = redis.Redis.from_url(made.redis_url)

    def write(mark: int) -> float:
        at = time.time()
        client.publish("floor", f"mark-{mark} ")
        return at

    for others in (0, 99):
        url = f"ws://127.0.0.1:{port}/ws"
        sockets = [
            websockets.sync.client.connect(url, ping_interval=None, close_timeout=0.01, max_queue=None)
            for _ in range(others)
        ]
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_timeout(300)
        _line(f"floor, {others + 1} screens", _latencies(page, "#box", write))
        page.close()
        for socket in sockets:
            socket.close()


def main() -> None:
    """Print the table."""
    with installation() as made, sync_playwright() as playwright:
        db.configure(settings.database_url(made.database_url) or "", pool=2)
        live.configure(made.redis_url)
        web = psutil.Process(made.start("main.py", "process", "web", port=made.port).pid)
        for guest in range(GUESTS):
            _write(guest, "Is breakfast included?")
        for number in range(HISTORY):
            _write(0, f"Message {number} of a long conversation")
        cookie = _own_thread.submit(_sign_in).result()
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(CHROMIUM))
        _floor(made, browser)
        _page_cost(made, web, cookie, "/")
        _page_cost(made, web, cookie, "/c/1")
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "hotelchat", "value": cookie, "url": made.base_url}])
        for others in (0, 99):
            empty = web.memory_info().rss
            crowd = _others(made, cookie, "/c/1", others) if others else None
            if crowd:
                print(
                    f"{'memory a screen':<34} {(web.memory_info().rss - empty) / others / 2**20:6.2f} MB   (target 0.5)"
                )
            page = context.new_page()
            page.goto(f"{made.base_url}/c/1")
            page.wait_for_selector("[data-testid=message]")
            page.wait_for_timeout(1000)
            before = _cpu(web)
            times = _latencies(page, "[data-testid=thread]", lambda mark: _write(0, f"mark-{mark} "))
            spent = (_cpu(web) - before) / SAMPLES * 1000
            _line(f"thread, {others + 1} screens", times)
            print(f"{'  CPU a message':<34} {spent:6.1f} ms, {spent / (others + 1) * 1000:.0f} µs a screen")
            page.close()
            if crowd:
                _close(crowd)
        browser.close()


def _chromium() -> str:
    found = which("chromium") or which("chromium-browser") or which("google-chrome")
    if found is None:
        raise SystemExit("No Chromium. Install one: apt-get install chromium")
    return found


if __name__ == "__main__":
    main()
