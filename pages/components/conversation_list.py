"""The list: one shell a row, all of them made once; a change is other props in the same shell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from nicegui.element import Element

from hotelchat.queries.views import View
from pages import handles, markup, words
from pages.feeds import PAGE, ListFeed
from pages.layout import put, shell
from pages.markup import Props

SETTLE_SECONDS: Final = 1.0
SPARE: Final = 2


class ConversationList:
    """The rows of one feed on one screen. The eye's order is CSS `order`; the keyboard's follows within a second."""

    def __init__(self) -> None:
        self.feed: ListFeed | None = None
        self._rows: dict[int, Element] = {}
        self._free: list[Element] = []
        self._selected: int | None = None
        self._settling: asyncio.Task[None] | None = None
        self._shown: tuple[View, bool, bool] | None = None  # view, whether it has rows, whether there are more
        with shell("div", class_="hc-scroll"):
            with shell("div", class_="hc-rows") as self._box:
                self.more = shell("button", markup.inner("Show more"), class_="is-free", type="button")
                self._end = shell("p", markup.inner("All loaded"), class_="is-free")
            self._empty = shell("div", markup.inner(""), class_="is-free")

    def bind(self, feed: ListFeed) -> None:
        """Show another feed from now on, in the shells that are there."""
        self.leave()
        self.feed = feed
        feed.screens.add(self)
        wanted = feed.order()
        shells = [*self._rows.values(), *self._free]
        self._make(max(0, len(wanted) + SPARE - len(shells)), shells)
        self._rows = dict(zip(wanted, shells, strict=False))
        self._free = shells[len(wanted) :]
        for spare in self._free:
            put(spare, markup.EMPTY_ROW)
        for each, element in self._rows.items():
            put(element, self._dressed(each, feed.props[each]))
        self._finish()
        self._settle()

    def leave(self) -> None:
        """Follow no feed any more."""
        if self.feed is not None:
            self.feed.screens.discard(self)

    def catch_up(self) -> None:
        """The browser is there (again): join first, then show what changed meanwhile."""
        if self.feed is not None:
            self.feed.screens.add(self)
            gone = [each for each in self._rows if each not in self.feed.rows]
            self.show(self.feed.props, gone)

    def select(self, conversation_id: int | None) -> None:
        """Mark the row of the open conversation."""
        before, self._selected = self._selected, conversation_id
        for each in (before, conversation_id):
            if each in self._rows and self.feed is not None and each in self.feed.props:
                put(self._rows[each], self._dressed(each, self.feed.props[each]))

    def show(self, changed: dict[int, Props], gone: Iterable[int]) -> None:
        """A feed's news: rows that look different, came in, or left."""
        for each in gone:
            if (element := self._rows.pop(each, None)) is not None:
                put(element, markup.EMPTY_ROW)
                self._free.append(element)
        for each, props in changed.items():
            element = self._rows.get(each) or self._take()
            self._rows[each] = element
            put(element, self._dressed(each, props))
        self._finish()
        self._settle_soon()

    def _dressed(self, conversation_id: int, props: Props) -> Props:
        """The shared props, or with the mark of the open conversation."""
        return props | {"aria-current": "true"} if conversation_id == self._selected else props

    def _take(self) -> Element:
        if not self._free:
            self._make(SPARE, self._free)
        return self._free.pop()

    def _make(self, number: int, into: list[Element]) -> None:
        with self._box:
            into += [shell("a", markup.EMPTY_ROW) for _ in range(number)]

    def _finish(self) -> None:
        """The end of the list: more, all loaded, or nothing at all."""
        assert self.feed is not None
        state = (self.feed.selection.view, bool(self.feed.rows), self.feed.is_full)
        if state == self._shown:
            return
        self._shown = state
        view, has_rows, is_full = state
        put(self.more, {"class": "hc-btn s hc-more" if is_full else "is-free"})
        put(self._end, {"class": "hc-all" if has_rows and not is_full else "is-free"})
        empty = "" if has_rows else markup.nothing(*words.NOBODY_HERE[view])
        put(self._empty, {"class": "is-free" if has_rows else "hc-empty"} | markup.inner(empty))

    def _settle_soon(self) -> None:
        if self._settling is None or self._settling.done():
            self._settling = asyncio.get_running_loop().create_task(self._settle_later())

    async def _settle_later(self) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        if not self._box.is_deleted:
            self._settle()

    def _settle(self) -> None:
        """Bring the order of the document, which keyboard and reader follow, to the order of the eye."""
        assert self.feed is not None
        rank = {self._rows[each].id: place for place, each in enumerate(self.feed.order()) if each in self._rows}
        children = self._box.default_slot.children
        ordered = sorted(children, key=lambda child: rank.get(child.id, len(rank)))
        if [child.id for child in ordered] != [child.id for child in children]:
            children[:] = ordered
            self._box.update()

    @property
    def limit(self) -> int:
        """How many rows are wanted here."""
        return self.feed.limit if self.feed else PAGE


def head() -> tuple[Element, Element, Element]:
    """The list's title, the button that shows the views on a narrow screen, and the field that searches."""
    with shell("header", class_="hc-head"):
        title = shell("h1", markup.inner(""), class_="hc-grow hc-display")
        views = shell(
            "button", markup.inner(markup.icon("stack")), class_="hc-icon hc-only-m", type="button", aria_label="Views",
            title="Views",
        )  # fmt: skip
    with shell("label", class_="hc-find"):
        shell("span", markup.inner(markup.icon("magnifying-glass", "s")))
        search = shell(
            "input", data_testid=handles.SEARCH, placeholder="Guest's name", aria_label="Search guests", type="search",
            autocomplete="off",
        )  # fmt: skip
    return title, views, search


def heading(view: View, count: int | None) -> Props:
    """The title of a view, with how many stand in it."""
    return markup.inner(markup.heading(words.VIEWS[view][0], count))
