"""Open inboxes without a browser: each fetches the page and speaks to NiceGUI's socket as a browser would.

`python -m tests.benchmarks.screens BASE_URL COOKIE PATH NUMBER` opens them, prints a line when all are connected, and
keeps them open until its standard input ends. Then it prints how many updates each received.
"""

from __future__ import annotations

import asyncio
import re
import sys
from uuid import uuid4

import httpx
import websockets


class OpenScreen:
    """One client of NiceGUI."""

    def __init__(self) -> None:
        self.frames = 0
        self._socket: websockets.ClientConnection | None = None

    async def open(self, client: httpx.AsyncClient, base: str, path: str) -> None:
        """Fetch the page, connect, and read for ever."""
        page = await client.get(base + path)
        found = re.search(r'"client_id": ?"([0-9a-f-]{36})"', page.text) or re.search(
            r"client_id.{1,8}?([0-9a-f-]{36})", page.text
        )
        if page.status_code != 200 or found is None:
            raise RuntimeError(f"no page: {page.status_code}")
        next_id = re.search(r"next_message_id.{1,4}?(\d+)", page.text)
        query = (
            f"client_id={found.group(1)}&next_message_id={next_id.group(1) if next_id else 0}&implicit_handshake=true"
            f"&tab_id={uuid4()}&document_id={uuid4()}&EIO=4&transport=websocket"
        )
        url = base.replace("http", "ws") + f"/_nicegui_ws/socket.io/?{query}"
        self._socket = await websockets.connect(url, origin=base, max_size=None, compression=None)
        await self._socket.recv()
        await self._socket.send("40")
        await self._socket.recv()

    async def read(self) -> None:
        """Answer pings, count the rest."""
        assert self._socket is not None
        async for frame in self._socket:
            if frame == "2":
                await self._socket.send("3")
            else:
                self.frames += 1


async def main(base: str, cookie: str, path: str, number: int) -> None:
    """Open, tell, keep."""
    screens = [OpenScreen() for _ in range(number)]
    async with httpx.AsyncClient(cookies={"hotelchat": cookie}, timeout=30) as client:
        for screen in screens:
            await screen.open(client, base, path)
    tasks = [asyncio.create_task(screen.read()) for screen in screens]
    print("open", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(" ".join(str(screen.frames) for screen in screens), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
