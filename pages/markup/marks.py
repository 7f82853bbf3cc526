"""WhatsApp's marks and links in a text, as HTML; the text is escaped before anything else happens to it."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_CODE = re.compile(r"```(.+?)```", re.DOTALL)
_MARKS = (("b", re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")),
          ("i", re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])")),
          ("del", re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])")))  # fmt: skip
_LINK = re.compile(r"\bhttps?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def rendered(text: str) -> Markup:
    """`*bold*  _italic_  ~struck~  ```code``` `, links and line breaks; everything else as it was written.

    Source: WHATSAPP.md 7.
    """
    safe = str(escape(text))
    pieces = []
    for index, piece in enumerate(_CODE.split(safe)):
        pieces.append(f"<code>{piece}</code>" if index % 2 else _prose(piece))
    return Markup("".join(pieces).replace("\n", "<br>"))


def _prose(safe: str) -> str:
    """Marks outside of links, since an address may hold underscores."""
    done, end = [], 0
    for link in _LINK.finditer(safe):
        address = link.group()
        done.append(_marked(safe[end : link.start()]))
        done.append(f'<a class="hc-link" href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>')
        end = link.end()
    return "".join([*done, _marked(safe[end:])])


def _marked(safe: str) -> str:
    for tag, pattern in _MARKS:
        safe = pattern.sub(rf"<{tag}>\1</{tag}>", safe)
    return safe
