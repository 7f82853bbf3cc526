"""Who may enter, what a session is, and what a guest cannot do to a screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx
import pytest
import websockets.exceptions
from playwright.sync_api import expect
from websockets.sync.client import connect

from tests.journeys.conftest import HOUSE_PASSWORD, House, Windows
from tests.journeys.guest import Guest
from tests.journeys.screens import Desk
from tests.journeys.waiting import until

PAYLOADS = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "</p></div><iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    'javascript:alert(1) https://x.example/"onmouseover="alert(1)',
    "*<b onclick=alert(1)>bold</b>* ```<svg/onload=alert(1)>```",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
)


def test_whoever_is_not_signed_in_goes_to_the_login_page(house: House, windows: Windows) -> None:
    desk = windows.desk(house.first.base)
    for path in ("/", "/c/1", "/?view=mine"):
        desk.page.goto(house.first.base + path)
        assert desk.page.url == house.first.base + "/login"
        assert desk.at("conversation-row").count() == 0


def test_a_wrong_password_and_an_unknown_user_are_told_the_same(house: House, windows: Windows) -> None:
    desk = windows.desk(house.first.base)
    said = []
    for email, password in (
        ("ada@house.example", "not-her-password"),
        ("nobody@house.example", HOUSE_PASSWORD),
        ("", ""),
    ):
        desk.page.goto(house.first.base + "/login")
        desk.try_password(email, password)
        expect(desk.at("login-error")).to_be_visible()
        said.append(desk.at("login-error").text_content())
        assert desk.page.url == house.first.base + "/login"

    assert len(set(said)) == 1, said
    assert not [each for each in desk.page.context.cookies() if each["name"] == "hotelchat"]


def test_the_session_is_a_cookie_no_script_can_read_and_new_with_each_sign_in(house: House, windows: Windows) -> None:
    tokens = []
    desk = windows.desk(house.first.base)
    for _ in range(2):
        desk.sign_in("ada@house.example", HOUSE_PASSWORD)
        cookie = next(each for each in desk.page.context.cookies() if each["name"] == "hotelchat")
        assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["path"] == "/"
        assert cookie["value"] not in desk.page.evaluate("document.cookie")
        tokens.append(cookie["value"])
        desk.page.goto("about:blank")  # an open screen would leave by itself, too
        desk.page.goto(house.first.base + "/logout")

    assert tokens[0] != tokens[1]
    answer = httpx.get(house.first.base + "/", cookies={"hotelchat": tokens[1]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login"), "the session outlived its sign-out"


def test_a_token_known_before_is_worth_nothing_after_sign_in(house: House, windows: Windows) -> None:
    desk = windows.desk(house.first.base)
    planted = {"name": "hotelchat", "value": "planted-by-somebody", "url": house.first.base}
    desk.page.context.add_cookies([planted])  # type: ignore[list-item]

    desk.sign_in("ada@house.example", HOUSE_PASSWORD)

    cookie = next(each for each in desk.page.context.cookies() if each["name"] == "hotelchat")
    assert cookie["value"] != "planted-by-somebody"
    answer = httpx.get(house.first.base + "/", cookies={"hotelchat": "planted-by-somebody"})
    assert answer.headers.get("location") == "/login"


def test_a_ticket_is_good_once(house: House, windows: Windows) -> None:
    desk = windows.desk(house.first.base)
    with desk.page.expect_request("**/login/enter**") as entered:
        desk.sign_in("ada@house.example", HOUSE_PASSWORD)

    again = httpx.get(entered.value.url)

    assert again.headers["location"] == "/login"
    assert not SimpleCookie(again.headers.get("set-cookie", ""))


def test_signed_out_in_one_window_the_other_of_the_session_closes(house: House, windows: Windows) -> None:
    first = windows.desk(house.first.base).sign_in("ada@house.example", HOUSE_PASSWORD)
    second = windows.desk(house.first.base, first.page.context).go("/")
    elsewhere = windows.desk(house.first.base).sign_in("ada@house.example", HOUSE_PASSWORD)

    first.at("sign-out").click()

    first.page.wait_for_url("**/login")
    second.page.wait_for_url("**/login")
    expect(elsewhere.at("connection-state")).to_have_attribute("data-state", "live")
    assert elsewhere.page.url.endswith("/"), "her other computer was signed out, too"


def test_an_agent_of_another_hotel_sees_nothing_of_this_one(house: House, windows: Windows) -> None:
    house.main("hotel", "add", "other", "--name", "The Other Inn")
    password = house.add_agent("oscar@other.example", "other")
    guest = Guest(house.account)
    guest.writes("A secret of this hotel")
    oscar = windows.agent(house.first.base, "oscar@other.example", password)
    ada = windows.agent(house.first.base, "ada@house.example", HOUSE_PASSWORD)
    conversation = ada.row(guest.name).get_attribute("data-conversation-id")

    expect(oscar.page.locator("body")).to_contain_text("The Other Inn")
    oscar.go(f"/c/{conversation}")
    expect(oscar.page.locator("body")).to_contain_text("Not here")
    guest.writes("A second secret")
    expect(ada.row(guest.name)).to_contain_text("A second secret")

    assert oscar.at("conversation-row").count() == 0
    for secret in (guest.name, "secret", guest.phone, "Ada"):
        assert secret not in oscar.page.content(), f"{secret} leaked"


def test_an_agent_cannot_act_on_another_hotel_by_a_forged_event(house: House, windows: Windows) -> None:
    password = house.add_agent("olga@other.example", "other")
    guest = Guest(house.account)
    guest.writes("Please do not answer me from elsewhere")
    own = Guest(house.account)
    ada = windows.agent(house.first.base, "ada@house.example", HOUSE_PASSWORD)
    conversation = ada.row(guest.name).get_attribute("data-conversation-id")
    with house.database() as connection, connection.cursor() as cursor:
        cursor.execute(
            "WITH g AS (INSERT INTO guest (hotel_id, name) SELECT id, %s FROM hotel WHERE slug = 'other'"
            " RETURNING id, hotel_id) INSERT INTO conversation (hotel_id, guest_id, channel)"
            " SELECT hotel_id, id, 'whatsapp' FROM g RETURNING id",
            (own.name,),
        )
        (theirs,) = cursor.fetchone() or (0,)
    olga = windows.agent(house.first.base, "olga@other.example", password, f"/c/{theirs}")

    olga.at("composer").evaluate(f"t => t.dataset.conversation = '{conversation}'")
    olga.say("A message from the wrong hotel")
    expect(olga.at("notice")).to_be_visible()

    ada.open(guest.name)
    expect(ada.message("Please do not answer")).to_be_visible()
    assert ada.message("wrong hotel").count() == 0


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_a_guest_calls_themselves_or_writes_stays_text(
    house: House, windows: Windows, payload: str, agents_of_house: Callable[..., Desk]
) -> None:
    ada = agents_of_house()
    dialogs: list[str] = []
    ada.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    guest = Guest(house.account, name=f"{payload} {id(payload)}"[:200])

    guest.writes(f"Message {payload}")
    row = ada.at("conversation-row").filter(has_text=str(id(payload)))
    expect(row.locator("b")).to_have_text(guest.name)
    row.click()
    expect(ada.at("message")).to_have_count(1)
    ada.note(f"Note {payload}")
    expect(ada.at("message")).to_have_count(2)
    ada.page.mouse.move(700, 400)

    until(lambda: ada.at("guest-panel").text_content(), 5)
    inside = ada.page.locator(".hc-desk")
    assert inside.locator("img, script, iframe, svg[onload], [onerror], [onclick], [onmouseover]").count() == 0
    assert inside.locator("a[href^='javascript']").count() == 0
    assert dialogs == []


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_the_socket_takes_no_foreign_page(house: House, origin: str) -> None:
    address = house.first.base.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(address, origin=origin, open_timeout=5).close()  # type: ignore[arg-type]
    assert refused.value.response.status_code in (400, 403)

    with connect(address, origin=house.first.base, open_timeout=5) as socket:  # type: ignore[arg-type]
        assert re.match(r"0\{", str(socket.recv(5)))
