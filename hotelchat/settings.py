"""Settings: one frozen, typed object, read once from the environment, `.env` and `NAME_FILE` files."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, Field, ValidationError

from hotelchat.errors import SettingsError

LOOPBACK = {"", "localhost", "127.0.0.1", "::1"}


class WhatsAppSettings(BaseModel, frozen=True):
    """The WhatsApp sender at Twilio; half of it cannot exist."""

    account_sid: str
    auth_token: str = Field(repr=False)
    auth_token_secondary: str | None = Field(default=None, repr=False)  # accepted while tokens are rotated
    number: str  # whatsapp:+34…
    api_base_url: str = "https://api.twilio.com"


class OpenAISettings(BaseModel, frozen=True):
    """Any OpenAI-compatible endpoint."""

    api_key: str = Field(repr=False)
    base_url: str | None = None  # None: the SDK's own
    model: str = "gpt-4.1-mini"


class AdminSettings(BaseModel, frozen=True):
    """The first admin, created once on an empty database."""

    email: str
    password: str = Field(repr=False)


class Settings(BaseModel, frozen=True):
    """Everything an operator may set; see docs/settings.md."""

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path(".hotelchat")
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    public_base_url: str = "http://127.0.0.1:8080"
    trusted_proxies: str = ""
    database_url: str | None = Field(default=None, repr=False)  # None: we start our own in the data folder
    redis_url: str | None = Field(default=None, repr=False)
    secret_key: str = Field(default="", repr=False)  # "": kept in the data folder, see secret_keys()
    secret_key_old: str | None = Field(default=None, repr=False)
    whatsapp: WhatsAppSettings | None = None  # None: the channel is off, and the inbox says so
    openai: OpenAISettings | None = None  # None: the concierge is off, and the inbox says so
    admin: AdminSettings | None = None
    worker_concurrency: int = Field(default=100, ge=1, le=1000)  # conversations one worker process serves at once
    database_pool: int = Field(default=8, ge=1, le=100)  # connections and threads a process uses
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "console"
    demo: bool = False

    @property
    def is_production(self) -> bool:
        """Whether this serves real guests: secrets must be given, cookies are Secure."""
        return self.environment == "production"

    @property
    def has_secure_cookies(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self.public_base_url.startswith("https://")

    def secret_keys(self) -> tuple[str, ...]:
        """The key that signs, then the one that is still accepted; made once in the data folder if unset."""
        first = self.secret_key or _kept_secret(self.data_dir)
        return (first, self.secret_key_old) if self.secret_key_old else (first,)


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises: SettingsError: one sentence that names the setting and says what to write there.
    """
    env = _Environment(environment)
    is_production = env.get("HOTELCHAT_ENV") == "production"
    host = env.get("HOST") or ("0.0.0.0" if is_production else "127.0.0.1")
    port = env.get("PORT") or "8080"
    if is_production:
        env.need(
            "SECRET_KEY", "a long random text; `python -c 'import secrets; print(secrets.token_urlsafe(48))'` makes one"
        )
        env.need("PUBLIC_BASE_URL", "the address guests' messages come in at, such as https://desk.example.com")
    values = {
        "environment": env.get("HOTELCHAT_ENV"),
        "data_dir": env.get("HOTELCHAT_DATA_DIR"),
        "host": host,
        "port": port,
        "public_base_url": (env.get("PUBLIC_BASE_URL") or f"http://{host}:{port}").rstrip("/"),
        "trusted_proxies": env.get("TRUSTED_PROXIES") or ("*" if env.get("RENDER") else None),
        "database_url": database_url(env.get("DATABASE_URL")),
        "redis_url": env.get("REDIS_URL"),
        "secret_key": env.get("SECRET_KEY"),
        "secret_key_old": env.get("SECRET_KEY_OLD"),
        "whatsapp": _whatsapp(env),
        "openai": _openai(env),
        "admin": _admin(env),
        "worker_concurrency": env.get("WORKER_CONCURRENCY"),
        "database_pool": env.get("DATABASE_POOL"),
        "log_level": env.get("LOG_LEVEL"),
        "log_format": env.get("LOG_FORMAT") or ("json" if is_production else None),
        "demo": env.get("HOTELCHAT_DEMO"),
    }
    try:
        return Settings.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        raise _as_sentence(error) from None


def _as_sentence(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    field = str(first["loc"][0])
    name = {"environment": "HOTELCHAT_ENV", "data_dir": "HOTELCHAT_DATA_DIR"}.get(field, field.upper())
    return SettingsError(f"The setting {name} cannot be used: {first['msg']}.")


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    return from_environment()


def database_url(url: str | None) -> str | None:
    """One spelling for SQLAlchemy, with TLS unless the host is this machine or `sslmode` is given.

    Source: INTERFACE.md, DATABASE_URL.
    """
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}:
        raise SettingsError("DATABASE_URL must begin with postgresql:// and name a PostgreSQL database.")
    query = dict(parse_qsl(parts.query))
    is_here = (parts.hostname or "") in LOOPBACK and query.get("host", "/").startswith("/")
    if "sslmode" not in query and not is_here:
        query["sslmode"] = "require"
    tail = f"?{urlencode(query)}" if query else ""
    return f"postgresql+psycopg2://{parts.netloc}{parts.path}{tail}"


class _Environment:
    """Variables, then `.env`; NAME_FILE is read where NAME is unset."""

    def __init__(self, given: Mapping[str, str] | None) -> None:
        dotenv = {name: value for name, value in dotenv_values(".env").items() if value} if given is None else {}
        self._values: dict[str, str] = {**dotenv, **(os.environ if given is None else given)}

    def get(self, name: str) -> str | None:
        value = self._values.get(name)
        if not value and (path := self._values.get(f"{name}_FILE")):
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name}_FILE names a file that cannot be read ({error.strerror}).") from None
        return value or None

    def need(self, name: str, what: str) -> str:
        if value := self.get(name):
            return value
        raise SettingsError(f"{name} is missing: set it to {what}.")


def _whatsapp(env: _Environment) -> WhatsAppSettings | None:
    names = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_WHATSAPP_NUMBER")
    if not any(env.get(name) for name in names):
        return None
    sid, token, number = (
        env.need(name, "what the Twilio console shows, or unset all TWILIO_ settings") for name in names
    )
    return WhatsAppSettings(
        account_sid=sid,
        auth_token=token,
        auth_token_secondary=env.get("TWILIO_AUTH_TOKEN_SECONDARY"),
        number=_own_number(number),
        api_base_url=(env.get("TWILIO_API_BASE_URL") or "https://api.twilio.com").rstrip("/"),
    )


def _own_number(number: str) -> str:
    try:
        return whatsapp_address(number)
    except SettingsError as error:
        raise SettingsError(f"TWILIO_WHATSAPP_NUMBER cannot be used. {error}") from None


def whatsapp_address(number: str) -> str:
    """`whatsapp:+34…` from a number written with or without the prefix, spaces or dashes."""
    bare = number.strip().removeprefix("whatsapp:").translate(str.maketrans("", "", " -()"))
    if not bare.lstrip("+").isdigit():
        raise SettingsError("A WhatsApp number is written as whatsapp:+34600000000, with its country code.")
    return f"whatsapp:+{bare.lstrip('+')}"


def _openai(env: _Environment) -> OpenAISettings | None:
    key = env.get("OPENAI_API_KEY")
    if key is None:
        return None
    given = {"base_url": env.get("OPENAI_BASE_URL"), "model": env.get("OPENAI_MODEL")}
    return OpenAISettings.model_validate({"api_key": key} | {name: value for name, value in given.items() if value})


def _admin(env: _Environment) -> AdminSettings | None:
    email, password = env.get("ADMIN_EMAIL"), env.get("ADMIN_PASSWORD")
    if bool(email) != bool(password):
        raise SettingsError("ADMIN_EMAIL and ADMIN_PASSWORD go together: set both, or neither.")
    return AdminSettings(email=email, password=password) if email and password else None


def _kept_secret(data_dir: Path) -> str:
    """The secret of a machine that was given none: made once, kept with mode 0600."""
    path = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="ascii").strip()
