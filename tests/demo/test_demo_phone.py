"""The demo's phone speaks as Twilio does: Twilio's own validator is the judge."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from twilio.request_validator import RequestValidator

from hotelchat.channels import demo_phone

ACCOUNT, TOKEN = "AC" + "a" * 32, "not-a-real-token"
GUEST, HOTEL = "whatsapp:+447700900127", "whatsapp:+34600000100"


def inbound_forms() -> list[dict[str, str]]:
    place = (ACCOUNT, "+447700900127", "+34600000100")
    return [
        demo_phone.text_message(*place, " Hola, ¿qué tal? 👋\n", "Sofía"),
        demo_phone.image_message(*place, "Sofía"),
        demo_phone.voice_note(*place, "Sofía"),
        demo_phone.location_message(*place, "Sofía", 28.05, -14.33, label="Cala Farol"),
        demo_phone.contact_card(*place, "Sofía"),
        demo_phone.button_tap(*place, "Sofía", text="Yes", payload="yes", replied_to="SM" + "1" * 32),
        demo_phone.unknown_message(*place, "Sofía"),
    ]


@pytest.mark.parametrize("form", inbound_forms(), ids=lambda form: form["MessageType"])
def test_the_demo_phone_signs_as_twilio_does(form: dict[str, str]) -> None:
    url = "https://hotel.example/webhooks/twilio/whatsapp"
    assert RequestValidator(TOKEN).validate(url, form, demo_phone.sign(url, form, TOKEN))
    assert form["From"] == GUEST and form["To"] == HOTEL and form["WaId"] == "447700900127"
    assert form["MessageSid"] == form["SmsMessageSid"] == form["SmsSid"]


def test_the_kinds_have_the_fields_that_captures_show() -> None:
    text, image, voice, location, contact, button, unknown = inbound_forms()
    assert (text["NumMedia"], text["MessageType"]) == ("0", "text")
    assert (image["NumMedia"], image["Body"], image["MediaContentType0"]) == ("1", "", "image/jpeg")
    assert voice["MediaContentType0"] == "audio/ogg" and contact["MediaContentType0"] == "text/vcard"
    assert (location["NumMedia"], location["Latitude"], location["Label"]) == ("0", "28.05", "Cala Farol")
    assert (button["ButtonText"], button["ButtonPayload"], button["Body"]) == ("Yes", "yes", "Yes")
    assert (unknown["NumMedia"], unknown["Body"], unknown["MessageType"]) == ("0", "", "reaction")


def test_the_demo_phone_delivers_a_signed_webhook() -> None:
    seen: list[tuple[str, dict[str, str], str, str | None]] = []
    app = FastAPI()

    @app.post("/webhooks/twilio/whatsapp")
    async def take(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        headers = request.headers
        seen.append((str(request.url), form, headers["X-Twilio-Signature"], headers.get("I-Twilio-Idempotency-Token")))
        return Response("<Response/>", media_type="text/xml")

    async def scenario() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            form = inbound_forms()[0]
            response = await demo_phone.deliver(
                "https://hotel.example/", form, TOKEN, client=client, idempotency_token="again"
            )
        return response.status_code

    assert asyncio.run(scenario()) == 200
    url, form, signature, token = seen[0]
    assert RequestValidator(TOKEN).validate(url, form, signature)
    assert token == "again"
    assert form["Body"] == " Hola, ¿qué tal? 👋\n"
