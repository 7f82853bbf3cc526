"""What pages/layout.py takes from NiceGUI's inside holds for the pinned release."""

from __future__ import annotations

import inspect

from nicegui import Client, ui
from nicegui.classes import Classes
from nicegui.page import page
from nicegui.props import Props
from nicegui.style import Style

from pages.layout import put, shell


def test_signatures_that_are_answered_ahead_are_the_true_ones() -> None:
    for collection in (Classes, Style, Props):
        ahead = collection._update.__signature__  # type: ignore[attr-defined]
        assert list(ahead.parameters) == ["self"]
        with Client(page("")):
            bound = getattr(ui.element("p"), f"_{collection.__name__.lower()}")._update
        assert not inspect.signature(bound).parameters


def test_shells_share_their_empty_lists_and_show_only_their_props() -> None:
    with Client(page("")):
        one = shell("a", {"class": "hc-row", "style": "order:1"}, href="/c/1")
        other = shell("p")
    assert one._classes is other._classes
    assert not one._classes and not one._style
    shown = one._to_dict()
    assert "class" not in shown and "style" not in shown
    assert shown["props"] == {"class": "hc-row", "style": "order:1", "href": "/c/1"}


def test_an_element_made_elsewhere_is_not_touched() -> None:
    with Client(page("")):
        shell("p")
        label = ui.label("x").classes("mine")
        after = shell("p")
    assert list(label._classes) == ["mine"] and not after._classes


def test_putting_the_same_props_sends_nothing() -> None:
    with Client(page("")) as client:
        element = shell("p", {"class": "a", "title": None})
        client.outbox.updates.clear()
        put(element, {"class": "a"})
        assert not client.outbox.updates
        put(element, {"class": "b"})
        assert list(client.outbox.updates) == [element.id]
