"""Every screen at four widths, light and dark: pictures to look at, and a layout that holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import PASSWORD, Windows
from tests.journeys.program import Program
from tests.journeys.screens import Desk

PICTURES = Path(__file__).parents[1] / ".pictures"
SIZES = {1440: 900, 1024: 768, 768: 1024, 390: 844}
OUT_OF_PLACE = """() => [...document.querySelectorAll('[data-testid]')].filter(e => {
    const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    const shown = e.dataset.testid && r.width > 0 && r.height > 0 && s.visibility !== 'hidden';
    const scrolls = e.closest('nav.hc-scroll, .hc-views, .hc-strip');
    return shown && !scrolls && (r.right > innerWidth + 1 || r.left < -1);
}).map(e => e.dataset.testid + ' ' + Math.round(e.getBoundingClientRect().right))"""


@pytest.fixture(params=["light", "dark"])
def colours(request: pytest.FixtureRequest) -> str:
    """What the agent's computer prefers."""
    return str(request.param)


def picture(page: Page, name: str, colours: str, *, may_scroll: bool = False) -> None:
    """Take it at each width, and look at the layout."""
    PICTURES.mkdir(exist_ok=True)
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("document.fonts.status === 'loaded'")
        page.screenshot(path=PICTURES / f"{name}-{width}-{colours}.png")
        wide, tall = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= width, f"{name} at {width}: scrolls sideways ({wide})"
        assert may_scroll or tall <= height, f"{name} at {width}: the page itself scrolls ({tall} of {height})"
        out = page.evaluate(OUT_OF_PLACE)
        assert not out, f"{name} at {width}: {out} beyond the edge"


@pytest.fixture
def desk(windows: Windows, demo: Program, colours: str) -> Desk:
    """Lena's desk in these colours."""
    return windows.agent(demo.base, "lena@lanternbay.example", PASSWORD, color_scheme=colours)


def test_login(windows: Windows, demo: Program, colours: str) -> None:
    window = windows.desk(demo.base, color_scheme=colours)
    window.page.goto(demo.base + "/login")
    expect(window.at("login-submit")).to_be_visible()
    window.page.wait_for_function("window.socket?.connected")

    picture(window.page, "login", colours)


def test_list(desk: Desk, colours: str) -> None:
    expect(desk.at("conversation-row").first).to_be_visible()
    picture(desk.page, "list", colours)


def test_conversation_with_composer_in_sight(desk: Desk, colours: str) -> None:
    desk.open("Giulia")
    expect(desk.at("message").first).to_be_attached()
    expect(desk.at("guest-panel")).to_be_visible()

    picture(desk.page, "conversation", colours)

    for width, height in SIZES.items():
        desk.page.set_viewport_size({"width": width, "height": height})
        for handle in ("composer", "send", "thread"):
            box = desk.at(handle).bounding_box()
            assert box is not None and box["width"] > 20, f"{handle} at {width}"
            assert box["x"] >= 0 and box["x"] + box["width"] <= width + 1, f"{handle} at {width}: {box}"
            assert box["y"] >= 0 and box["y"] + box["height"] <= height + 1, f"{handle} at {width}: {box}"
        newest = desk.at("message").last.bounding_box()
        assert newest is not None and newest["y"] < height, f"the newest message is not in view at {width}"


def test_long_words_stay_inside(desk: Desk, colours: str, new_guest: Callable[[], object]) -> None:
    guest = new_guest()
    guest.name = "Bartholomew-Alexander " * 4  # type: ignore[attr-defined]
    guest.writes("https://example.com/" + "a" * 300 + " " + "W" * 200)  # type: ignore[attr-defined]
    expect(desk.row("Bartholomew-Alexander").first).to_be_visible()
    desk.open("Bartholomew-Alexander")
    expect(desk.at("message").first).to_be_visible()

    picture(desk.page, "long-words", colours)


def test_a_waiting_guest_with_the_banner(desk: Desk, colours: str) -> None:
    desk.open("Marco")
    expect(desk.at("take-over")).to_be_visible()
    picture(desk.page, "waiting", colours)


def test_empty_state(windows: Windows, demo: Program, colours: str) -> None:
    window = windows.agent(demo.base, "daniel@lanternbay.example", PASSWORD, "/c/999999", color_scheme=colours)
    expect(window.page.locator("body")).to_contain_text("Not here")
    picture(window.page, "not-here", colours)
    window.page.set_viewport_size({"width": 1440, "height": 900})
    window.at("search").fill("nobody of this name")
    expect(window.at("conversation-row")).to_have_count(0)
    picture(window.page, "empty", colours)


def test_phone(windows: Windows, demo: Program, colours: str) -> None:
    phone = windows.phone(demo.base, "sofia", color_scheme=colours)
    picture(phone.page, "phone", colours, may_scroll=True)
    for width, height in SIZES.items():
        phone.page.set_viewport_size({"width": width, "height": height})
        box = phone.at("phone-send").bounding_box()
        assert box is not None and box["y"] + box["height"] <= height, f"the send button is out of sight at {width}"
