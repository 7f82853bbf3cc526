"""Twilio and OpenAI as HTTP servers that misbehave on demand; our code meets them through the official SDKs."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from hotelchat import clock


@dataclass
class Answer:
    """One HTTP answer; `drops`: the connection ends instead; `after`: seconds until it comes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drops: bool = False
    after: float = 0.0


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]


class Server:
    """Answers with what was put in `next`, one after the other, else as usual."""

    def __init__(self) -> None:
        self.next: deque[Answer] = deque()
        self.asked: list[Asked] = []
        self.ending = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._serve(self)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                """Nothing: pytest shows what matters."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def usual(self, asked: Asked) -> Answer:
        raise NotImplementedError

    def taken(self, asked: Asked, answer: Answer) -> None:
        """Called before a scripted answer goes out: what the server does in spite of it."""

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        asked = Asked(handler.command, parts.path, query, body, {k.lower(): v for k, v in handler.headers.items()})
        self.asked.append(asked)
        answer = self.next.popleft() if self.next else None
        if answer is not None:
            self.taken(asked, answer)
        answer = answer or self.usual(asked)
        self.ending.wait(answer.after)
        if answer.drops:
            handler.close_connection = True
            handler.connection.close()
            return
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        data = text.encode("utf-8", "surrogatepass")
        handler.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def close(self) -> None:
        self.ending.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(2)


class Twilio(Server):
    """The Messages resource. `accepts_next`: the scripted answer follows a real acceptance.

    Source: https://www.twilio.com/docs/messaging/api/message-resource
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.accepts_next = False
        self.on_accept: Callable[[dict[str, Any]], None] = lambda _: None

    @property
    def bodies(self) -> list[str]:
        """The words of everything accepted, in its order."""
        return [message["body"] for message in self.messages]

    def taken(self, asked: Asked, answer: Answer) -> None:
        if self.accepts_next:
            self.accepts_next = False
            self._accept(asked)

    def usual(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer(201, self._accept(asked))
        found = [m for m in reversed(self.messages) if m["to"] == asked.query.get("To", m["to"])]
        path = "/2010-04-01/Accounts/AC/Messages.json"
        page = {"messages": found, "page": 0, "page_size": 100, "uri": path, "start": 0, "end": len(found)}
        return Answer(200, page | {"next_page_uri": None, "first_page_uri": path, "previous_page_uri": None})

    def _accept(self, asked: Asked) -> dict[str, Any]:
        form = dict(parse_qsl(asked.body.decode()))
        now = format_datetime(clock.now())
        message = {
            "sid": f"SM{len(self.messages) + 1:032x}", "account_sid": asked.path.split("/")[3], "to": form["To"],
            "from": form["From"], "body": form["Body"], "status": "queued", "date_created": now, "date_sent": now,
            "date_updated": now, "error_code": None, "error_message": None, "num_media": "0", "num_segments": "1",
            "direction": "outbound-api", "api_version": "2010-04-01", "price": None, "price_unit": "USD",
            "messaging_service_sid": None, "uri": "", "subresource_uris": {}, "callback": form["StatusCallback"],
        }  # fmt: skip
        self.messages.append(message)
        self.on_accept(message)
        return message


def refused(status: int, code: int, **headers: str) -> Answer:
    """Twilio's error. Source: https://www.twilio.com/docs/usage/twilios-response#exceptions"""
    body = {"code": code, "message": "no", "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return Answer(status, body, headers)


class Model(Server):
    """Chat completions. Source: https://platform.openai.com/docs/api-reference/chat"""

    says = "Breakfast is from 7:00 to 10:30."

    def usual(self, asked: Asked) -> Answer:
        return Answer(body=completion({"role": "assistant", "content": self.says}))

    @property
    def prompts(self) -> list[list[dict[str, Any]]]:
        """The messages of each request."""
        return [json.loads(asked.body)["messages"] for asked in self.asked]


def completion(message: Any) -> dict[str, Any]:
    """A chat.completion with one choice."""
    usage = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def hand_over(arguments: Any) -> Answer:
    """The model calls the one tool it has; arguments that are text go as they are."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"id": "call_1", "type": "function", "function": {"name": "hand_over", "arguments": text}}
    return Answer(body=completion({"role": "assistant", "content": None, "tool_calls": [call]}))


@contextmanager
def running(server: Server) -> Iterator[Any]:
    """The server until the test ends."""
    try:
        yield server
    finally:
        server.close()
