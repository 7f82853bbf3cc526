"""What a text must not hold to be stored: PostgreSQL takes neither null characters nor half of a pair."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text without null characters, lone surrogates replaced by the sign for an unreadable character."""
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
