"""What the concierge does not know goes to people, and the guest is told so in their language."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg2.extensions
from playwright.sync_api import expect

from tests.journeys.conftest import Windows
from tests.journeys.guest import Guest
from tests.journeys.program import Program
from tests.journeys.screens import Desk


def test_a_question_no_article_answers_is_handed_over_and_the_guest_told_in_spanish(
    windows: Windows, demo: Program, lena: Desk
) -> None:
    phone = windows.phone(demo.base, "diego")
    phone.writes("¿Tienen pista de pádel?")

    expect(phone.got(re.compile("compañer|colega|persona|equipo", re.IGNORECASE))).to_be_visible(timeout=20_000)
    expect(lena.row("Diego")).to_have_attribute("data-edge", "need")
    expect(lena.row("Diego")).to_contain_text("Not in the knowledge")
    lena.view("needs-human")
    expect(lena.row("Diego")).to_be_visible()
    lena.open("Diego")
    expect(lena.at("message").filter(has_text="The concierge called a person")).to_have_attribute(
        "data-author", "system"
    )
    expect(lena.at("ai-toggle")).to_have_attribute("data-state", "paused")
    expect(phone.page.locator("body")).not_to_contain_text("The concierge called a person")


def test_a_guest_who_asks_for_a_person_waits_for_one(lena: Desk, new_guest: Callable[[], Guest]) -> None:
    guest = new_guest()
    guest.writes("Could I speak to someone, please?")

    expect(lena.row(guest.name)).to_have_attribute("data-edge", "need", timeout=20_000)
    expect(lena.row(guest.name)).to_contain_text("Asked for a person")
    lena.open(guest.name)
    expect(lena.at("message").and_(lena.page.locator("[data-author=ai]"))).to_have_count(1)
    expect(lena.at("guest-panel")).to_contain_text("Asked for a person")


def test_the_desk_says_that_a_stand_in_plays_the_concierge(windows: Windows, demo: Program, lena: Desk) -> None:
    expect(lena.page.locator("body")).to_contain_text("stand-in")
    expect(windows.phone(demo.base).page.locator("body")).to_contain_text("stand-in")


def test_an_article_saved_a_second_ago_is_used_by_the_next_answer(
    lena: Desk, new_guest: Callable[[], Guest], demo_database: psycopg2.extensions.connection
) -> None:
    guest = new_guest()
    with demo_database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO knowledge_article (hotel_id, title, body, language, topics, status)"
            " SELECT id, 'Stargazing terrace', 'The stargazing terrace is open until 02:15 and has two telescopes.',"
            " 'en', '', 'published' FROM hotel"
        )
    guest.writes("Until when is the stargazing terrace open?")

    expect(lena.row(guest.name)).to_be_visible()
    lena.open(guest.name)
    answers = lena.at("message").and_(lena.page.locator("[data-author=ai]"))
    expect(answers).to_contain_text("02:15", timeout=20_000)
    expect(lena.at("ai-toggle")).to_have_attribute("data-state", "on")


def test_a_guest_who_says_stop_is_not_answered(lena: Desk, new_guest: Callable[[], Guest]) -> None:
    guest = new_guest()
    guest.writes("STOP")

    expect(lena.row(guest.name)).to_be_visible()
    lena.open(guest.name)
    expect(lena.message("asked us to stop")).to_have_attribute("data-author", "system", timeout=20_000)
    expect(lena.at("message").and_(lena.page.locator("[data-direction=out]"))).to_have_count(0)
