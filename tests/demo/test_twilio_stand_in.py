"""The stand-in for Twilio, driven by Twilio's own SDK and judged by Twilio's own validator."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from hotelchat.demo.twilio_messages import StandInMessage
from hotelchat.demo.twilio_stand_in import Delays, TwilioStandIn

ACCOUNT, TOKEN = "AC" + "a" * 32, "not-a-real-token"
GUEST, HOTEL = "whatsapp:+447700900127", "whatsapp:+34600000100"
FAST = Delays(sent=0.02, delivered=0.04, read=0.06)


class Rewritten(TwilioHttpClient):  # type: ignore[misc]
    """Sends what is meant for api.twilio.com to the stand-in."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self.base_url), *args, **kwargs)


class Running:
    """The stand-in and a hotel that takes its callbacks, served for real on a free port."""

    def __init__(self) -> None:
        self.accepted: list[StandInMessage] = []
        self.callbacks: list[tuple[dict[str, str], str, str | None]] = []
        self.open_phones: set[str] = set()
        self.refusals = 0
        self.twilio = TwilioStandIn(
            ACCOUNT, TOKEN, self.accepted.append, lambda to: to in self.open_phones, delays=FAST, keep=60
        )
        app = FastAPI()
        app.include_router(self.twilio.router("/demo/twilio"))
        app.add_api_route("/status/{message_id}", self.take_callback, methods=["POST"])
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    async def take_callback(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        signature = request.headers["X-Twilio-Signature"]
        self.callbacks.append((form, signature, request.headers.get("I-Twilio-Idempotency-Token")))
        if self.refusals:
            self.refusals -= 1
            return Response(status_code=503)
        return Response("<Response/>", media_type="text/xml")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    @property
    def base_url(self) -> str:
        return self.url + "/demo/twilio"

    def client(self, token: str = TOKEN) -> Client:
        return Client(ACCOUNT, token, http_client=Rewritten(self.base_url))

    def statuses(self) -> list[str]:
        return [form["MessageStatus"] for form, _, _ in self.callbacks]


async def until(condition: Any, seconds: float = 5.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition() and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.01)
    assert condition()


def wait(condition: Any) -> None:
    asyncio.run(until(condition))


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    running.thread.start()
    wait(lambda: running.server.started)
    yield running
    running.server.should_exit = True
    running.thread.join(5)


def test_the_sdk_sends_a_message_and_gets_the_documented_resource(running: Running) -> None:
    sent = running.client().messages.create(to=GUEST, from_=HOTEL, body="  Buenas 👋 ")
    assert sent.sid.startswith("SM") and len(sent.sid) == 34
    assert (sent.status, sent.direction, sent.num_segments, sent.num_media) == (
        "queued",
        "outbound-api",
        "1",
        "0",
    )
    assert (sent.to, sent.from_, sent.body) == (GUEST, HOTEL, "  Buenas 👋 ")
    assert sent.account_sid == ACCOUNT and sent.api_version == "2010-04-01"
    assert abs(sent.date_created - datetime.now(UTC)) < timedelta(seconds=5)
    assert sent.uri == f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sent.sid}.json"
    assert running.client().messages(sent.sid).fetch().body == "  Buenas 👋 "
    wait(lambda: [m.sid for m in running.accepted] == [sent.sid])


def test_callbacks_come_in_order_and_carry_twilios_signature(running: Running) -> None:
    running.open_phones.add(GUEST)
    callback = running.url + "/status/42?hotel=é&a=b"
    sent = running.client().messages.create(to=GUEST, from_=HOTEL, body="Hola", status_callback=callback + "#rc=3")
    wait(lambda: len(running.callbacks) == 3)
    assert running.statuses() == ["sent", "delivered", "read"]
    for form, signature, token in running.callbacks:
        assert RequestValidator(TOKEN).validate(callback, form, signature)
        assert not RequestValidator("another").validate(callback, form, signature)
        assert form["MessageSid"] == sent.sid == form["SmsSid"]
        assert form["SmsStatus"] == form["MessageStatus"]
        assert form["ChannelPrefix"] == "whatsapp" and form["To"] == GUEST
        assert token
    assert [form.get("EventType") for form, _, _ in running.callbacks] == [None, "DELIVERED", "READ"]
    assert running.client().messages(sent.sid).fetch().status == "read"


def test_a_closed_phone_reads_once_it_is_opened(running: Running) -> None:
    running.client().messages.create(to=GUEST, from_=HOTEL, body="Hola", status_callback=running.url + "/status/1")
    wait(lambda: running.statuses() == ["sent", "delivered"])
    asyncio.run(asyncio.sleep(0.1))
    assert running.statuses() == ["sent", "delivered"]


def test_a_callback_that_is_refused_is_tried_again_with_the_same_token(running: Running) -> None:
    running.refusals = 1
    running.client().messages.create(to=GUEST, from_=HOTEL, body="Hola", status_callback=running.url + "/status/1")
    wait(lambda: len(running.callbacks) == 3)
    tokens = [token for form, _, token in running.callbacks if form["MessageStatus"] == "sent"]
    assert len(tokens) == 2 and len(set(tokens)) == 1


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"from_": HOTEL, "body": "x"}, 400, 21604),
        ({"to": "+447700900127", "from_": HOTEL, "body": "x"}, 400, 21211),
        ({"to": GUEST, "body": "x"}, 400, 21603),
        ({"to": GUEST, "from_": HOTEL}, 400, 21602),
        ({"to": GUEST, "from_": HOTEL, "body": "x" * 1601}, 400, 21617),
        ({"to": GUEST, "from_": HOTEL, "body": "x", "status_callback": "/status/1"}, 400, 21609),
        (
            {"to": GUEST, "from_": HOTEL, "content_sid": "HX" + "1" * 32, "content_variables": "{1:"},
            400,
            21656,
        ),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(running: Running, given: Any, status: int, code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        running.client().messages.create(**{"to": "", **given})
    assert (refused.value.status, refused.value.code) == (status, code)
    assert running.twilio.messages == []


def test_wrong_credentials_and_unknown_messages(running: Running) -> None:
    with pytest.raises(TwilioRestException) as refused:
        running.client("wrong").messages.create(to=GUEST, from_=HOTEL, body="x")
    assert (refused.value.status, refused.value.code) == (401, 20003)
    with pytest.raises(TwilioRestException) as missing:
        running.client().messages("SM" + "0" * 32).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)
    bare = httpx.get(f"{running.base_url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert bare.status_code == 401
    assert bare.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


def test_a_template_and_a_photo_are_taken(running: Running) -> None:
    client = running.client()
    sid = "HX" + "1" * 32
    template = client.messages.create(to=GUEST, from_=HOTEL, content_sid=sid, content_variables='{"1":"Ana"}')
    assert template.body == f"[Template {sid}] 1: Ana"
    photo = client.messages.create(to=GUEST, from_=HOTEL, media_url=["https://example.com/a.jpg"])
    assert photo.num_media == "1"


def test_the_list_is_newest_first_filtered_and_paged(running: Running) -> None:
    client = running.client()
    sids = [client.messages.create(to=GUEST, from_=HOTEL, body=str(n)).sid for n in range(7)]
    client.messages.create(to="whatsapp:+12125550142", from_=HOTEL, body="other")
    assert [m.sid for m in client.messages.list(to=GUEST)] == sids[::-1]
    assert [m.sid for m in client.messages.list(to=GUEST, page_size=2)] == sids[::-1]
    assert [m.sid for m in client.messages.list(to=GUEST, limit=3)] == sids[:3:-1]
    now = datetime.now(UTC)
    assert len(client.messages.list(from_=HOTEL, date_sent_after=now - timedelta(minutes=1))) == 8
    assert client.messages.list(date_sent_before=now - timedelta(minutes=1)) == []
    assert client.messages.list(date_sent=now.date() - timedelta(days=3)) == []
    page = httpx.get(
        f"{running.base_url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=3&Page=1",
        auth=(ACCOUNT, TOKEN),
    ).json()
    assert (page["page"], page["page_size"], page["start"], page["end"]) == (1, 3, 3, 5)
    assert page["previous_page_uri"] and page["next_page_uri"] and len(page["messages"]) == 3


def test_its_memory_is_bounded(running: Running) -> None:
    client = running.client()
    first = client.messages.create(to=GUEST, from_=HOTEL, body="first")
    for n in range(60):
        client.messages.create(to=GUEST, from_=HOTEL, body=str(n))
    assert len(running.twilio.messages) == 60
    assert first.sid not in {message.sid for message in running.twilio.messages}


def test_opening_the_phone_reads_what_waits_there() -> None:
    async def scenario() -> list[str]:
        twilio = TwilioStandIn(ACCOUNT, TOKEN, delays=Delays(0, 0, 0))
        app = FastAPI()
        app.include_router(twilio.router())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t", auth=(ACCOUNT, TOKEN)) as client:
            form = {"To": GUEST, "From": HOTEL, "Body": "Hola"}
            await client.post(f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", data=form)
            await until(lambda: twilio.messages[0].status == "delivered")
            twilio.guest_opens("whatsapp:+12125550142")
            before = twilio.messages[0].status
            twilio.guest_opens(GUEST)
        await twilio.close()
        return [before, twilio.messages[0].status]

    assert asyncio.run(scenario()) == ["delivered", "read"]
