"""What can go wrong, each as a sentence for the person who sees it."""

from __future__ import annotations


class HotelChatError(Exception):
    """What went wrong and what to do next, in one sentence for the person who sees it."""

    status = 500


class SettingsError(HotelChatError):
    """A setting is missing or wrong; the sentence names it and says what to write there."""


class NotSignedIn(HotelChatError):
    """The session has ended: signed out, disabled, or too old."""

    status = 401

    def __init__(self) -> None:
        super().__init__("You are signed out. Sign in again to go on.")


class NotAllowed(HotelChatError):
    """The user's role does not reach this far."""

    status = 403

    def __init__(self, needed: str) -> None:
        super().__init__(f"This needs the role {needed}. Ask a manager of the hotel for it.")


class NotFound(HotelChatError):
    """No such thing in this user's hotels (which other hotels have is not told)."""

    status = 404

    def __init__(self, what: str) -> None:
        super().__init__(f"This {what} is not here. It may belong to another hotel, or the link is old.")


class Unknown(HotelChatError):
    """A command names something that does not exist."""

    status = 404

    def __init__(self, what: str, list_command: str) -> None:
        super().__init__(f"There is no {what}. `main.py {list_command}` shows what there is.")


class Conflict(HotelChatError):
    """Someone else was faster, or the state does not allow it."""

    status = 409


class BadInput(HotelChatError):
    """The input cannot be used as it stands; the sentence says what to change."""

    status = 400


class BadSignature(HotelChatError):
    """The request does not carry Twilio's signature over our public address."""

    status = 403

    def __init__(self) -> None:
        super().__init__("The signature does not fit. Check PUBLIC_BASE_URL and TWILIO_AUTH_TOKEN.")


class ConciergeUnavailable(HotelChatError):
    """The language model did not give a usable answer this time.

    Attributes: retry_after: seconds the provider asked us to wait, or None.
    """

    status = 503

    def __init__(self, why: str, *, retry_after: float | None = None) -> None:
        self.why, self.retry_after = why, retry_after
        super().__init__(f"The concierge could not answer ({why}). A person should, or it tries again shortly.")
