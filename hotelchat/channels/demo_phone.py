"""The guest's side of WhatsApp, for the demo and the tests: webhooks as Twilio sends them.

The signature is computed here anew, not by Twilio's SDK, so that it also tests what checks it.
Sources: https://www.twilio.com/docs/messaging/guides/webhook-request for the parameters,
https://www.twilio.com/docs/usage/webhooks/webhooks-security for the signature.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping

import httpx

INBOUND_PATH = "/webhooks/twilio/whatsapp"
SIGNATURE_HEADER = "X-Twilio-Signature"
IDEMPOTENCY_HEADER = "I-Twilio-Idempotency-Token"

_DEMO_MEDIA = "https://api.twilio.com/2010-04-01/Accounts/{account}/Messages/{message}/Media/{media}"


def new_sid(prefix: str) -> str:
    """An identifier as Twilio makes them: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def _address(number: str) -> str:
    """A WhatsApp address of an E.164 number; one that is an address already stays."""
    return number if number.startswith("whatsapp:") else f"whatsapp:{number}"


def _inbound(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    message_sid: str | None,
    *,
    kind: str,
    body: str = "",
    context: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """What every inbound message has, whatever it holds."""
    sid = message_sid or new_sid("SM")
    wa_id = _address(from_number).removeprefix("whatsapp:").removeprefix("+")
    metadata = {
        "type": "whatsapp",
        "data": {"context": {"ProfileName": profile_name, "WaId": wa_id, **(context or {})}},
    }
    return {
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "ProfileName": profile_name,
        "MessageType": kind,
        "SmsSid": sid,
        "WaId": wa_id,
        "SmsStatus": "received",
        "Body": body,
        "To": _address(to_number),
        "NumSegments": "1",
        "ReferralNumMedia": "0",
        "MessageSid": sid,
        "AccountSid": account_sid,
        "ChannelMetadata": json.dumps(metadata, ensure_ascii=False, separators=(",", ":")),
        "From": _address(from_number),
        "ApiVersion": "2010-04-01",
    }


def text_message(
    account_sid: str,
    from_number: str,
    to_number: str,
    body: str,
    profile_name: str,
    message_sid: str | None = None,
) -> dict[str, str]:
    """A guest's words. Numbers are E.164, with or without `whatsapp:` before them."""
    return _inbound(account_sid, from_number, to_number, profile_name, message_sid, kind="text", body=body)


def media_message(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    *,
    kind: str,
    content_type: str,
    media_url: str | None = None,
    body: str = "",
    message_sid: str | None = None,
) -> dict[str, str]:
    """One file; without `media_url` an address as Twilio's own. A document's `body` is its file name."""
    params = _inbound(account_sid, from_number, to_number, profile_name, message_sid, kind=kind, body=body)
    named = {"account": account_sid, "message": params["MessageSid"], "media": new_sid("ME")}
    url = media_url or _DEMO_MEDIA.format(**named)
    return {**params, "NumMedia": "1", "MediaUrl0": url, "MediaContentType0": content_type}


def image_message(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    *,
    caption: str = "",
    media_url: str | None = None,
    message_sid: str | None = None,
) -> dict[str, str]:
    """A photo; without a caption its Body is empty."""
    return media_message(
        account_sid,
        from_number,
        to_number,
        profile_name,
        kind="image",
        content_type="image/jpeg",
        media_url=media_url,
        body=caption,
        message_sid=message_sid,
    )


def voice_note(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    *,
    media_url: str | None = None,
    message_sid: str | None = None,
) -> dict[str, str]:
    """A recorded message; WhatsApp records Opus in Ogg."""
    return media_message(
        account_sid,
        from_number,
        to_number,
        profile_name,
        kind="audio",
        content_type="audio/ogg",
        media_url=media_url,
        message_sid=message_sid,
    )


def contact_card(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    *,
    media_url: str | None = None,
    message_sid: str | None = None,
) -> dict[str, str]:
    """A shared contact: a vCard as a file."""
    return media_message(
        account_sid,
        from_number,
        to_number,
        profile_name,
        kind="contacts",
        content_type="text/vcard",
        media_url=media_url,
        message_sid=message_sid,
    )


def location_message(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    latitude: float,
    longitude: float,
    *,
    label: str | None = None,
    address: str | None = None,
    message_sid: str | None = None,
) -> dict[str, str]:
    """A pin, in degrees; `label` and `address` come only with a named place. No words and no media."""
    params = _inbound(account_sid, from_number, to_number, profile_name, message_sid, kind="location")
    named = {"Label": label, "Address": address}
    place = {"Latitude": str(latitude), "Longitude": str(longitude)}
    return {**params, **place, **{name: value for name, value in named.items() if value is not None}}


def button_tap(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    *,
    text: str,
    payload: str,
    replied_to: str | None = None,
    message_sid: str | None = None,
) -> dict[str, str]:
    """A tap on a quick reply of the message `replied_to`; Twilio repeats the button's text as the Body."""
    params = _inbound(account_sid, from_number, to_number, profile_name, message_sid, kind="button", body=text)
    params |= {"ButtonText": text, "ButtonPayload": payload}
    if replied_to is not None:
        params |= {
            "OriginalRepliedMessageSid": replied_to,
            "OriginalRepliedMessageSender": _address(to_number),
        }
    return params


def unknown_message(
    account_sid: str,
    from_number: str,
    to_number: str,
    profile_name: str,
    *,
    kind: str = "reaction",
    message_sid: str | None = None,
) -> dict[str, str]:
    """A kind that no documentation names: no Body, no media, only its type."""
    return _inbound(account_sid, from_number, to_number, profile_name, message_sid, kind=kind)


def sign(url: str, params: Mapping[str, str], auth_token: str) -> str:
    """X-Twilio-Signature: base64 of the HMAC-SHA1 over the address and the sorted names and values."""
    signed = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


async def deliver(
    base_url: str,
    params: Mapping[str, str],
    auth_token: str,
    *,
    client: httpx.AsyncClient,
    idempotency_token: str | None = None,
) -> httpx.Response:
    """Post an inbound message to a running HotelChat, signed.

    Args:
        base_url: the public address of the installation; the signature covers it.
        idempotency_token: what Twilio repeats when it tries once more.
    Raises: httpx.HTTPError: if nobody answers.
    """
    url = base_url.rstrip("/") + INBOUND_PATH
    headers = {SIGNATURE_HEADER: sign(url, params, auth_token), "User-Agent": "TwilioProxy/1.1"}
    if idempotency_token is not None:
        headers[IDEMPOTENCY_HEADER] = idempotency_token
    return await client.post(url, data=dict(params), headers=headers)
