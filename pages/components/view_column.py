"""The column of views with their counts; on a phone a strip of chips. One element: its links are markup."""

from __future__ import annotations

from hotelchat import clock
from hotelchat.queries.inbox import Counts
from hotelchat.queries.team import HotelFacts
from hotelchat.queries.views import View
from pages import markup, words
from pages.layout import put, shell


class ViewColumn:
    """Links to the views of one user; numbers arrive at most once a second."""

    def __init__(self, hotel: HotelFacts, user_id: int, current: View) -> None:
        self._hotel, self._user_id, self._current = hotel, user_id, current
        self._counts = Counts({})
        self._shown: tuple[object, ...] = ()
        self._box = shell("aside", markup.inner(""), class_="hc-views", aria_label="Views")

    def show(self, counts: Counts) -> None:
        """New numbers."""
        self._counts = counts
        numbers = [None if view is View.RESOLVED else counts.of(view, self._user_id) for view in View]
        oldest = words.oldest(counts.oldest_waiting, clock.now())
        state = (self._current, oldest, *numbers)
        if state != self._shown:
            self._shown = state
            lines = list(zip(View, numbers, strict=True))
            put(self._box, markup.inner(markup.views(self._hotel.name, self._hotel.kind, lines, self._current, oldest)))

    def toggle(self) -> None:
        """Over the list and back, where the screen is too narrow for a column of its own."""
        is_open = self._box.props["class"] != "hc-views"
        put(self._box, {"class": "hc-views" if is_open else "hc-views is-open"})

    def select(self, view: View) -> None:
        """Mark the view that is shown."""
        self._current = view
        put(self._box, {"class": "hc-views"})
        self.show(self._counts)
