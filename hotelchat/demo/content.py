"""The sample hotel as typed values, read from the files beside this module.

The files are ours and go out with the package: a broken one raises KeyError, TypeError or ValueError at once.
"""

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "es")  # the first one names the topics

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Article:
    """One knowledge article; `topic` is the same for its every language."""

    topic: str
    language: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who has written; `phone` is E.164, from ranges that are never assigned."""

    key: str
    name: str
    phone: str
    language: str


@dataclass(frozen=True, slots=True)
class PastMessage:
    """One message of the history; `minutes_ago` counts back from the moment the demo is filled.

    `author` is guest, agent, ai or system; `note`: seen by the team only. `status` and `error_code` tell what
    WhatsApp made of an outgoing one and are None on others. `kind` is text, image, audio or location; all
    but text may come without words.
    """

    minutes_ago: int
    author: str
    note: bool
    text: str
    status: str | None
    error_code: int | None
    kind: str


@dataclass(frozen=True, slots=True)
class PastConversation:
    """A conversation of the last week, oldest message first.

    `status` is open or resolved, `concierge` on, paused or off; `needs_human` is a handoff reason or None;
    `assignee` is the key of a team member, who also wrote the agent's messages, or None.
    """

    guest: Guest
    language: str
    status: str
    needs_human: str | None
    assignee: str | None
    concierge: str
    messages: tuple[PastMessage, ...]


@dataclass(frozen=True, slots=True)
class TeamMember:
    """Somebody who signs in; `role` is agent or manager."""

    key: str
    name: str
    email: str
    role: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhoneGuest:
    """A guest to play on the demo phone, with first messages that tempt, in the guest's language."""

    key: str
    name: str
    phone: str
    language: str
    first_messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hotel:
    """The sample hotel; `time_zone` is an IANA name, `whatsapp_number` E.164."""

    name: str
    slug: str
    kind: str
    place: str
    time_zone: str
    whatsapp_number: str


@dataclass(frozen=True, slots=True)
class People:
    """The hotel, who works there, and who can be played on the phone."""

    hotel: Hotel
    team: tuple[TeamMember, ...]
    phone_guests: tuple[PhoneGuest, ...]


def load_articles() -> tuple[Article, ...]:
    """Every article in every language; the same place in each file is the same topic.

    Raises: ValueError: if the languages do not have the same number of articles.
    """
    parsed = {language: parse_articles(_read(f"articles_{language}.md")) for language in LANGUAGES}
    topics = [_slug(title) for title, _ in parsed[LANGUAGES[0]]]
    return tuple(
        Article(topic, language, title, body)
        for language, articles in parsed.items()
        for topic, (title, body) in zip(topics, articles, strict=True)
    )


def load_history() -> tuple[PastConversation, ...]:
    """A week of conversations, those waiting for a person first."""
    stored = json.loads(_read("history.json"))
    guests = {fields["key"]: Guest(**fields) for fields in stored["guests"]}
    return tuple(_conversation(fields, guests) for fields in stored["conversations"])


def load_people() -> People:
    """The hotel, its team and the guests of the demo phone."""
    stored = json.loads(_read("people.json"))
    return People(
        hotel=Hotel(**stored["hotel"]),
        team=tuple(TeamMember(**_tuples(fields, "languages")) for fields in stored["team"]),
        phone_guests=tuple(PhoneGuest(**_tuples(fields, "first_messages")) for fields in stored["phone_guests"]),
    )


def parse_articles(markdown: str) -> list[tuple[str, str]]:
    """Title and body of each `# Title` in a Markdown text; front matter is left out."""
    _, *sections = re.split(r"(?m)^# ", "\n" + _FRONT_MATTER.sub("", markdown))
    parts = [section.partition("\n") for section in sections]
    return [(title.strip(), body.strip()) for title, _, body in parts]


def _read(name: str) -> str:
    return files("hotelchat.demo").joinpath("content", name).read_text(encoding="utf-8")


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _tuples(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {**fields, name: tuple(fields[name])}


def _conversation(fields: dict[str, Any], guests: dict[str, Guest]) -> PastConversation:
    messages = tuple(PastMessage(**message) for message in fields["messages"])
    return PastConversation(**{**fields, "guest": guests[fields["guest"]], "messages": messages})
