"""The thread: older pages, one block of history, and ten slots for what is new. Nothing is made while it is live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from pages import browser, handles, markup
from pages.feeds import TAIL, ThreadFeed
from pages.layout import put, shell

CLICKABLE = "hc-btn s hc-older"


class ThreadView:
    """One feed's messages on one screen."""

    def __init__(
        self,
        on_retry: Callable[[int], Awaitable[None]],
        on_older: Callable[[], Awaitable[None]],
        on_row: Callable[[], None],
    ) -> None:
        self._on_row = on_row
        self.feed: ThreadFeed | None = None
        self.oldest: int | None = None  # id of the first message shown
        self._on_retry = on_retry
        self._first: int | None = None  # id of the first message of the history
        self._pages: list[markup.Props] = []  # older ones, oldest first
        self.box = shell(
            "div",
            class_="hc-thread hc-scroll",
            data_testid=handles.THREAD,
            role="log",
            aria_label="Messages",
            tabindex="0",
        )
        with self.box, shell("div", class_="hc-history"):
            self._more = shell("button", markup.inner("Earlier messages"), class_="is-free", type="button")
            self._older = shell("div", markup.inner(""), class_="hc-history-block")
            self._history = shell("div", markup.inner(""), class_="hc-history-block")
            self._slots: list[Element] = [shell("div", markup.EMPTY_SLOT) for _ in range(TAIL)]
        self._more.on("click", on_older)
        self.box.on("click", self._clicked, js_handler=browser.RETRY_ON_CLICK)
        self.box.on("keydown.enter", self._clicked, js_handler=browser.RETRY_ON_CLICK)

    async def _clicked(self, event: GenericEventArguments) -> None:
        if str(event.args).isdigit():
            await self._on_retry(int(event.args))

    def bind(self, feed: ThreadFeed) -> None:
        """Show another conversation from now on."""
        self.leave()
        self.feed = feed
        self._first = -1
        feed.screens.add(self)
        self.show(range(TAIL), history=True)

    def leave(self) -> None:
        """Follow no feed any more."""
        if self.feed is not None:
            self.feed.screens.discard(self)

    def catch_up(self) -> None:
        """The browser is there (again): join first, then show what changed meanwhile."""
        if self.feed is not None:
            self.feed.screens.add(self)
            self.show(range(TAIL), history=True)
            self.show_row()

    def show_row(self) -> None:
        """The conversation itself looks different now."""
        self._on_row()

    def show(self, slots: Iterable[int], history: bool) -> None:
        """A feed's news."""
        assert self.feed is not None
        if history:
            self._begin_anew_if_cut()
            put(self._history, self.feed.history)
            if not self._pages:
                put(self._more, {"class": CLICKABLE if self.feed.has_older else "is-free"})
        for index in slots:
            put(self._slots[index], self.feed.tail[index])

    def _begin_anew_if_cut(self) -> None:
        """The history begins elsewhere now: older pages no longer touch it."""
        assert self.feed is not None
        first = self.feed.messages[0].id if self.feed.messages else None
        if first != self._first:
            self._first = self.oldest = first
            self._pages = []
            put(self._older, markup.joined(()))

    def show_older(self, older: markup.Props, oldest: int | None, has_more: bool) -> None:
        """A page above what is shown; it stays as it is read."""
        self.oldest = oldest
        self._pages.insert(0, older)
        put(self._older, markup.stacked(self._pages))
        put(self._more, {"class": CLICKABLE if has_more else "is-free"})
