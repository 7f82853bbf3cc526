"""WhatsApp's marks and links in a text, as HTML; every piece of the text is escaped before anything is put around it."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_CODE = re.compile(r"```(.+?)```", re.DOTALL)
_MARKS = (
    ("b", re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")),
    ("i", re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])")),
    ("del", re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])")),
)
_LINK = re.compile(r"\bhttps?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
_ANCHOR = Markup('<a class="hc-link" href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>')


def rendered(text: str) -> Markup:
    """`*bold*  _italic_  ~struck~  ```code``` `, links and line breaks; everything else as it was written.

    Source: WHATSAPP.md 7.
    """
    pieces = [
        Markup("<code>{}</code>").format(piece) if index % 2 else _prose(piece)
        for index, piece in enumerate(_CODE.split(text))
    ]
    return Markup("").join(pieces).replace("\n", Markup("<br>"))


def _prose(text: str) -> Markup:
    """Marks outside of links, since an address may hold underscores."""
    done, end = [], 0
    for link in _LINK.finditer(text):
        done += [_marked(text[end : link.start()]), _ANCHOR.format(link.group())]
        end = link.end()
    return Markup("").join([*done, _marked(text[end:])])


def _marked(text: str) -> Markup:
    safe = str(escape(text))
    for tag, pattern in _MARKS:
        safe = pattern.sub(rf"<{tag}>\1</{tag}>", safe)
    return Markup(safe)
