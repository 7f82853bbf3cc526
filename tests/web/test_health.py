"""healthz for balancers, readyz for people and scripts."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from rq import Queue, Worker

from hotelchat import bell, clock, schema
from tests.desk import FrontDesk


def work(desk: FrontDesk, *names: str) -> list[Worker]:
    """A living worker for each queue, as RQ registers it."""
    workers = [Worker([Queue(name, connection=desk.redis)], connection=desk.redis) for name in names]
    for worker in workers:
        worker.register_birth()
    return workers


def test_it_lives_whatever_else_is_away(front_desk: FrontDesk) -> None:
    front_desk.set(REDIS_URL="redis://127.0.0.1:1")

    answer = front_desk.http.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok")


def test_it_is_ready_with_database_redis_and_workers(front_desk: FrontDesk) -> None:
    work(front_desk, *bell.QUEUES)

    answer = front_desk.http.get("/readyz")

    found = answer.json()
    assert (answer.status_code, found["ok"]) == (200, True)
    assert found["database"]["ok"] and found["database"]["revision"] == schema.newest()
    assert found["database"]["milliseconds"] >= 0 and found["redis"]["milliseconds"] >= 0
    ages = found["workers"]["seconds_since_heartbeat"]
    assert ages.keys() == set(bell.QUEUES) and all(0 <= age < 10 for [age] in ages.values())


@pytest.mark.parametrize("missing", bell.QUEUES)
def test_without_a_worker_for_each_queue_it_is_not(front_desk: FrontDesk, missing: str) -> None:
    work(front_desk, *(set(bell.QUEUES) - {missing}))

    answer = front_desk.http.get("/readyz")

    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert answer.json()["workers"]["missing"] == [missing]


def test_a_worker_that_was_not_heard_of_for_a_minute_does_not_count(front_desk: FrontDesk) -> None:
    long_ago = (clock.now() - timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for worker in work(front_desk, *bell.QUEUES):
        front_desk.redis.hset(worker.key, "last_heartbeat", long_ago)

    answer = front_desk.http.get("/readyz")

    assert answer.status_code == 503
    assert sorted(answer.json()["workers"]["missing"]) == sorted(bell.QUEUES)


def test_without_redis_it_is_not_and_says_so(front_desk: FrontDesk) -> None:
    front_desk.set(REDIS_URL="redis://127.0.0.1:1")

    answer = front_desk.http.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["redis"] == {"ok": False, "error": "ConnectionError"}
    assert answer.json()["database"]["ok"]


def test_with_an_old_schema_it_is_not_and_says_what_to_do(front_desk: FrontDesk, database: sa.Engine) -> None:
    work(front_desk, *bell.QUEUES)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))

    answer = front_desk.http.get("/readyz")

    assert answer.status_code == 503
    assert "main.py migrate" in answer.json()["database"]["error"]


def test_neither_tells_a_secret(front_desk: FrontDesk) -> None:
    front_desk.set(REDIS_URL="redis://:a-redis-password@127.0.0.1:1")

    assert "a-redis-password" not in front_desk.http.get("/readyz").text
