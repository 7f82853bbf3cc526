"""Password hashes (argon2id through passlib) and the tokens of sessions."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from passlib.hash import argon2

from hotelchat.errors import BadInput

SHORTEST_PASSWORD: Final = 8
# The backend loads lazily and not re-entrantly: load it before the first hash. Source: ENGINE.md.
argon2.get_backend()
_hasher = argon2.using(type="ID", time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY: Final = _hasher.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """An argon2id hash.

    Raises: BadInput: if the password is shorter than 8 characters.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(f"A password needs {SHORTEST_PASSWORD} characters or more.")
    return str(_hasher.hash(password))


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether they belong together; takes as long for an unknown user (None)."""
    fits = bool(_hasher.verify(password, password_hash or _NOBODY))
    return fits and password_hash is not None


def new_token() -> str:
    """A fresh secret for a cookie or a ticket."""
    return secrets.token_urlsafe(32)


def token_hashes(token: str, keys: tuple[str, ...]) -> list[bytes]:
    """What the session table may hold for this token: signed with the present key, then with the old one."""
    return [hmac.new(key.encode(), token.encode(), hashlib.sha256).digest() for key in keys]
