"""What agents do with a conversation: notes, assignment, the concierge's switch, resolving, views, search."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Windows
from tests.journeys.guest import Guest
from tests.journeys.program import Program
from tests.journeys.screens import Desk

PERSON = "Could I speak to someone, please?"


@pytest.fixture
def waiting_guest(new_guest: Callable[[], Guest]) -> Guest:
    """Somebody who asked for a person."""
    guest = new_guest()
    guest.writes(PERSON)
    return guest


def handed_over(desk: Desk, guest: Guest) -> None:
    """Wait until the concierge has given this guest to people."""
    expect(desk.row(guest.name)).to_have_attribute("data-edge", "need", timeout=20_000)


def test_a_note_is_seen_by_colleagues_and_never_by_the_guest(
    windows: Windows, demo: Program, lena: Desk, tomas: Desk
) -> None:
    phone = windows.phone(demo.base, "kenji")
    phone.writes("スタッフの方とお話しできますか？")
    for desk in (lena, tomas):
        expect(desk.row("Kenji")).to_be_visible()
        desk.open("Kenji")

    lena.note("He is allergic to shellfish")
    expect(tomas.message("allergic to shellfish")).to_have_attribute("data-direction", "note")
    expect(tomas.message("allergic to shellfish")).to_contain_text("Lena")
    expect(lena.at("composer")).to_have_value("")
    tomas.say("こんにちは、トマスです。")

    expect(phone.got("トマスです")).to_be_visible()
    expect(phone.page.locator("body")).not_to_contain_text("shellfish")


def test_half_a_note_never_comes_back_as_a_reply_to_the_guest(lena: Desk, new_guest: Callable[[], Guest]) -> None:
    first, second = new_guest(), new_guest()
    for guest in (first, second):
        guest.writes(PERSON)
        expect(lena.row(guest.name)).to_be_visible()
    lena.open(first.name)
    lena.at("note-toggle").click()
    expect(lena.page.locator(".hc-composer")).to_have_class(re.compile("is-note"))
    lena.at("composer").fill("half a note")

    lena.open(second.name)
    expect(lena.page.locator(".hc-composer")).not_to_have_class(re.compile("is-note"))
    expect(lena.at("composer")).to_have_value("")
    lena.open(first.name)
    expect(lena.message(PERSON)).to_be_visible()

    is_note = "is-note" in (lena.page.locator(".hc-composer").get_attribute("class") or "")
    assert is_note or lena.at("composer").input_value() == "", "Enter would now send a private note to the guest"


def test_assigned_resolved_and_reopened_in_both_windows(lena: Desk, tomas: Desk, waiting_guest: Guest) -> None:
    for desk in (lena, tomas):
        handed_over(desk, waiting_guest)
        desk.open(waiting_guest.name)

    lena.at("assign").click()
    expect(tomas.at("guest-panel")).to_contain_text("Lena")
    expect(tomas.row(waiting_guest.name).locator("s")).to_have_attribute("title", "Lena")

    lena.at("resolve").click()
    for desk in (lena, tomas):
        expect(desk.at("reopen")).to_be_visible()
        expect(desk.at("composer")).to_be_hidden()
        expect(desk.row(waiting_guest.name)).to_contain_text("Resolved")

    tomas.at("reopen").click()
    for desk in (lena, tomas):
        expect(desk.at("resolve")).to_be_visible()
        expect(desk.at("composer")).to_be_visible()
    expect(lena.at("guest-panel")).to_contain_text("Tomás")


def test_switched_on_again_the_concierge_answers_and_switched_off_it_is_silent(
    lena: Desk, tomas: Desk, waiting_guest: Guest
) -> None:
    for desk in (lena, tomas):
        handed_over(desk, waiting_guest)
        desk.open(waiting_guest.name)
        expect(desk.at("ai-toggle")).to_have_attribute("data-state", "paused")

    lena.at("ai-toggle").click()
    for desk in (lena, tomas):
        expect(desk.at("ai-toggle")).to_have_attribute("data-state", "on")
    waiting_guest.writes("How much is parking?")
    answers = lena.at("message").and_(lena.page.locator("[data-author=ai]"))
    expect(answers.filter(has_text=re.compile("park", re.IGNORECASE))).to_have_count(1, timeout=20_000)
    before = answers.count()

    lena.at("ai-toggle").click()
    expect(tomas.at("ai-toggle")).to_have_attribute("data-state", "off")
    waiting_guest.writes("And is there a gym?")

    expect(lena.row(waiting_guest.name)).to_have_attribute("data-edge", "need")
    expect(lena.message("And is there a gym?")).to_be_visible()
    assert answers.count() == before


def test_a_resolved_guest_who_writes_again_begins_a_new_conversation(lena: Desk, waiting_guest: Guest) -> None:
    handed_over(lena, waiting_guest)
    lena.open(waiting_guest.name)
    lena.at("resolve").click()
    expect(lena.at("reopen")).to_be_visible()

    waiting_guest.writes(PERSON)
    expect(lena.row(waiting_guest.name)).to_have_count(2)
    handed = lena.row(waiting_guest.name).and_(lena.page.locator("[data-edge=need]"))
    expect(handed).to_have_count(1, timeout=20_000)
    lena.at("reopen").click()

    expect(lena.at("notice")).to_contain_text("newer conversation")


def test_views_show_what_they_promise(lena: Desk, waiting_guest: Guest, new_guest: Callable[[], Guest]) -> None:
    handed_over(lena, waiting_guest)
    served = new_guest()
    served.writes("Is breakfast included, and until when?")
    expect(lena.row(served.name)).to_contain_text("Concierge", timeout=20_000)

    lena.view("needs-human")
    expect(lena.row(waiting_guest.name)).to_be_visible()
    expect(lena.row(served.name)).to_be_hidden()
    lena.view("concierge")
    expect(lena.row(served.name)).to_be_visible()
    expect(lena.row(waiting_guest.name)).to_be_hidden()
    lena.view("unassigned")
    expect(lena.row(waiting_guest.name)).to_be_visible()

    lena.open(waiting_guest.name)
    lena.at("take-over").click()
    expect(lena.row(waiting_guest.name)).to_be_hidden()
    lena.view("mine")
    expect(lena.row(waiting_guest.name)).to_be_visible()
    lena.open(waiting_guest.name)
    lena.at("resolve").click()
    expect(lena.row(waiting_guest.name)).to_be_hidden()
    lena.view("resolved")
    expect(lena.row(waiting_guest.name)).to_be_visible()
    lena.view("all")
    expect(lena.row(waiting_guest.name)).to_be_visible()
    expect(lena.row(served.name)).to_be_visible()


def test_a_search_finds_guests_by_name_and_follows_what_happens(lena: Desk, waiting_guest: Guest) -> None:
    handed_over(lena, waiting_guest)

    lena.at("search").fill(waiting_guest.name)
    expect(lena.at("conversation-row")).to_have_count(1)
    expect(lena.row(waiting_guest.name)).to_be_visible()
    waiting_guest.writes("Still there?")
    expect(lena.row(waiting_guest.name)).to_contain_text("Still there?")

    lena.at("search").fill("nobody of this name")
    expect(lena.at("conversation-row")).to_have_count(0)
    lena.at("search").fill("")
    expect(lena.row(waiting_guest.name)).to_be_visible()


def test_the_unread_count_falls_when_the_conversation_is_opened(lena: Desk, tomas: Desk, waiting_guest: Guest) -> None:
    handed_over(lena, waiting_guest)
    waiting_guest.writes("Hello?")
    expect(lena.row(waiting_guest.name)).to_have_attribute("data-unread", "2")
    expect(tomas.row(waiting_guest.name)).to_have_attribute("data-unread", "2")

    lena.open(waiting_guest.name)

    for desk in (lena, tomas):
        expect(desk.row(waiting_guest.name)).not_to_have_attribute("data-unread", re.compile(r"\d"))


def test_whoever_waits_longest_stands_on_top_and_a_new_message_lifts_its_row(
    lena: Desk, waiting_guest: Guest, new_guest: Callable[[], Guest]
) -> None:
    handed_over(lena, waiting_guest)
    later = new_guest()
    later.writes(PERSON)
    handed_over(lena, later)

    def top(name: str) -> float:
        box = lena.row(name).bounding_box()
        assert box is not None
        return box["y"]

    waiting_guest.writes("Hello again")
    expect(lena.row(waiting_guest.name)).to_contain_text("Hello again")
    assert top(waiting_guest.name) < top(later.name)
    lena.view("needs-human")
    expect(lena.row(later.name)).to_be_visible()
    assert top(waiting_guest.name) < top(later.name)


def test_going_back_in_the_browser_shows_the_conversation_before(lena: Desk, new_guest: Callable[[], Guest]) -> None:
    first, second = new_guest(), new_guest()
    for guest in (first, second):
        guest.writes(f"{PERSON} I am {guest.name}.")
        expect(lena.row(guest.name)).to_be_visible()
    lena.open(first.name)
    lena.open(second.name)
    expect(lena.message(f"I am {second.name}")).to_be_visible()

    lena.page.go_back()

    expect(lena.message(f"I am {first.name}")).to_be_visible()
    expect(lena.message(f"I am {second.name}")).to_have_count(0)
    assert lena.page.evaluate("window.stays")


def test_two_agents_who_open_a_conversation_in_the_same_moment_both_see_it(
    lena: Desk, tomas: Desk, new_guest: Callable[[], Guest]
) -> None:
    for _ in range(4):
        guest = new_guest()
        guest.writes(PERSON)
        for desk in (lena, tomas):
            expect(desk.row(guest.name)).to_be_visible()
        moment = lena.page.evaluate("Date.now()") + 400
        for desk in (lena, tomas):
            desk.row(guest.name).evaluate(f"row => setTimeout(() => row.click(), {moment} - Date.now())")

        for desk in (lena, tomas):
            expect(desk.message(PERSON)).to_be_visible()
            expect(desk.page.locator(".hc-head h1").filter(has_text=guest.name)).to_be_visible()


def test_of_two_quick_clicks_the_last_one_counts(lena: Desk, new_guest: Callable[[], Guest]) -> None:
    first, second = new_guest(), new_guest()
    for guest in (first, second):
        guest.writes(f"{PERSON} I am {guest.name}.")
        expect(lena.row(guest.name)).to_be_visible()
    for before, last in ((first, second), (second, first)):
        lena.page.evaluate(
            "names => names.forEach(name => [...document.querySelectorAll('[data-testid=conversation-row]')]"
            ".find(row => row.textContent.includes(name)).click())",
            [before.name, last.name],
        )
        expect(lena.message(f"I am {last.name}")).to_be_visible()
        expect(lena.row(last.name)).to_have_attribute("aria-current", "true")
        assert lena.page.url.endswith(f"/c/{lena.at('composer').get_attribute('data-conversation')}")
