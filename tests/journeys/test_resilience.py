"""Lost connections, dead processes, events in the gap: the screen misses nothing, and what was typed stays."""

from __future__ import annotations

from collections.abc import Callable

import redis
from playwright.sync_api import WebSocketRoute, expect

from tests.journeys.conftest import House, Windows
from tests.journeys.guest import Guest
from tests.journeys.program import Program
from tests.journeys.screens import Desk
from tests.journeys.waiting import until


def texts(desk: Desk) -> list[str]:
    """What the guest said, from top to bottom."""
    return desk.page.locator("[data-testid=message][data-direction=in] p").all_text_contents()


def test_offline_for_a_while_an_agent_misses_nothing(house: House, agents_of_house: Callable[..., Desk]) -> None:
    guest, other = Guest(house.account), Guest(house.account)
    guest.writes("Message 0")
    desk = agents_of_house()
    desk.open(guest.name)
    desk.watch.allows_network = True
    desk.at("composer").fill("Half an answer")

    desk.page.context.set_offline(True)
    desk.page.evaluate("window.socket.io.engine.close()")  # an idle socket notices only by its missing ping
    expect(desk.at("connection-state")).to_have_attribute("data-state", "reconnecting")
    for number in range(1, 16):
        guest.writes(f"Message {number}")
    other.writes("I am new here")
    desk.page.context.set_offline(False)

    expect(desk.at("connection-state")).to_have_attribute("data-state", "live", timeout=20_000)
    expect(desk.message("Message 15")).to_be_visible()
    assert texts(desk) == [f"Message {number}" for number in range(16)]
    expect(desk.row(other.name)).to_be_visible()
    expect(desk.at("composer")).to_have_value("Half an answer")


def test_the_web_process_dies_and_the_screens_come_back(house: House, agents_of_house: Callable[..., Desk]) -> None:
    guest = Guest(house.account)
    guest.writes("Before")
    desk = agents_of_house()
    desk.open(guest.name)
    desk.watch.allows_network = True
    desk.at("composer").fill("Half an answer")

    seconds = house.first.kill("web")
    expect(desk.at("connection-state")).not_to_have_attribute("data-state", "live")
    until(lambda: house.first._answers("/healthz"), 20, "the web process")
    guest.writes("After")

    expect(desk.message("After")).to_be_visible(timeout=30_000)
    expect(desk.at("connection-state")).to_have_attribute("data-state", "live")
    assert texts(desk) == ["Before", "After"]
    expect(desk.at("composer")).to_have_value("Half an answer")
    assert seconds < 2


def test_a_message_between_the_page_and_its_socket_is_shown(
    house: House, windows: Windows, agents_of_house: Callable[..., Desk]
) -> None:
    guest, other = Guest(house.account), Guest(house.account)
    guest.writes("Before the gap")
    signed_in = agents_of_house()
    conversation = signed_in.row(guest.name).get_attribute("data-conversation-id")
    held: list[WebSocketRoute] = []
    context = windows.context()
    context.add_cookies(signed_in.page.context.cookies())  # type: ignore[arg-type]
    desk = windows.desk(house.first.base, context)
    desk.page.route_web_socket("**/_nicegui_ws/**", lambda socket: held.append(socket))

    desk.page.goto(f"{house.first.base}/c/{conversation}")
    until(lambda: desk.page.wait_for_timeout(20) or held, 10, "the socket")
    guest.writes("In the gap")
    other.writes("New in the gap")
    expect(signed_in.row(other.name)).to_be_visible()
    for socket in held:
        socket.connect_to_server()

    expect(desk.message("In the gap")).to_be_visible(timeout=20_000)
    expect(desk.row(other.name)).to_be_visible()


def test_a_webhook_of_one_process_shows_on_the_screens_of_the_other(
    house: House, second: Program, agents_of_house: Callable[..., Desk]
) -> None:
    here, there = agents_of_house(), agents_of_house(second.base)
    guest = Guest(house.account)

    guest.writes("Into the first")
    for desk in (here, there):
        expect(desk.row(guest.name)).to_contain_text("Into the first")
    guest.writes("Into the second", base=second.base)
    for desk in (here, there):
        expect(desk.row(guest.name)).to_contain_text("Into the second")
        desk.open(guest.name)
    there.at("take-over").click()

    expect(here.at("guest-panel")).to_contain_text("Ada")


def test_with_redis_gone_for_a_moment_screens_still_see_everything(
    house: House, agents_of_house: Callable[..., Desk]
) -> None:
    desk = agents_of_house()
    guest = Guest(house.account)
    with redis.Redis.from_url(house.redis_url()) as client:
        client.execute_command("CLIENT", "PAUSE", "1500", "ALL")
    guest.writes("While Redis slept")

    expect(desk.row(guest.name)).to_contain_text("While Redis slept")
    desk.open(guest.name)
    guest.writes("And after")
    expect(desk.message("And after")).to_be_visible()


def test_after_everything_was_read_again_no_message_is_missing_in_a_long_thread(
    house: House, agents_of_house: Callable[..., Desk]
) -> None:
    guest = Guest(house.account)
    for number in range(45):
        guest.writes(f"Message {number}")
    desk = agents_of_house()
    desk.open(guest.name)
    expect(desk.message("Message 44")).to_be_visible()
    for number in range(45, 70):
        guest.writes(f"Message {number}")
    expect(desk.message("Message 69")).to_be_visible()

    with redis.Redis.from_url(house.redis_url()) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    guest.writes("Message 70")
    expect(desk.message("Message 70")).to_be_visible()
    earlier = desk.page.get_by_role("button", name="Earlier messages")
    until(lambda: len(texts(desk)) == 71 or (earlier.is_visible() and earlier.click()), 8, "all 71 messages")

    assert texts(desk) == [f"Message {number}" for number in range(71)]


def test_without_a_key_the_conversation_needs_a_human_and_the_screen_says_so(
    house: House, agents_of_house: Callable[..., Desk]
) -> None:
    desk = agents_of_house()
    guest = Guest(house.account)

    guest.writes("Is anybody there?")

    expect(desk.row(guest.name)).to_have_attribute("data-edge", "need")
    expect(desk.row(guest.name)).to_contain_text("Concierge is off")
    expect(desk.page.locator("body")).to_contain_text("The concierge is off")
    desk.view("needs-human")
    expect(desk.row(guest.name)).to_be_visible()
