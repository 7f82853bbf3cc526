"""The only place where the time is read, so that tests can set it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, in UTC, with its zone."""
    return datetime.now(UTC)


def seconds_since(moment: datetime) -> float:
    """Seconds from `moment` (with a zone) until now; negative while it lies ahead."""
    return (now() - moment).total_seconds()
