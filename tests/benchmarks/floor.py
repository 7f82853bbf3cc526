"""The floor of a webhook: psycopg2 INSERT and commit in threads, then LPUSH; nothing else. ENGINE.md."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import psycopg2.pool
import redis
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

THREADS = 8
_pool = psycopg2.pool.ThreadedConnectionPool(THREADS, THREADS, os.environ["DATABASE_URL"])
_threads = ThreadPoolExecutor(THREADS)
_redis = redis.Redis.from_url(os.environ["REDIS_URL"])


def _store(body: bytes) -> None:
    connection = _pool.getconn()
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO floor (body) VALUES (%s)", (body.decode(),))
        connection.commit()
    finally:
        _pool.putconn(connection)
    _redis.lpush("floor", b"1")


async def hook(request: Request) -> Response:
    """Store, ring, answer."""
    body = await request.body()
    await asyncio.get_running_loop().run_in_executor(_threads, _store, body)
    return Response(b"<Response/>", media_type="text/xml")


async def healthz(_: Request) -> Response:
    """Up."""
    return PlainTextResponse("ok")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/hook", hook, methods=["POST"]), Route("/healthz", healthz)])
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning", access_log=False)
