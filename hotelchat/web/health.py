"""healthz: what balancers ask. readyz: what people and scripts ask."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import redis
import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from rq import Worker
from sqlalchemy.exc import SQLAlchemyError

from hotelchat import bell, clock, db, schema, settings
from hotelchat.errors import HotelChatError

router = APIRouter()


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """200 while the process lives and takes webhooks; asks nobody else."""
    return PlainTextResponse("ok")


@router.get("/readyz")
async def readyz() -> JSONResponse:
    """200 with database, redis and workers; 503 where one is away."""
    database, queue = await asyncio.gather(asyncio.to_thread(_database), asyncio.to_thread(_redis_and_workers))
    parts = {"database": database, **queue}
    is_ready = all(part["ok"] for part in parts.values())
    return JSONResponse({"ok": is_ready, **parts}, status_code=200 if is_ready else 503)


def _database() -> dict[str, Any]:
    started = time.perf_counter()
    try:
        with db.engine().connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        at = schema.revision(db.engine())
    except (SQLAlchemyError, HotelChatError) as error:
        return {"ok": False, "error": type(error).__name__}
    newest = schema.newest()
    found = {"ok": at == newest, "revision": at, "milliseconds": round((time.perf_counter() - started) * 1000, 1)}
    return found if at == newest else found | {"error": f"The schema is not {newest}: run `main.py migrate`."}


def _redis_and_workers() -> dict[str, dict[str, Any]]:
    url = settings.current().redis_url or ""
    started = time.perf_counter()
    try:
        with bell.connect(url, for_web=True) as connection:
            connection.ping()
            took = round((time.perf_counter() - started) * 1000, 1)
            ages = _worker_ages(connection)
    except (redis.RedisError, ValueError) as error:
        away = {"ok": False, "error": type(error).__name__}
        return {"redis": away, "workers": {"ok": False, "error": "unknown while redis is away"}}
    missing = [name for name in bell.QUEUES if not ages.get(name)]
    return {
        "redis": {"ok": True, "milliseconds": took},
        "workers": {"ok": not missing, "seconds_since_heartbeat": ages, "missing": missing},
    }


def _worker_ages(connection: redis.Redis) -> dict[str, list[float]]:
    """Seconds since each living worker was last heard of, by queue."""
    ages: dict[str, list[float]] = {name: [] for name in bell.QUEUES}
    for worker in Worker.all(connection=connection):
        if worker.last_heartbeat is None:
            continue
        age = (clock.now().replace(tzinfo=None) - worker.last_heartbeat.replace(tzinfo=None)).total_seconds()
        for name in worker.queue_names():
            if age < 60 and name in ages:
                ages[name].append(round(age, 1))
    return ages
