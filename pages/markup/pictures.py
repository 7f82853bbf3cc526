"""The calm pictures of empty places: a house with lit windows."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup


def nothing(title: str, sentence: str) -> Markup:
    """The calm picture of an empty place."""
    return WINDOWS + Markup('<h2 class="hc-display">{}</h2><p>{}</p>').format(title, sentence)


def _window(x: int, y: int, is_lit: bool) -> Markup:
    colours = ("lamp", "brass") if is_lit else ("sunken", "line-strong")
    return Markup(
        '<path d="M{} {}v-11a6 6 0 0 1 12 0v11z" fill="var(--hc-{})" stroke="var(--hc-{})" stroke-width="1.2"/>'
    ).format(x, y, *colours)


_LIT: Final = {(76, 70), (136, 100)}
WINDOWS: Final = (
    Markup(
        '<svg viewBox="0 0 200 140" fill="none" aria-hidden="true"><circle cx="100" cy="78" r="62" fill="var(--hc-lamp)" '
        'opacity=".13"/><g stroke="var(--hc-line-strong)" stroke-width="1.5"><path d="M38 116V44a4 4 0 0 1 4-4h116a4 4 0 0 1 4 4v72"/>'
        '<path d="M22 116h156" stroke-linecap="round"/></g>'
    )
    + Markup("").join(_window(x, y, (x, y) in _LIT) for y in (70, 100) for x in (52, 76, 112, 136))
    + Markup('<path d="M94 116v-14a6 6 0 0 1 12 0v14z" fill="var(--hc-accent)"/></svg>')
)
