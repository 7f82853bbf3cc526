"""The demo's stage and the guest's phone."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from markupsafe import Markup

from hotelchat.models import Kind
from hotelchat.models.preview import LABELS
from hotelchat.queries.demo import PhoneMessage
from pages import handles, words
from pages.markup.base import Props, icon, inner
from pages.markup.marks import rendered


def phone_words(guest: str) -> Markup:
    """What to do on the demo's stage."""
    return Markup(
        '<h1 class="hc-display" style="font:var(--hc-t-28)">You are the guest.</h1><p style="color:var(--hc-text-2);margin-top:8px">'
        "Write as {}. The concierge answers what the hotel knows, and calls a person when it should. "
        "Keep the inbox open in another tab.</p>"
    ).format(guest)


def phone_head(hotel_name: str) -> Markup:
    """The hotel, as a guest's phone shows it."""
    return Markup(
        '<i class="hc-av hc-hotel">{}</i><span class="hc-grow">'
        '<b class="hc-display" style="font:500 16px/20px var(--hc-font)">{}</b><small>usually answers in a minute</small></span>'
        '<span class="hc-chip" style="background:var(--hc-night-2);color:var(--hc-night-text)">Demo</span>'
    ).format(icon("mark"), hotel_name)


def phone_help(concierge: str, email: str) -> Markup:
    """Where the other half of the story is seen."""
    return Markup(
        '<h2 style="font:500 14px/20px var(--hc-font);margin-bottom:12px">At the desk</h2><div class="hc-card" style="display:grid;'
        'gap:12px;font:var(--hc-t-13)"><p>{}</p><p>Sign in to the inbox as <b>{}</b>, with the password that the terminal '
        'shows.</p></div><p style="margin-top:16px"><a class="hc-link" href="/" target="_blank">Open the inbox</a></p>'
    ).format(concierge, email)


def phone_thread(messages: Iterable[PhoneMessage], zone: ZoneInfo) -> Props:
    """The guest's own messages on the right, what reached them on the left."""
    slots = Markup("").join(
        Markup(
            '<div class="hc-msg is-first" data-testid="{}" data-direction="{}" data-author="{}"><p dir="auto">{}</p><footer>{}</footer></div>'
        ).format(
            handles.PHONE_MESSAGE,
            each.direction.value,
            each.author.value,
            rendered(each.text) if each.kind is Kind.TEXT else LABELS[each.kind],
            words.clock_time(each.created_at, zone),
        )
        for each in messages
    )
    return inner(slots)
