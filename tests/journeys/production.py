"""HotelChat as in production: web, workers and servers apart, Twilio and OpenAI foreign."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psycopg2

from hotelchat.embedded import EmbeddedServers
from tests.journeys.guest import Account, Guest
from tests.journeys.program import Program, command, free_port, new_folder, remove
from tests.journeys.stand_ins import StandIns
from tests.journeys.waiting import until

ADMIN, PASSWORD = "ada@grand.example", "quiet-harbour"
FINAL = {"delivered", "read", "failed"}
_numbers = itertools.count(1)


class Production:
    """`main.py migrate`, `main.py` and `main.py worker` on external PostgreSQL and Redis."""

    def __init__(self, stand_ins: StandIns) -> None:
        self.stand_ins, self.folder, self._stack = stand_ins, new_folder(), ExitStack()
        self._stack.callback(remove, self.folder)
        self.servers = EmbeddedServers(self.folder / "external")
        self._stack.callback(self.servers.stop)
        self.database_url, self.redis_url = self.servers.postgres(), self.servers.redis()
        port = free_port()
        self.settings = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": "k" * 48,
            "ADMIN_EMAIL": ADMIN,
            "ADMIN_PASSWORD": PASSWORD,
            "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
            **stand_ins.twilio_settings(),
            **stand_ins.openai_settings(),
        }
        try:
            migrated = command(self.folder, "migrate", **self.settings)
            assert migrated.returncode == 0, migrated.stderr
            self.web = self._start(PORT=str(port))
            self.worker = self._start("worker")
            self.web.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        self.account = Account(self.web.base, stand_ins.account_sid, stand_ins.auth_token)

    def _start(self, *arguments: str, **settings: str) -> Program:
        program = Program(self.folder, *arguments, **self.settings, **settings)
        self._stack.callback(program.stop)
        return program

    def restart_worker(self) -> None:
        """The workers again, after they were stopped."""
        self.worker = self._start("worker")
        self.web.wait_until_ready()

    def stop(self) -> None:
        """Everything, in reverse."""
        self._stack.close()

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, or what an update returned."""
        connection = psycopg2.connect(self.database_url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def guests(self, number: int) -> list[Guest]:
        """So many new ones."""
        return [Guest(self.account) for _ in range(number)]


class Burst:
    """Numbered messages of several guests, each to be answered exactly once."""

    def __init__(self, production: Production, guests: int = 12, each: int = 5, times: int = 1) -> None:
        self._production, self._times = production, times
        self.guests = production.guests(guests)
        self.numbers: dict[int, Guest] = {}
        self._due = [(guest, next(_numbers)) for _ in range(each) for guest in self.guests]
        self._sent_at: dict[int, float] = {}

    def send(self, seconds: float = 3.0) -> None:
        """All of them, evenly over this time, six at once."""
        pause = seconds / len(self._due)
        with ThreadPoolExecutor(6) as pool:
            jobs = []
            for guest, number in self._due:
                jobs.append(pool.submit(self._one, guest, number))
                time.sleep(pause)  # the rhythm of the guests, not a wait
            for job in jobs:
                job.result()

    def _one(self, guest: Guest, number: int) -> None:
        self.numbers[number], self._sent_at[number] = guest, time.monotonic()
        params = guest.message(f"Question #{number}, please")
        with ThreadPoolExecutor(self._times) as pool:
            answers = list(pool.map(guest.post, [params] * self._times))
        assert {answer.status_code for answer in answers} == {200}

    def check(self, seconds: float = 45.0) -> float:
        """Every message answered once, to its guest; every status final; nobody left waiting.

        Returns: the longest time from a message to its answer, in seconds.
        """
        stand_ins = self._production.stand_ins
        until(lambda: set(self.numbers) <= set(stand_ins.answers()), seconds, f"answers to {sorted(self.numbers)}")
        until(self._is_settled, seconds, "all statuses to be final")
        counted = Counter(
            number for guest in self.guests for each in stand_ins.to(guest.phone) for number in each.numbers
        )
        assert counted == dict.fromkeys(self.numbers, 1), {n: c for n, c in counted.items() if c != 1}
        for guest in self.guests:
            numbers = [number for each in stand_ins.to(guest.phone) for number in each.numbers]
            assert numbers == sorted(numbers), "answered out of order"
            assert {self.numbers[number].phone for number in numbers} == {guest.phone}
        return max(self._delays(stand_ins.sent))

    def _is_settled(self) -> bool:
        phones = [guest.phone for guest in self.guests]
        rows = self._production.ask(
            "SELECT m.direction, m.delivery, c.last_inbound_id > c.answered_upto, c.waiting_since IS NOT NULL"
            " FROM message m JOIN conversation c ON c.id = m.conversation_id"
            " JOIN guest_identity i ON i.guest_id = c.guest_id WHERE i.value = ANY(%s)",
            phones,
        )
        assert sum(direction == "in" for direction, *_ in rows) == len(self.numbers), "not each message stored once"
        outgoing = {delivery for direction, delivery, *_ in rows if direction == "out"}
        return outgoing <= FINAL and not any(behind or waits for _, _, behind, waits in rows)

    def _delays(self, sent: Iterable[Any]) -> list[float]:
        return [each.at - self._sent_at[n] for each in list(sent) for n in each.numbers if n in self._sent_at]
