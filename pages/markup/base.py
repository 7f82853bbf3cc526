"""The smallest pieces: icons, words, avatars, and how markup becomes an element's props."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape

Props = dict[str, Any]


def icon(name: str, size: str = "") -> Markup:
    """A Phosphor icon in the colour of the text."""
    return Markup('<i class="hc-i {}" style="--i:var(--hc-i-{})" aria-hidden="true"></i>').format(size, name)


def label(text: str) -> Markup:
    """A place's name beside its icon."""
    return Markup("<span>{}</span>").format(text)


def avatar(seed: int, letters: str) -> Markup:
    """Somebody's initials in a disc of their colour."""
    return Markup('<i class="hc-av" style="--h:{};width:32px;height:32px">{}</i>').format(seed % 8, letters)


def brand() -> Markup:
    """The mark and the name."""
    return icon("mark") + Markup('<span class="hc-display">HotelChat</span>')


def greeting(title: str, sentence: str) -> Markup:
    """The words above a form."""
    return Markup('<h1 class="hc-display">{}</h1><p class="hc-muted">{}</p>').format(title, sentence)


def inner(content: str | Markup) -> Props:
    """Props that fill an element with markup of this module, or with plain text."""
    return {"innerHTML": str(escape(content))}


def tab(icon_name: str, text: str) -> Props:
    """An icon and a word, for a button."""
    return inner(icon(icon_name, "s") + text)
