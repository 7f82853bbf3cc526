"""What Twilio sends becomes a message of the hotel's, whole."""

from __future__ import annotations

import pytest
from twilio.request_validator import RequestValidator

from hotelchat.channels import whatsapp
from hotelchat.channels.port import Identity
from hotelchat.errors import BadInput, BadSignature
from hotelchat.models import Delivery, IdentityKind, Kind
from hotelchat.models.preview import preview
from hotelchat.settings import WhatsAppSettings
from tests.bodies import BODIES

URL = "https://desk.example.com/webhooks/twilio/whatsapp"


@pytest.mark.parametrize("name", BODIES)
def test_every_kind_is_kept_whole_and_shown_by_its_name(name: str) -> None:
    body = BODIES[name]
    message = whatsapp.inbound(body["form"])

    assert body["source"]
    assert (message.kind, message.text) == (Kind(body["kind"]), body["text"])
    assert message.raw == body["form"]
    assert preview(message.kind, message.text) == body["shown"]
    assert message.to == body["form"]["To"]
    assert (message.account, message.provider_id) == (body["form"]["AccountSid"], body["form"]["MessageSid"])


def test_a_phone_and_a_user_id_are_two_addresses_of_one_sender() -> None:
    form = BODIES["text"]["form"] | {"ExternalUserId": "ES.1122334455"}

    assert whatsapp.inbound(form).sender.identities == (
        Identity(IdentityKind.PHONE, "+34600111222"),
        Identity(IdentityKind.WHATSAPP_USER, "ES.1122334455"),
    )


@pytest.mark.parametrize("user_id", ["ES.1122334455", "whatsapp:US.ENT.abc123"])
def test_a_sender_without_a_number_is_known_by_the_user_id_alone(user_id: str) -> None:
    bare = user_id.removeprefix("whatsapp:")
    form = BODIES["user_name"]["form"] | {"From": f"whatsapp:{bare}", "ExternalUserId": user_id}

    assert whatsapp.inbound(form).sender.identities == (Identity(IdentityKind.WHATSAPP_USER, bare),)


@pytest.mark.parametrize("missing", ["MessageSid", "AccountSid", "From", "To"])
def test_without_what_a_message_needs_it_is_none(missing: str) -> None:
    form = {name: value for name, value in BODIES["text"]["form"].items() if name != missing}
    if missing == "MessageSid":
        form = {name: value for name, value in form.items() if name not in {"SmsMessageSid", "SmsSid"}}

    with pytest.raises(BadInput, match="missing"):
        whatsapp.inbound(form)


@pytest.mark.parametrize(
    ("word", "delivery"),
    [
        ("queued", Delivery.SENT), ("sent", Delivery.SENT), ("delivered", Delivery.DELIVERED), ("read", Delivery.READ),
        ("failed", Delivery.FAILED), ("undelivered", Delivery.FAILED), ("Delivered", Delivery.DELIVERED),
        ("teleported", None),
    ],
)  # fmt: skip
def test_a_status_is_one_of_ours_or_kept_unshown(word: str, delivery: Delivery | None) -> None:
    report = whatsapp.status_report(7, {"MessageSid": "SM1", "MessageStatus": word, "ErrorCode": "63016"})

    assert (report.delivery, report.status, report.error_code) == (delivery, word.lower(), 63016)


@pytest.mark.parametrize(
    "params", [{}, {"MessageSid": "SM1"}, {"MessageStatus": "sent"}, {"MessageSid": "", "MessageStatus": ""}]
)
def test_half_a_status_is_none(params: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        whatsapp.status_report(7, params)


def settings(secondary: str | None = None) -> WhatsAppSettings:
    return WhatsAppSettings(
        account_sid="AC1", auth_token="first", auth_token_secondary=secondary, number="whatsapp:+34971000001"
    )


FORM = [("Body", " kept as it is "), ("Empty", ""), ("Ümlaut", "Café 🌴"), ("NumMedia", "0")]


def signed(token: str, params: list[tuple[str, str]] = FORM, url: str = URL) -> str:
    """By Twilio's own SDK."""
    return str(RequestValidator(token).compute_signature(url, dict(params)))


def test_what_twilio_signed_passes() -> None:
    whatsapp.check_signature(settings(), URL, FORM, signed("first"))


def test_while_tokens_are_rotated_both_pass() -> None:
    whatsapp.check_signature(settings("second"), URL, FORM, signed("second"))
    whatsapp.check_signature(settings("second"), URL, FORM, signed("first"))


def test_a_name_that_comes_twice_is_signed_twice() -> None:
    twice = [("Body", "b"), ("Media", "2"), ("Media", "1")]
    validator = RequestValidator("first")

    class Repeated(dict):  # as the SDK sees a form with repeated names
        def getall(self, name: str) -> list[str]:
            return [value for key, value in twice if key == name]

    signature = validator.compute_signature(URL, Repeated(twice))

    whatsapp.check_signature(settings(), URL, twice, signature)
    with pytest.raises(BadSignature):
        whatsapp.check_signature(settings(), URL, twice[:2], signature)


@pytest.mark.parametrize(
    ("params", "url", "signature"),
    [
        (FORM, URL, signed("third")),
        (FORM, URL, ""),
        (FORM, URL, "no base64 !"),
        (FORM, URL + "?a=1", signed("first")),
        (FORM[1:], URL, signed("first")),
        ([*FORM, ("More", "1")], URL, signed("first")),
        ([("Body", "kept as it is"), *FORM[1:]], URL, signed("first")),
    ],
    ids=["another token", "none", "no base64", "another address", "one missing", "one more", "trimmed"],
)
def test_what_does_not_fit_does_not_pass(params: list[tuple[str, str]], url: str, signature: str) -> None:
    with pytest.raises(BadSignature):
        whatsapp.check_signature(settings(), url, params, signature)
