"""The composer: a reply to the guest, or a note between colleagues, which cannot be confused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui.events import GenericEventArguments

from pages import browser, handles, markup
from pages.layout import put, shell
from pages.markup import Props

Send = Callable[[int, str, str, bool], Awaitable[None]]  # conversation, text, key, whether it is a note


class Composer:
    """The box under the thread. What it sends carries its own conversation, as its writer saw it."""

    def __init__(self, on_send: Send) -> None:
        self._on_send, self._is_note, self._to = on_send, False, ""
        with shell("div", class_="hc-composer") as self.box:
            with shell("nav", role="tablist"):
                self._reply = shell(
                    "button", markup.tab("arrow-bend-up-left", "Reply"), role="tab", type="button", aria_selected="true"
                )
                self._note = shell(
                    "button", markup.tab("lock-simple", "Private note"), role="tab", type="button",
                    aria_selected="false", data_testid=handles.NOTE_TOGGLE,
                )  # fmt: skip
                shell("span", class_="hc-grow")
            self._text = shell(
                "textarea", data_testid=handles.COMPOSER, aria_label="Message", placeholder="", rows="1",
                data_conversation="",
            )  # fmt: skip
            with shell("footer"):
                shell("span", class_="hc-grow hc-reason")
                self._send = shell(
                    "button",
                    markup.tab("paper-plane-right", "Send"),
                    class_="hc-btn is-primary",
                    type="button",
                    data_testid=handles.SEND,
                )
        self._reply.on("click", lambda: self._turned(is_note=False))
        self._note.on("click", lambda: self._turned(is_note=not self._is_note))
        self._text.on("keydown", self._given, js_handler=browser.SEND_ON_ENTER)
        self._text.on("input", js_handler=browser.KEEP_DRAFT)
        self._send.on("click", self._given, js_handler=browser.SEND_ON_CLICK)

    def open(self, conversation_id: int, to: str) -> None:
        """Another conversation is before the agent; each begins as a reply."""
        self._to = to
        put(self._text, {"data-conversation": str(conversation_id)})
        self.turn(is_note=False)

    def turn(self, *, is_note: bool) -> None:
        """Between reply and note: tint, placeholder and the button's own words change together."""
        self._is_note = is_note
        placeholder = "Only colleagues see this" if is_note else f"Reply to {self._to}"
        put(self.box, {"class": "hc-composer is-note" if is_note else "hc-composer"})
        put(self._reply, {"aria-selected": str(not is_note).lower()})
        put(self._note, {"aria-selected": str(is_note).lower()})
        put(self._text, {"placeholder": placeholder})
        put(self._send, markup.tab("lock-simple", "Add note") if is_note else markup.tab("paper-plane-right", "Send"))

    def _turned(self, *, is_note: bool) -> None:
        if is_note != self._is_note:
            self.turn(is_note=is_note)
            self.box.client.run_javascript(browser.composer_turned(is_note=is_note))

    def show(self, props: Props) -> None:
        """Hide or show the box."""
        put(self.box, props)

    async def _given(self, event: GenericEventArguments) -> None:
        """What the browser gave: [text, key, conversation, whether it is a note]."""
        match event.args:
            case [str(text), str(key), str(conversation), bool(is_note)] if conversation.isdigit() and len(key) <= 64:
                await self._on_send(int(conversation), text, key, is_note)
