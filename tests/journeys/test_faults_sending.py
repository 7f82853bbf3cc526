"""A message whose fate is unknown is never sent blindly again; and everything stops when told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.guest import Guest
from tests.journeys.production import FINAL, Production
from tests.journeys.stand_ins import StandIns
from tests.journeys.waiting import until


@pytest.fixture
def asking(production: Production, stand_ins: StandIns) -> Iterator[Guest]:
    """A guest whose answer's sender will be killed."""
    (guest,) = production.guests(1)
    yield guest
    stand_ins.holds_answer_for.clear()
    stand_ins.never_reached.clear()
    stand_ins.calls_back = True


def status_of(production: Production, guest: Guest) -> list[str]:
    """The delivery status of everything that goes to this guest."""
    rows = production.ask(
        "SELECT m.delivery FROM message m JOIN conversation c ON c.id = m.conversation_id"
        " JOIN guest_identity i ON i.guest_id = c.guest_id WHERE i.value = %s AND m.direction = 'out' ORDER BY m.id",
        guest.phone,
    )
    return [row[0] for row in rows]


def let_time_pass(production: Production, guest: Guest) -> None:
    """As if the 20 and 10 seconds had passed that a sender and a callback are given."""
    production.ask(
        "UPDATE message SET sending_until = now() - interval '1 second', created_at = created_at - interval '9 seconds'"
        " WHERE delivery IN ('sending', 'unknown') AND sending_until > now() AND conversation_id IN (SELECT c.id"
        " FROM conversation c JOIN guest_identity i ON i.guest_id = c.guest_id WHERE i.value = %s)",
        guest.phone,
    )


def test_accepted_but_unanswered_and_told_by_callback(
    production: Production, stand_ins: StandIns, asking: Guest
) -> None:
    address = f"whatsapp:{asking.phone}"
    stand_ins.holds_answer_for.add(address)
    asking.writes("Question #930001, please")
    until(lambda: stand_ins.held[address], what="the send")
    production.worker.kill("worker", "deliveries")
    stand_ins.holds_answer_for.clear()

    until(lambda: status_of(production, asking) == ["delivered"], what="the callback's news")
    let_time_pass(production, asking)
    asking.writes("Question #930002, please")
    until(lambda: status_of(production, asking) == ["delivered"] * 2, 30, "the next answer")

    assert [each.numbers for each in stand_ins.to(asking.phone)] == [[930001], [930002]]


def test_accepted_but_unanswered_and_found_by_looking_it_up(
    production: Production, stand_ins: StandIns, asking: Guest
) -> None:
    address = f"whatsapp:{asking.phone}"
    stand_ins.holds_answer_for.add(address)
    stand_ins.calls_back = False
    asking.writes("Question #940001, please")
    until(lambda: stand_ins.held[address], what="the send")
    production.worker.kill("worker", "deliveries")
    stand_ins.holds_answer_for.clear()
    (message,) = stand_ins.to(asking.phone)
    message.status = "delivered"

    let_time_pass(production, asking)
    until(lambda: status_of(production, asking) == ["unknown"], 20, "the doubt")
    let_time_pass(production, asking)
    until(lambda: status_of(production, asking)[0] in FINAL, 20, "the look-up")

    assert status_of(production, asking) == ["delivered"]
    assert len(stand_ins.to(asking.phone)) == 1


def test_never_accepted_it_is_sent_again_once(production: Production, stand_ins: StandIns, asking: Guest) -> None:
    address = f"whatsapp:{asking.phone}"
    stand_ins.never_reached.add(address)
    asking.writes("Question #950001, please")
    until(lambda: stand_ins.held[address], what="the send")
    production.worker.kill("worker", "deliveries")
    stand_ins.never_reached.clear()

    let_time_pass(production, asking)
    until(lambda: status_of(production, asking) == ["unknown"], 20, "the doubt")
    assert stand_ins.to(asking.phone) == []
    let_time_pass(production, asking)
    until(lambda: status_of(production, asking) == ["delivered"], 20, "the second try")

    assert len(stand_ins.to(asking.phone)) == 1


def test_told_to_stop_in_the_middle_of_work_everything_stops_and_goes_on_later(
    production: Production, stand_ins: StandIns, capsys: pytest.CaptureFixture[str]
) -> None:
    guests = production.guests(6)
    for number, guest in enumerate(guests, 960001):
        guest.writes(f"Question #{number}, please")
    until(lambda: any(not each.is_answered for each in list(stand_ins.asked)), what="the thinking")

    seconds = production.worker.stop()
    production.restart_worker()
    for number, guest in enumerate(guests, 960001):
        until(lambda number=number: stand_ins.answers()[number], 30, f"the answer to #{number}")
        until(lambda guest=guest: set(status_of(production, guest)) <= FINAL, 20, "final statuses")

    assert all(stand_ins.answers()[number] == 1 for number in range(960001, 960007))
    with capsys.disabled():
        print(f"\n  SIGTERM in mid-answer: the workers stopped after {seconds:.1f} s", end="")
    assert seconds < 25
