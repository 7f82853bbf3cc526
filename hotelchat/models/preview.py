"""What a list shows of a message: one line, and a word where there is no text."""

from __future__ import annotations

from typing import Final

from hotelchat.models.message import Kind

LONGEST_PREVIEW: Final = 160
LABELS: Final = {
    Kind.TEXT: "",
    Kind.IMAGE: "Photo",
    Kind.AUDIO: "Voice note",
    Kind.VIDEO: "Video",
    Kind.DOCUMENT: "Document",
    Kind.STICKER: "Sticker",
    Kind.LOCATION: "Location",
    Kind.CONTACT: "Contact",
    Kind.BUTTON: "Tapped",
    Kind.REACTION: "Reaction",
    Kind.UNKNOWN: "Unsupported message",
}


def preview(kind: Kind, text: str) -> str:
    """At most 160 characters on one line: "Photo · The shower stays cold"."""
    line = " ".join(text.split())
    return " · ".join(part for part in (LABELS[kind], line) if part)[:LONGEST_PREVIEW]
