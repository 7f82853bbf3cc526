"""The floor of a live screen: a bare page that adds what a raw websocket brings. Fed by the same Redis channel."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

PAGE = """<!doctype html><div id=box data-testid=thread></div><script>
new WebSocket('ws://' + location.host + '/ws').onmessage = e => {
  const d = document.createElement('div'); d.textContent = e.data; box.append(d); }</script>"""
sockets: set[WebSocket] = set()


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets.discard(socket)


async def _feed() -> None:
    async with redis.asyncio.from_url(os.environ["REDIS_URL"]).pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe("floor")
        async for message in pubsub.listen():
            text = message["data"].decode()
            for socket in list(sockets):
                await socket.send_text(text)


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    task = asyncio.create_task(_feed())
    yield
    task.cancel()


async def _page(_: object) -> HTMLResponse:
    return HTMLResponse(PAGE)


async def _healthz(_: object) -> PlainTextResponse:
    return PlainTextResponse("ok")


if __name__ == "__main__":
    routes = [Route("/", _page), Route("/healthz", _healthz), WebSocketRoute("/ws", _socket)]
    uvicorn.run(
        Starlette(routes=routes, lifespan=_lifespan), port=int(sys.argv[1]), loop="uvloop", http="httptools",
        ws="websockets-sansio", ws_per_message_deflate=False, log_level="warning",
    )  # fmt: skip
