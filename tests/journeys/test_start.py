"""Starting, stopping, and what one is told when it cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import psutil
import pytest

from tests.journeys.conftest import House
from tests.journeys.program import Program, command, new_folder, remove
from tests.journeys.waiting import until


def test_the_demo_is_usable_within_seconds_and_stops_cleanly(capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_folder()
    try:
        first, stopped = started_and_stopped(folder)
        later, _ = started_and_stopped(folder)
    finally:
        remove(folder)

    with capsys.disabled():
        print(f"\n  demo: first start {first:.1f} s, later {later:.1f} s, stopped after {stopped:.1f} s", end="")
    assert first < 20 and later < 8  # twice the promise: this machine may be busy
    assert stopped < 25


def started_and_stopped(folder: Path) -> tuple[float, float]:
    """Seconds until the desk's login page is there with the workers behind it, and until all is gone."""
    program = Program(folder, "demo")
    try:
        program.wait_until_ready(path="/login")
        seconds = program.wait_until_ready()
        said = until(lambda: program.said() if "HotelChat is ready" in program.said() else "", what="the words")
        assert f"{program.base}/demo/phone" in said and "lantern-bay" in said and "lena@lanternbay.example" in said
    finally:
        took = program.stop()
    return seconds, took


def test_a_second_demo_on_a_taken_port_says_so_in_one_sentence(demo: Program) -> None:
    folder = new_folder()
    done = command(folder, "demo", PORT=str(demo.port))
    remove(folder)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and str(demo.port) in done.stderr
    assert httpx.get(demo.base + "/healthz").status_code == 200


def test_outside_the_demo_there_is_no_phone_and_no_stand_in(house: House) -> None:
    for path in (
        "/demo/phone",
        "/demo/",
        "/demo/twilio/2010-04-01/Accounts/AC/Messages.json",
        "/demo/openai/v1/models",
    ):
        assert httpx.get(house.first.base + path).status_code == 404, path


def test_in_production_secrets_must_be_given() -> None:
    folder = new_folder()
    done = command(folder, HOTELCHAT_ENV="production", PORT="1")
    remove(folder)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "SECRET_KEY" in done.stderr


def test_two_programs_share_their_servers_and_the_second_survives_the_first() -> None:
    folder = new_folder()
    first = Program(folder)
    second = None
    try:
        first.wait_until_ready()
        second = Program(folder)
        second.wait_until_ready()
        postgres = [each for each in psutil.process_iter(["name"]) if is_postmaster(each, folder)]
        assert len(postgres) == 1

        first.stop()

        until(lambda: second is not None and second._answers("/readyz"), 20, "the second one to be ready again")
        assert httpx.get(second.base + "/login").status_code == 200
    finally:
        first.stop()
        if second is not None:
            second.stop()
        left = [each for each in psutil.process_iter(["name"]) if is_postmaster(each, folder)]
        remove(folder)
    assert not left


def is_postmaster(each: psutil.Process, folder: Path) -> bool:
    """Whether this is the PostgreSQL server of the folder."""
    try:
        return "postgres" in each.name() and os.fspath(folder) in " ".join(each.cmdline())
    except psutil.Error:
        return False


def test_a_dead_child_is_replaced_within_two_seconds(demo: Program, capsys: pytest.CaptureFixture[str]) -> None:
    names = (("demo-web",), ("worker", "answers"), ("worker", "deliveries"), ("scheduler",))
    took = {" ".join(name): demo.kill(*name) for name in names}
    demo.wait_until_ready()

    with capsys.disabled():
        print(f"\n  replaced after {', '.join(f'{name} {seconds:.2f} s' for name, seconds in took.items())}", end="")
    assert max(took.values()) < 2
