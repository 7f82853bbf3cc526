"""What every screen stands in: styles, the rail, and how elements are made cheaply."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any, Final

from nicegui import ui
from nicegui.classes import Classes
from nicegui.element import Element
from nicegui.props import Props
from nicegui.style import Style

from hotelchat.queries.team import SignedInUser
from pages import handles, markup, words
from pages.markup import Props as MarkupProps

ASSETS: Final = Path(__file__).parent / "assets"
_VERSION: Final = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(ASSETS.glob("*.css")))).hexdigest()[:12]
STYLES: Final = f"/assets/{_VERSION}"
HEAD: Final = (
    f'<link rel="preload" href="{STYLES}/fonts/geologica-latin-shrp-normal.woff2" as="font" type="font/woff2"'
    " crossorigin>"
    f'<link rel="stylesheet" href="{STYLES}/tokens.css"><link rel="stylesheet" href="{STYLES}/screens.css">'
    f'<link rel="stylesheet" href="{STYLES}/desk.css"><link rel="icon" href="{STYLES}/icon.svg" type="image/svg+xml">'
)


# NiceGUI asks for the signature of these three for every element it makes, which is a fifth of a page: answer ahead
# (PEP 362 lets a function carry its signature). tests/pages/test_layout.py holds the contract with the pinned release.
for _collection in (Classes, Style, Props):
    setattr(_collection._update, "__signature__", inspect.signature(_collection._update))  # noqa: B010


# A shell's look is its props alone. Its lists of classes and styles stay empty, so all shells share one of each: a
# quarter of a screen's memory. The same test holds this contract.
_SHARED: Final[dict[str, tuple[Any, Any]]] = {}


def shell(tag: str, props: MarkupProps | None = None, **more: Any) -> Element:
    """An element with these props as they stand: nothing is parsed, nothing copied. `class_` means class."""
    element = ui.element(tag)
    element._classes, element._style = _SHARED.setdefault("looks", (element._classes, element._style))
    dict.update(element.props, props or {}, **{_attribute(name): value for name, value in more.items()})
    return element


def put(element: Element, props: MarkupProps) -> None:
    """Let an element show other props; sends nothing where they are the same."""
    current = element.props
    if not props.items() <= current.items():
        dict.update(current, props)
        element.update()


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def rail(user: SignedInUser) -> tuple[Element, Element, Element]:
    """The dark column of places.

    Returns: the inbox's place, the connection's state and the button that signs out.
    """
    with shell("nav", class_="hc-rail", aria_label="Places"):
        shell("a", markup.inner(markup.icon("mark")), class_="hc-mark", href="/", aria_label="HotelChat")
        inbox = shell("a", markup.inner(markup.icon("tray") + markup.label("Inbox")), href="/", aria_current="page")
        shell("div", class_="hc-gap hc-grow")
        state = shell(
            "div", markup.inner("Live"), class_="hc-live", role="status",
            data_testid=handles.CONNECTION_STATE, data_state="live",
        )  # fmt: skip
        leave = shell(
            "a", markup.inner(markup.avatar(user.user_id, words.initials(user.name)) + markup.label("Sign out")),
            role="button", tabindex="0", aria_label=f"You are {user.name}. Sign out", data_testid=handles.SIGN_OUT,
        )  # fmt: skip
    return inbox, state, leave
