"""A disabled user is out at once, in every process; and an event that was lost lets nobody stay."""

from __future__ import annotations

from collections.abc import Callable

import redis
from playwright.sync_api import expect

from tests.journeys.conftest import House, Windows
from tests.journeys.guest import Guest
from tests.journeys.program import Program, command
from tests.journeys.screens import Desk


def test_a_disabled_users_screens_end_in_every_process(house: House, second: Program, windows: Windows) -> None:
    password = house.add_agent("leaver@house.example")
    here = windows.desk(house.first.base).sign_in("leaver@house.example", password)
    there = windows.desk(second.base).sign_in("leaver@house.example", password)

    house.main("user", "disable", "leaver@house.example")

    here.page.wait_for_url("**/login")
    there.page.wait_for_url("**/login")
    here.page.wait_for_function("window.socket?.connected")
    here.try_password("leaver@house.example", password)
    expect(here.at("login-error")).to_be_visible()


def test_where_the_news_of_it_is_lost_every_button_does_nothing_and_leads_out(
    house: House, windows: Windows, agents_of_house: Callable[..., Desk]
) -> None:
    password = house.add_agent("ghost@house.example")
    guest = Guest(house.account)
    guest.writes("Who answers me?")
    ghosts = [windows.desk(house.first.base).sign_in("ghost@house.example", password) for _ in range(2)]
    for ghost in ghosts:
        ghost.open(guest.name)

    end_silently(house, "ghost@house.example")
    ghosts[0].at("take-over").click()
    ghosts[1].say("A ghost's words")

    for ghost in ghosts:
        ghost.page.wait_for_url("**/login")
    ada = agents_of_house()
    ada.open(guest.name)
    expect(ada.message("Who answers me?")).to_be_visible()
    assert ada.message("A ghost's words").count() == 0
    expect(ada.at("guest-panel")).to_contain_text("Nobody yet")


def test_whose_end_was_not_heard_is_out_when_the_process_listens_again(house: House, windows: Windows) -> None:
    password = house.add_agent("unheard@house.example")
    unheard = windows.desk(house.first.base).sign_in("unheard@house.example", password)
    end_silently(house, "unheard@house.example")

    with redis.Redis.from_url(house.redis_url()) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # it reconnects, and reads everything again

    unheard.page.wait_for_url("**/login")


def test_whose_end_was_not_heard_is_out_when_the_window_connects_again(house: House, windows: Windows) -> None:
    password = house.add_agent("returner@house.example")
    returner = windows.desk(house.first.base).sign_in("returner@house.example", password)
    returner.watch.allows_network = True
    returner.page.evaluate("window.socket.io.engine.close()")
    end_silently(house, "returner@house.example")

    returner.page.wait_for_url("**/login")


def test_a_new_password_signs_out_whoever_had_the_old_one(house: House, windows: Windows) -> None:
    password = house.add_agent("changer@house.example")
    changer = windows.desk(house.first.base).sign_in("changer@house.example", password)

    house.main("user", "passwd", "changer@house.example", "--password-stdin", given="another-harbour")

    changer.page.wait_for_url("**/login")
    changer.sign_in("changer@house.example", "another-harbour")


def test_commands_say_in_one_sentence_what_is_wrong(house: House) -> None:
    done = command(house.folder, "user", "disable", "unknown@house.example", **house.settings)

    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]  # the rest is the log
    assert len(said) == 1 and "unknown@house.example" in said[0]
    assert command(house.folder, "user", "add", "x@house.example", **house.settings).returncode == 2


def end_silently(house: House, email: str) -> None:
    """Disable a user as if the event about it had been lost: only the database knows."""
    with house.database() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE app_user SET disabled_at = now() WHERE email = %s", (email,))
