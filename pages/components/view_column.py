"""The column of views with their counts; on a phone a strip of chips."""

from __future__ import annotations

from nicegui.element import Element

from hotelchat import clock
from hotelchat.queries.inbox import Counts
from hotelchat.queries.team import HotelFacts
from hotelchat.queries.views import View
from pages import handles, markup, words
from pages.layout import put, shell


class ViewColumn:
    """Links to the views of one user; numbers arrive at most once a second."""

    def __init__(self, hotel: HotelFacts, user_id: int, current: View) -> None:
        self._user_id, self._current = user_id, current
        self._places: dict[View, Element] = {}
        self._counts = Counts({})
        self._shown: dict[View, tuple[int, str, str | None]] = {}
        with shell("aside", class_="hc-views", aria_label="Views") as self._box:
            shell("header", markup.inner(markup.hotel(hotel.name, hotel.kind)))
            with shell("nav", class_="hc-scroll", aria_label="Views"):
                for view in View:
                    self._places[view] = shell(
                        "a", markup.inner(""), href=f"/?view={view.value}", data_testid=handles.FILTER + view.value,
                        aria_current=None, class_="hc-view",
                    )  # fmt: skip

    def show(self, counts: Counts) -> None:
        """New numbers."""
        self._counts = counts
        for view, place in self._places.items():
            count = counts.of(view, self._user_id)
            note, is_urgent = "", view is View.NEEDS_HUMAN
            if is_urgent and count and counts.oldest_waiting:
                note = f"oldest {words.duration(clock.seconds_since(counts.oldest_waiting))}"
            current = "true" if view is self._current else None
            if self._shown.get(view) == (count, note, current):
                continue
            self._shown[view] = (count, note, current)
            name, icon = words.VIEWS[view]
            content = markup.view(name, icon, None if view is View.RESOLVED else count, note)
            classes = (
                "hc-view" + (" is-need" if is_urgent and count else "") + (" is-unread" if count and is_urgent else "")
            )
            put(place, {"class": classes, "aria-current": current} | markup.inner(content))

    def toggle(self) -> None:
        """Over the list and back, where the screen is too narrow for a column of its own."""
        is_open = self._box.props["class"] != "hc-views"
        put(self._box, {"class": "hc-views" if is_open else "hc-views is-open"})

    def select(self, view: View) -> None:
        """Mark the view that is shown."""
        self._current = view
        put(self._box, {"class": "hc-views"})
        self.show(self._counts)
