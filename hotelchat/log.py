"""Log lines: constant names with ids, as JSON or for a console; never a guest's words, a number or a key."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# What must never leave in a log, whoever wrote the line: numbers a guest could be reached at, and keys.
_PRIVATE = re.compile(r"(?:whatsapp:)?\+\d{6,}|\bsk-[\w-]{8,}|(?<=:)[^:@/\s]{8,}(?=@)")


def configure(level: str = "INFO", fmt: str = "console") -> None:
    """Send our lines and those of the libraries to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if fmt == "json":
        last: list[Any] = [structlog.processors.format_exc_info, _without_private, structlog.processors.JSONRenderer()]
    else:
        last = [
            structlog.processors.format_exc_info,
            _without_private,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_drop_bookkeeping, *last])
    )
    logging.basicConfig(handlers=[handler], level=max(getattr(logging, level), logging.WARNING), force=True)
    for chatty in ("httpx", "httpcore", "openai", "twilio", "rq", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def bind(**ids: int | str) -> None:
    """Put ids on every line that follows in this request or job: request_id, job_id, conversation_id."""
    structlog.contextvars.bind_contextvars(**ids)


def clear() -> None:
    """Forget the bound ids: the request or job is over."""
    structlog.contextvars.clear_contextvars()


def _drop_bookkeeping(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line.pop("_record", None)
    line.pop("_from_structlog", None)
    return line


def _without_private(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in line.items():
        if isinstance(value, str) and name not in {"timestamp", "level"}:
            line[name] = _PRIVATE.sub("[private]", value)
    return line
