"""One child of the supervisor: the web app, a worker or the scheduler."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Final

import click

from hotelchat import db, live, settings
from hotelchat.errors import SettingsError
from hotelchat.supervisor import Child, watch_parent

EX_CONFIG: Final = 78  # starting it again is no use
FRUGAL: Final = {"MALLOC_ARENA_MAX": "2"}  # glibc would keep a pool of memory for each of our threads


@dataclass(frozen=True, slots=True)
class Processes:
    """Where the processes begin, by dotted name, so that a command loads only what it runs."""

    by_name: Mapping[str, str]


def child(name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Child:
    """This program once more, as one of its processes."""
    label = "-".join([name, *arguments])
    return Child(label, [sys.executable, sys.argv[0], "process", name, *arguments], {**FRUGAL, **(env or {})})


@click.command(hidden=True)
@click.argument("name")
@click.argument("arguments", nargs=-1)
@click.pass_obj
def process(processes: Processes, name: str, arguments: tuple[str, ...]) -> None:
    """Run one process in the foreground; the supervisor starts it."""
    current = settings.current()
    if not current.database_url or not current.redis_url:
        raise SettingsError("DATABASE_URL and REDIS_URL are missing: start `main.py` instead, which brings its own.")
    watch_parent()
    db.configure(current.database_url, pool=current.database_pool)
    live.configure(current.redis_url)
    resolve_name(processes.by_name[name])(*arguments)
