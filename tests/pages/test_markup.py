"""Nothing a person wrote becomes more than text, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from hotelchat.models import Author, Delivery, Direction, Kind, Reason
from hotelchat.queries.demo import PhoneMessage
from hotelchat.queries.inbox_row import InboxRow
from hotelchat.queries.thread import ThreadMessage
from pages import markup
from pages.markup.marks import rendered
from tests.pages.conftest import NOON

UTC_ZONE = ZoneInfo("UTC")
PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "</p></div></details><iframe src=javascript:alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "*<b>*_<i>_~<u>~```<code onclick=alert(1)>```",
    'https://x.example/"onclick=alert(1)//',
    "https://x.example/'><script>alert(1)</script>",
    "{} {0} {name} %s",
    "\u202e<script>\u2066",
]
HARMLESS_TAGS = {
    "a", "b", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "footer", "h1", "h2", "i", "li", "p", "q",
    "s", "small", "span", "summary", "time", "ul",
}  # fmt: skip


class Reader(HTMLParser):
    """Reads HTML as a browser would, and remembers what it finds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data


def is_harmless(html: str) -> Reader:
    """Only our own tags, no handler, and links that lead to pages."""
    read = Reader(html)
    assert read.tags <= HARMLESS_TAGS, read.tags - HARMLESS_TAGS
    assert not [name for name in read.attributes if name.startswith("on") or name in ("src", "srcdoc", "formaction")]
    assert all(link.startswith(("http://", "https://", "/c/")) for link in read.links), read.links
    return read


@pytest.mark.parametrize("payload", PAYLOADS)
def test_in_a_row_of_the_list(make_row: Callable[..., InboxRow], payload: str) -> None:
    row = make_row(
        1, guest_name=payload, last_text=payload, assignee_name=payload, assignee_id=2, guest_language=payload,
        needs_human=True, reason=Reason.COMPLAINT,
    )  # fmt: skip
    props = markup.row(row, 0, NOON, UTC_ZONE)

    assert payload in is_harmless(props["innerHTML"]).words
    assert payload not in "".join(str(value) for name, value in props.items() if name != "innerHTML")


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("kind", list(Kind))
def test_in_a_bubble_of_each_kind(make_message: Callable[..., ThreadMessage], payload: str, kind: Kind) -> None:
    message = make_message(1, payload, kind=kind, sources=[{"id": 1, "title": payload, "score": payload}])
    is_harmless(markup.bubble(message, UTC_ZONE, is_first=True)["innerHTML"])


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("author", list(Author))
def test_in_notes_replies_and_history(make_message: Callable[..., ThreadMessage], payload: str, author: Author) -> None:
    note = make_message(1, payload, direction=Direction.NOTE, author=author, author_name=payload)
    reply = make_message(
        2,
        payload,
        direction=Direction.OUT,
        author=author,
        author_name=payload,
        delivery=Delivery.FAILED,
        error_code=63016,
    )
    slots = markup.bubbles([note, reply], NOON, UTC_ZONE, None)

    read = is_harmless(markup.joined(slots)["innerHTML"])
    assert {"data-message-id", "data-direction", "data-author", "data-status"} <= read.attributes


@pytest.mark.parametrize("payload", PAYLOADS)
def test_in_head_panel_phone_and_lines(make_row: Callable[..., InboxRow], payload: str) -> None:
    row = make_row(1, guest_name=payload, handoff_summary=payload, needs_human=True, assignee_name=payload)
    phone = PhoneMessage(
        id=1, direction=Direction.IN, author=Author.GUEST, kind=Kind.TEXT, text=payload, created_at=NOON
    )

    for html in (
        markup.who(row, 3600),
        markup.panel(row, None, UTC_ZONE),
        markup.phone_thread([phone], UTC_ZONE)["innerHTML"],
        markup.inner(payload)["innerHTML"],
        markup.tab("check", payload)["innerHTML"],
        markup.heading(payload, 2),
        markup.phone_words(payload),
        markup.avatar(1, payload),
        markup.label(payload),
        markup.greeting(payload, payload),
    ):
        assert payload in is_harmless(str(html)).words or "<code>" in str(html) or "<b>" in str(html)


def test_a_history_shows_what_its_slots_show(make_message: Callable[..., ThreadMessage]) -> None:
    slots = markup.bubbles([make_message(1, 'say "hi" & <bye>')], NOON, UTC_ZONE, None)
    html = markup.joined(slots)["innerHTML"]

    assert "say &#34;hi&#34; &amp; &lt;bye&gt;" in html
    assert 'data-testid="message"' in html


def test_every_row_and_every_slot_has_the_same_keys(
    make_row: Callable[..., InboxRow], make_message: Callable[..., ThreadMessage]
) -> None:
    """What a shell shows next must cover all that it showed before. Source: PURE.md 9."""
    assert markup.row(make_row(1), 0, NOON, UTC_ZONE).keys() == markup.EMPTY_ROW.keys()
    assert markup.bubble(make_message(1), UTC_ZONE, is_first=True).keys() == markup.EMPTY_SLOT.keys()
    assert not [key for key in (*markup.EMPTY_ROW, *markup.EMPTY_SLOT) if key.startswith(":")]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("*bold*", "<b>bold</b>"),
        ("_italic_", "<i>italic</i>"),
        ("~struck~", "<del>struck</del>"),
        ("```a *b* <c>```", "<code>a *b* &lt;c&gt;</code>"),
        ("*a* and *b*", "<b>a</b> and <b>b</b>"),
        ("2*3*4", "2*3*4"),
        ("snake_case_name", "snake_case_name"),
        ("* not bold *", "* not bold *"),
        ("*_both_*", "<b><i>both</i></b>"),
        ("two\nlines", "two<br>lines"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("data:text/html,x", "data:text/html,x"),
        ("", ""),
    ],
)
def test_whatsapps_marks(written: str, shown: str) -> None:
    assert str(rendered(written)) == shown


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("see https://a.example/b_c_d.", "https://a.example/b_c_d"),
        ("(https://a.example/x)", "https://a.example/x"),
        ("https://a.example/?a=1&b=2", "https://a.example/?a=1&b=2"),
        ("https://a.example/*b*", "https://a.example/*b*"),
        ('say "https://a.example/x" now', "https://a.example/x"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("it's 'https://a.example/x' there", "https://a.example/x"),
    ],
)
def test_an_address_is_a_link_to_itself(written: str, address: str) -> None:
    read = Reader(str(rendered(written)))

    assert read.links == [address]
    assert read.words == written
    assert 'rel="noopener noreferrer"' in rendered(written)
