"""What only the demo has: stand-ins for Twilio and OpenAI, and a phone on which one plays the guest."""

from __future__ import annotations

import time
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import httpx
import structlog
from fastapi import FastAPI
from nicegui import Client, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments
from starlette.requests import Request

from hotelchat import events, settings
from hotelchat.channels import demo_phone
from hotelchat.demo import openai_stand_in
from hotelchat.demo.content import PhoneGuest, load_people
from hotelchat.demo.twilio_stand_in import TwilioStandIn
from pages import app as web_app
from pages import browser, handles, markup
from pages.access import phone_messages
from pages.layout import put, shell
from pages.live import hub

log = structlog.get_logger()
READING_SECONDS: Final = 3600.0
_open_phones: dict[str, float] = {}  # addresses whose phone lies open, and since when


def run() -> None:
    """Where the demo's web process begins."""
    web_app.serve(web_app.build(extend))


def extend(app: FastAPI) -> None:
    """Add the stand-ins and the phone."""
    whatsapp = settings.current().whatsapp
    assert whatsapp is not None
    stand_in = TwilioStandIn(whatsapp.account_sid, whatsapp.auth_token, is_reading=_is_reading)
    app.include_router(stand_in.router("/demo/twilio"))
    app.include_router(openai_stand_in.router("/demo/openai"))

    async def page(request: Request, client: Client) -> None:
        people = load_people()
        wanted = request.query_params.get("guest", "")
        guest = next((each for each in people.phone_guests if each.key == wanted), people.phone_guests[0])
        await Phone(client, guest, stand_in).build()

    ui.page("/demo/phone", title="Guest phone · HotelChat")(page)


class Phone:
    """One guest's phone. What it sends is a signed webhook; what it shows has reached the guest."""

    def __init__(self, client: Client, guest: PhoneGuest, stand_in: TwilioStandIn) -> None:
        self._client, self._guest, self._stand_in = client, guest, stand_in
        self._conversations: set[int] = set()
        self._address = f"whatsapp:{guest.phone}"
        self._is_loading = False

    async def build(self) -> None:
        """The stage: words on the left, the phone, the way to the inbox on the right."""
        people = load_people()
        with shell("div", class_="hc hc-stage"):
            with shell("section", class_="hc-aside"):
                shell("div", markup.inner(markup.brand()), class_="hc-brand")
                shell("div", markup.inner(markup.phone_words(self._guest.name)))
                with shell("div", class_="hc-guests", role="group", aria_label="Guests"):
                    for each in people.phone_guests:
                        self._switch(each)
                self._tempt()
            with shell("main", class_="hc-phone"):
                shell("header", markup.inner(markup.phone_head(people.hotel.name)))
                with shell("nav", class_="hc-strip", aria_label="Guests"):
                    for each in people.phone_guests:
                        self._switch(each)
                with shell("div", class_="hc-thread hc-scroll", tabindex="0", aria_label="Messages", role="log"):
                    self._history = shell("div", markup.inner(""), class_="hc-history")
                self._build_form()
            with shell("section", class_="hc-aside"):
                shell("div", markup.inner(markup.phone_help(_concierge_words(), people.team[1].email)))
        self._client.on_connect(self._connected)
        self._client.on_delete(self._left)
        await self._show()

    def _switch(self, guest: PhoneGuest) -> None:
        current = "true" if guest.key == self._guest.key else None
        shell(
            "a",
            markup.inner(guest.name),
            class_="hc-btn s",
            href=f"/demo/phone?guest={guest.key}",
            aria_current=current,
        )

    def _tempt(self) -> None:
        shell("p", markup.inner("Try one of these"), class_="hc-label")
        with shell("div", class_="hc-try"):
            for text in self._guest.first_messages:
                place: Element = shell("a", markup.inner(text), role="button", tabindex="0")
                for event in ("click", "keydown.enter"):
                    place.on(event, partial(self._send, text))

    def _build_form(self) -> None:
        with shell("form", class_="hc-say") as form:
            shell(
                "input",
                placeholder="Message",
                aria_label="Message",
                data_testid=handles.PHONE_INPUT,
                autocomplete="off",
                maxlength="1600",
            )
            shell(
                "button", markup.inner(markup.icon("paper-plane-right")), type="submit", aria_label="Send",
                data_testid=handles.PHONE_SEND,
            )  # fmt: skip
        form.on("submit", self._given, js_handler=browser.SUBMIT_PHONE)

    async def _given(self, event: GenericEventArguments) -> None:
        await self._send(str(event.args)[:1600])

    async def _send(self, text: str) -> None:
        current = settings.current()
        assert current.whatsapp is not None
        params = demo_phone.text_message(
            current.whatsapp.account_sid, self._guest.phone, current.whatsapp.number, text, self._guest.name
        )
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await demo_phone.deliver(
                current.public_base_url, params, current.whatsapp.auth_token, client=client
            )
        log.info("phone_sent", status=answer.status_code)
        await self._show()

    async def _connected(self) -> None:
        hub().watchers.add(self._heard)
        _open_phones[self._address] = time.monotonic()
        self._stand_in.guest_opens(self._address)
        self._client.run_javascript(browser.WATCH_CONNECTION)
        await self._show()

    def _left(self) -> None:
        hub().watchers.discard(self._heard)
        _open_phones.pop(self._address, None)

    def _heard(self, event: events.ConversationEvent) -> None:
        is_new = isinstance(event, events.MessageReceived)
        if (is_new or event.conversation_id in self._conversations) and not self._is_loading:
            self._is_loading = True
            with self._client:
                ui.timer(0, self._show, once=True)

    async def _show(self) -> None:
        self._is_loading = False
        messages, self._conversations = await phone_messages(self._guest.phone)
        put(self._history, markup.phone_thread(messages, ZoneInfo(load_people().hotel.time_zone)))


def _is_reading(address: str) -> bool:
    return time.monotonic() - _open_phones.get(address, float("-inf")) < READING_SECONDS


def _concierge_words() -> str:
    openai = settings.current().openai
    if openai is None or openai.api_key == "demo":
        return (
            "A scripted stand-in plays the concierge here: it quotes the hotel's articles. "
            "Set OPENAI_API_KEY for a real one."
        )
    return "The concierge is the model behind your OPENAI_API_KEY."
