"""The commands as an operator types them: what they say, where, and how they end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hotelchat.embedded import EmbeddedServers

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse"


class Terminal:
    """An operator in an empty folder, with a data folder of its own whose servers run already."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.env = folder, {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self.env |= {"HOTELCHAT_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}

    def run(self, *words: str, typed: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "main.py"), *words],
            input=typed, env=self.env | env, cwd=self.folder, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def does(self, *words: str, typed: str = "", **env: str) -> str:
        done = self.run(*words, typed=typed, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, status: int, *words: str, typed: str = "", **env: str) -> str:
        """What it says on standard error."""
        done = self.run(*words, typed=typed, **env)
        assert (done.returncode, done.stdout) == (status, ""), done
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def terminal() -> Iterator[Terminal]:
    folder = Path(tempfile.mkdtemp(prefix="hotelchat-cli-"))
    folder.chmod(0o711)
    servers = EmbeddedServers(folder / "data")
    servers.postgres()
    yield Terminal(folder)
    servers.stop()
    shutil.rmtree(folder, ignore_errors=True)


def sentence(text: str) -> bool:
    """One line on standard error for the person who typed, not a log."""
    return text.count("\n") == 1 and text.endswith((".\n", ")\n"))


def test_a_day_at_the_terminal(terminal: Terminal) -> None:
    """The first migration, a hotel and its people, from the empty folder on."""
    admin = {"ADMIN_EMAIL": "boss@example.com", "ADMIN_PASSWORD": PASSWORD}
    assert terminal.does("migrate", **admin).startswith("Migrated from nothing to ")
    assert terminal.does("migrate", **admin | {"ADMIN_EMAIL": "second@example.com"}).startswith(
        "The database stands at "
    )

    number = "+34 971 000 001"
    assert (
        terminal.does("hotel", "add", "lantern-bay", "--name", "Lantern Bay", "--whatsapp", number)
        == "Added lantern-bay.\n"
    )
    assert terminal.does("hotel", "list").splitlines() == [
        "hotel\tHotel\t-", "lantern-bay\tLantern Bay\twhatsapp:+34971000001"
    ]  # fmt: skip

    marta = ("user", "add", "Marta@example.com", "--name", "Marta", "--role", "agent")
    said = terminal.does(*marta, "--hotel", "lantern-bay", "--password-stdin", typed=PASSWORD + "\n")
    assert "may sign in" in said and PASSWORD not in said
    assert "Marta@example.com" in terminal.does("user", "disable", "Marta@example.com")
    listed = terminal.does("user", "list").splitlines()
    assert listed == [
        "boss@example.com\tBoss\tadmin\thotel\tactive", "marta@example.com\tMarta\tagent\tlantern-bay\tdisabled"
    ]  # fmt: skip
    terminal.does("user", "passwd", "marta@example.com", "--password-stdin", typed="battery staple\n")
    assert "marta@example.com\tMarta\tagent\tlantern-bay\tactive" in terminal.does("user", "list")

    again = terminal.fails(1, "hotel", "add", "lantern-bay", "--name", "Again")
    assert sentence(again) and "lantern-bay" in again
    twice = terminal.fails(1, *marta, "--hotel", "lantern-bay", "--password-stdin", typed=PASSWORD + "\n")
    assert sentence(twice) and "has a role in lantern-bay already" in twice


@pytest.mark.parametrize(
    ("words", "typed", "env", "said"),
    [
        (("hotel", "add", "Lantern Bay", "--name", "x"), "", {}, "small letters"),
        (("user", "disable", "nobody@example.com"), "", {}, "nobody@example.com"),
        (
            ("user", "add", "x@example.com", "--name", "X", "--role", "agent", "--password-stdin"),
            "short\n",
            {},
            "8 characters",
        ),
        (("migrate",), "", {"DATABASE_URL": "postgresql://u:a-secret@127.0.0.1:1/d"}, "cannot be reached"),
        (("hotel", "list"), "", {"PORT": "many"}, "PORT"),
        (("migrate",), "", {"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_AUTH_TOKEN is missing"),
        (
            ("demo",),
            "",
            {"HOTELCHAT_ENV": "production", "SECRET_KEY": "k", "PUBLIC_BASE_URL": "https://x.example"},
            "demo does not run",
        ),
    ],
    ids=lambda given: " ".join(given[:3]) if isinstance(given, tuple) else "",
)
def test_what_fails_says_so_in_one_sentence(
    terminal: Terminal, words: tuple[str, ...], typed: str, env: dict[str, str], said: str
) -> None:
    told = terminal.fails(1, *words, typed=typed, **env)

    assert sentence(told), told
    assert said in told and "a-secret" not in told


@pytest.mark.parametrize(
    "words",
    [("user", "add", "x@example.com", "--name", "X", "--role", "owner"), ("fly",)],
    ids=" ".join,
)  # fmt: skip
def test_what_was_typed_wrong_ends_with_two(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert "Error: " in terminal.fails(2, *words)


def test_a_database_of_ones_own_must_be_migrated_first(terminal: Terminal, database_url: str) -> None:
    old = {"DATABASE_URL": database_url}
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))

    told = terminal.fails(1, "user", "list", **old)

    assert sentence(told) and "main.py migrate" in told


def test_the_help_names_every_command(terminal: Terminal) -> None:
    told = terminal.does("--help")

    for command in ("demo", "worker", "migrate", "user", "hotel"):
        assert f"  {command}" in told
    assert "  process" not in told


def test_no_server_outlives_its_command() -> None:
    folder = Path(tempfile.mkdtemp(prefix="hotelchat-cli-"))
    folder.chmod(0o711)
    try:
        lonely = Terminal(folder)
        assert lonely.does("hotel", "list") == "hotel\tHotel\t-\n"
        assert not (folder / "data" / "postgres" / "postmaster.pid").exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
