"""The walk: a guest's words reach the agents' screens, the concierge answers, a person takes over."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.journeys.conftest import Windows
from tests.journeys.guest import Guest
from tests.journeys.program import Program
from tests.journeys.screens import Desk
from tests.journeys.waiting import until


def test_a_guest_writes_the_concierge_answers_and_an_agent_takes_over(
    windows: Windows, demo: Program, lena: Desk, tomas: Desk
) -> None:
    for desk in (lena, tomas):
        desk.page.evaluate("window.stays = true")
    phone = windows.phone(demo.base, "sofia")

    phone.writes("Good evening! Is breakfast included, and until when?")

    for desk in (lena, tomas):
        expect(desk.row("Sofia")).to_be_visible()
        assert desk.page.evaluate("window.stays"), "the row came by a page load"
    expect(phone.got(re.compile("breakfast", re.IGNORECASE))).to_be_visible(timeout=20_000)

    lena.open("Sofia")
    tomas.open("Sofia")
    expect(lena.at("message").and_(lena.page.locator("[data-author=ai]"))).to_have_count(1)
    expect(lena.at("ai-toggle")).to_have_attribute("data-state", "on")
    lena.at("take-over").click()
    for desk in (lena, tomas):
        expect(desk.at("ai-toggle")).to_have_attribute("data-state", "paused")

    lena.say("Lena here. I will have a table laid for you.")
    expect(phone.got("Lena here")).to_be_visible()
    for desk in (lena, tomas):
        expect(desk.message("Lena here")).to_have_attribute("data-direction", "out")
        expect(desk.message("Lena here")).to_have_attribute("data-author", "agent")
        expect(desk.message("Lena here")).to_have_attribute("data-status", "read")
    expect(lena.at("composer")).to_have_value("")


def test_enter_sends_and_shift_with_enter_breaks_the_line(lena: Desk, new_guest: Callable[[], Guest]) -> None:
    guest = new_guest()
    guest.writes("Could I speak to someone, please?")
    expect(lena.row(guest.name)).to_be_visible()
    lena.open(guest.name)

    lena.at("composer").fill("The first line")
    lena.at("composer").press("Shift+Enter")
    lena.page.keyboard.type("and the second")
    expect(lena.at("composer")).to_have_value("The first line\nand the second")
    lena.at("composer").press("Enter")

    expect(lena.message("The first line").locator("br")).to_have_count(1)
    expect(lena.message("The first line")).to_have_attribute("data-status", "delivered")


def test_pressed_twice_a_reply_is_sent_once(lena: Desk, new_guest: Callable[[], Guest]) -> None:
    guest = new_guest()
    guest.writes("Could I speak to someone, please?")
    expect(lena.row(guest.name)).to_be_visible()
    lena.open(guest.name)

    lena.at("composer").fill("Only once, by key")
    lena.at("composer").evaluate(
        "t => ['1', '2', '3'].forEach(_ => t.dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true})))"
    )
    expect(lena.message("Only once, by key")).to_have_attribute("data-status", "delivered")
    expect(lena.at("composer")).to_have_value("")
    lena.at("composer").fill("Only once, by button")
    lena.at("send").dblclick()
    expect(lena.message("Only once, by button")).to_have_attribute("data-status", "delivered")

    assert lena.message("Only once").count() == 2


def test_what_is_typed_while_a_reply_is_on_its_way_stays_in_the_composer(
    lena: Desk, new_guest: Callable[[], Guest]
) -> None:
    guest = new_guest()
    guest.writes("Could I speak to someone, please?")
    expect(lena.row(guest.name)).to_be_visible()
    lena.open(guest.name)

    lena.at("composer").fill("A first thought.")
    lena.at("composer").evaluate(
        "t => { t.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}));"
        " t.value += ' And a second'; t.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    expect(lena.message("A first thought.")).to_have_count(1)

    expect(lena.at("composer")).to_have_value(re.compile(r"^\s*And a second$"))


def test_a_double_press_by_two_agents_of_one_conversation_keeps_the_order(
    lena: Desk, tomas: Desk, new_guest: Callable[[], Guest]
) -> None:
    guest = new_guest()
    guest.writes("Could I speak to someone, please?")
    for desk in (lena, tomas):
        expect(desk.row(guest.name)).to_be_visible()
        desk.open(guest.name)

    for number in range(6):
        (lena, tomas)[number % 2].say(f"Reply number {number}")
        expect((lena, tomas)[number % 2].at("composer")).to_have_value("")

    for desk in (lena, tomas):
        expect(desk.message("Reply number")).to_have_count(6)
        shown = until(
            lambda desk=desk: len(words := desk.message("Reply number").locator("p").all_text_contents()) == 6 and words
        )
        assert shown == [f"Reply number {number}" for number in range(6)]


def test_the_guests_of_the_phone_can_be_switched(windows: Windows, demo: Program) -> None:
    phone = windows.phone(demo.base, "hannah")
    phone.writes("Ich würde gern mit jemandem sprechen.")
    expect(phone.got()).to_have_count(1, timeout=20_000)

    phone.page.get_by_role("link", name="Kenji").first.click()
    phone.page.wait_for_url("**/demo/phone?guest=kenji")
    phone.page.wait_for_function("window.socket?.connected")
    expect(phone.sent("Ich würde")).to_have_count(0)
    phone.page.get_by_role("link", name="Hannah").first.click()
    phone.page.wait_for_url("**/demo/phone?guest=hannah")

    expect(phone.sent("Ich würde")).to_have_count(1)
