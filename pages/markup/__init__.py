"""The one place where text becomes HTML. Every value goes through `escape`; what callers get is props, ready to share.

The same keys are always there, so that a shell which showed one thing shows the next one whole (PURE.md 9).
"""

from pages.markup.base import Props, avatar, brand, greeting, icon, inner, label, tab
from pages.markup.panel import connection_banners, panel, who
from pages.markup.phone import phone_head, phone_help, phone_thread, phone_words
from pages.markup.pictures import nothing
from pages.markup.rows import EMPTY_ROW, heading, row, views, window_seconds
from pages.markup.thread import EMPTY_SLOT, bubble, bubbles, joined, stacked

__all__ = [
    "EMPTY_ROW",
    "EMPTY_SLOT",
    "Props",
    "avatar",
    "brand",
    "bubble",
    "bubbles",
    "connection_banners",
    "greeting",
    "heading",
    "icon",
    "inner",
    "joined",
    "label",
    "nothing",
    "panel",
    "phone_head",
    "phone_help",
    "phone_thread",
    "phone_words",
    "row",
    "stacked",
    "tab",
    "views",
    "who",
    "window_seconds",
]
