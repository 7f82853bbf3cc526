"""Whatever breaks while guests write: each message is answered exactly once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import redis
from playwright.sync_api import expect

from tests.journeys.conftest import Windows
from tests.journeys.guest import Guest
from tests.journeys.production import ADMIN, PASSWORD, Burst, Production
from tests.journeys.stand_ins import StandIns
from tests.journeys.waiting import until


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], None]]:
    """Print a figure where it is seen."""

    def say(words: str) -> None:
        with capsys.disabled():
            print(f"\n  {words}", end="")

    return say


def test_the_walk_is_the_same_with_foreign_services(
    production: Production, stand_ins: StandIns, windows: Windows
) -> None:
    guest = Guest(production.account)
    first, second = (windows.agent(production.web.base, ADMIN, PASSWORD) for _ in range(2))

    guest.writes("Hello #900001, is anybody there?")
    expect(first.row(guest.name)).to_be_visible()
    until(lambda: stand_ins.answers()[900001] == 1, what="the concierge's answer")
    first.open(guest.name)
    second.open(guest.name)
    expect(first.message("About #900001")).to_have_attribute("data-status", "delivered")
    guest.writes("I want a person #900002")
    expect(first.row(guest.name)).to_have_attribute("data-edge", "need")
    first.at("take-over").click()
    expect(second.at("ai-toggle")).to_have_attribute("data-state", "paused")
    first.say("Ada speaking.")

    expect(second.message("Ada speaking.")).to_have_attribute("data-status", "delivered")
    assert [each.body for each in stand_ins.to(guest.phone)] == ["About #900001", "A colleague comes.", "Ada speaking."]


def test_nothing_breaks(production: Production, report: Callable[[str], None]) -> None:
    burst = Burst(production)
    burst.send()
    report(f"60 messages, nothing breaks: longest delay {burst.check():.1f} s")


def test_what_comes_while_the_concierge_thinks_is_the_next_question(
    production: Production, stand_ins: StandIns
) -> None:
    (guest,) = production.guests(1)
    guest.writes("Question #910001, please")
    until(lambda: any(910001 in each.numbers for each in stand_ins.asked), what="the thinking")
    guest.writes("And question #910002")
    until(lambda: stand_ins.answers()[910002], what="the second answer")

    assert [each.numbers for each in stand_ins.to(guest.phone)] == [[910001], [910002]]
    assert all(each.ends_with_guest for each in stand_ins.asked), "a model was asked to go on after its own words"


def test_the_answering_worker_is_killed_in_mid_answer(
    production: Production, stand_ins: StandIns, report: Callable[[str], None]
) -> None:
    burst = Burst(production)
    sending = threading.Thread(target=burst.send)
    sending.start()
    until(
        lambda: sum(not each.is_answered for each in list(stand_ins.asked)) >= 4, what="four answers being thought of"
    )
    seconds = production.worker.kill("worker", "answers")
    sending.join()

    delay = burst.check()
    report(f"answering worker killed: back after {seconds:.2f} s, longest delay {delay:.1f} s")
    assert seconds < 2


def test_redis_is_emptied_in_mid_walk(production: Production, report: Callable[[str], None]) -> None:
    burst = Burst(production)
    sending = threading.Thread(target=burst.send)
    sending.start()
    until(lambda: len(burst.numbers) >= 20, what="a third of the messages")
    with redis.Redis.from_url(production.redis_url) as client:
        client.flushall()
    until(lambda: len(burst.numbers) >= 45, what="most of the messages")
    with redis.Redis.from_url(production.redis_url) as client:
        client.flushall()
    sending.join()

    report(f"FLUSHALL twice: longest delay {burst.check():.1f} s")
    production.web.wait_until_ready(10)  # the workers are known again


def test_every_webhook_is_delivered_twice_at_once(production: Production, report: Callable[[str], None]) -> None:
    burst = Burst(production, times=2)
    burst.send()

    report(f"every webhook twice at once: longest delay {burst.check():.1f} s")


def test_the_web_process_is_killed_and_twilio_tries_again(
    production: Production, report: Callable[[str], None]
) -> None:
    (guest,) = production.guests(1)
    guest.writes("Question #920001, please")
    seconds = production.web.kill("web")
    production.web.wait_until_ready()
    guest.writes("Question #920002, please")

    until(lambda: {920001, 920002} <= set(production.stand_ins.answers()), 30, "both answers")
    assert all(production.stand_ins.answers()[number] == 1 for number in (920001, 920002))
    report(f"web process killed: successor started after {seconds:.1f} s")
    assert seconds < 2
