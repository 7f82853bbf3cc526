"""The log of a whole walk: constant names with ids; never a number, a key or a guest's words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from hotelchat import log
from tests.desk import TOKEN
from tests.log_walk import GUEST, WORDS


@pytest.fixture
def said(database_url: str, redis_url: str) -> str:
    """What a process wrote to standard error while everything happened that can."""
    env = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    done = subprocess.run([sys.executable, "-m", "tests.log_walk"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_a_whole_walk_tells_what_happened_and_nothing_private(said: str) -> None:
    lines: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines() if line.strip()]
    by_name = {line["event"]: line for line in lines}

    for word in (*WORDS, GUEST.name, "Secretname", GUEST.number, GUEST.number[1:], GUEST.number[3:], "34611222333"):
        assert word not in said, word
    for key in (TOKEN, "sk-test-0123456789", "a-key-for-tests", "secret-redis-password", "secret-db-password"):
        assert key not in said, key
    happened = {
        "message_received", "message_repeated", "webhook_refused", "unknown_receiver", "concierge_answered",
        "concierge_unavailable", "message_sent", "message_not_sent", "status_received", "doubt_settled", "redis_away",
        "webhook_not_stored",
    }  # fmt: skip
    assert happened <= by_name.keys(), happened - by_name.keys()
    assert all(re.fullmatch(r"[a-z][a-z_]+", name) for name in by_name), "names are constant"
    assert all(line["timestamp"].endswith("Z") and line["level"] for line in lines)
    for name in ("concierge_answered", "concierge_unavailable", "message_sent", "message_received"):
        assert isinstance(by_name[name]["conversation_id"], int), name
    assert all(line["request_id"] for line in lines if line["event"].startswith(("message_re", "webhook_")))


def test_what_a_careless_line_would_tell_is_masked() -> None:
    script = """
import logging, structlog
from hotelchat import log
log.configure("INFO", "{form}")
url = "redis://:a-long-password@host/0"
structlog.get_logger().info("x", to="whatsapp:+34600123456", url=url, key="sk-abc123456789")
logging.getLogger("a.library").warning("sent to +34600123456 with %s", "sk-abc123456789")
try:
    raise ValueError("+34600123456")
except ValueError:
    logging.getLogger("a.library").exception("failed")
structlog.get_logger().info("quiet"); structlog.get_logger().debug("not told")
"""
    for form in ("json", "console"):
        ran = subprocess.run([sys.executable, "-c", script.replace("{form}", form)], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        assert "600123456" not in ran.stderr and "a-long-password" not in ran.stderr and "sk-abc" not in ran.stderr
        assert ran.stderr.count("[private]") == 6, ran.stderr
        assert "quiet" in ran.stderr and "not told" not in ran.stderr


def test_ids_are_on_every_line_until_the_work_is_over() -> None:
    log.bind(conversation_id=7, job_id="answer-7")
    try:
        assert log.structlog.contextvars.get_contextvars() == {"conversation_id": 7, "job_id": "answer-7"}
    finally:
        log.clear()
    assert log.structlog.contextvars.get_contextvars() == {}
