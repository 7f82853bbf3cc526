"""Keeps the leases of this process alive while their holders think."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hotelchat.db import transaction
from hotelchat.services import answers

log = structlog.get_logger()
RENEW_SECONDS: Final = 2.5


class Leases:
    """One thread renews all leases of the process with one statement, and only while there are any."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._any = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def hold(self, conversation_id: int) -> Iterator[str | None]:
        """The name under which this conversation is ours to answer; None if it is not."""
        holder = secrets.token_hex(8)
        with transaction() as session:
            is_ours = answers.take_lease(session, conversation_id, holder)
        if not is_ours:
            yield None
            return
        self._add(holder)
        try:
            yield holder
        finally:
            self._remove(holder)
            with transaction() as session:
                answers.release_lease(session, conversation_id, holder)

    def _add(self, holder: str) -> None:
        with self._lock:
            self._held.add(holder)
            self._any.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew, daemon=True, name="leases")
                self._thread.start()

    def _remove(self, holder: str) -> None:
        with self._lock:
            self._held.discard(holder)
            if not self._held:
                self._any.clear()

    def _renew(self) -> None:
        pause = threading.Event()
        while True:
            self._any.wait()
            pause.wait(RENEW_SECONDS)
            with self._lock:
                held = list(self._held)
            if not held:
                continue
            try:
                with transaction() as session:
                    answers.renew_leases(session, held)
            except SQLAlchemyError as error:  # the fence notices what ran out meanwhile
                log.warning("leases_not_renewed", error=type(error).__name__, leases=len(held))


LEASES: Final = Leases()
