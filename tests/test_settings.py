"""Settings: what an operator writes, what it means, and the one sentence when it cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotelchat import settings
from hotelchat.errors import SettingsError
from hotelchat.settings import database_url, from_environment, whatsapp_address

TWILIO = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "a-secret-token",
    "TWILIO_WHATSAPP_NUMBER": "whatsapp:+34971000001",
}
PRODUCTION = {
    "HOTELCHAT_ENV": "production",
    "SECRET_KEY": "long and random",
    "PUBLIC_BASE_URL": "https://desk.example.com",
}


def test_with_nothing_set_everything_has_its_default() -> None:
    found = from_environment({})

    assert (found.environment, found.is_production, found.demo) == ("development", False, False)
    assert (found.host, found.port, found.public_base_url) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    assert (found.database_url, found.redis_url, found.data_dir) == (None, None, Path(".hotelchat"))
    assert (found.whatsapp, found.openai, found.admin) == (None, None, None)
    assert (found.worker_concurrency, found.database_pool) == (100, 8)
    assert (found.log_level, found.log_format, found.trusted_proxies) == ("INFO", "console", "")


def test_in_production_the_defaults_are_those_of_a_server() -> None:
    found = from_environment(PRODUCTION)

    assert (found.is_production, found.host, found.log_format) == (True, "0.0.0.0", "json")
    assert found.public_base_url == "https://desk.example.com" and found.has_secure_cookies
    assert found.secret_keys() == ("long and random",)


@pytest.mark.parametrize("missing", ["SECRET_KEY", "PUBLIC_BASE_URL"])
def test_production_needs(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"^{missing} is missing"):
        from_environment({name: value for name, value in PRODUCTION.items() if name != missing})


GIVEN = {
    "HOTELCHAT_DATA_DIR": "/var/lib/hotelchat", "HOST": "0.0.0.0", "PORT": "9000", "REDIS_URL": "rediss://r:6380/1",
    "DATABASE_URL": "postgres://u:p%40ss@db.example.com:5433/hotel", "SECRET_KEY": "k", "SECRET_KEY_OLD": "o",
    "PUBLIC_BASE_URL": "https://desk.example.com/", "TRUSTED_PROXIES": "10.0.0.1", "WORKER_CONCURRENCY": "7",
    "OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://llm/v1", "OPENAI_MODEL": "small", "LOG_LEVEL": "DEBUG",
    "LOG_FORMAT": "json", "ADMIN_EMAIL": "a@example.com", "ADMIN_PASSWORD": "password", "DATABASE_POOL": "3",
    "TWILIO_AUTH_TOKEN_SECONDARY": "next", "TWILIO_API_BASE_URL": "http://twilio/", **TWILIO,
}  # fmt: skip


def test_every_setting_is_read() -> None:
    found = from_environment(GIVEN)

    assert (found.data_dir, found.host, found.port) == (Path("/var/lib/hotelchat"), "0.0.0.0", 9000)
    assert found.public_base_url == "https://desk.example.com"
    assert found.database_url == "postgresql+psycopg2://u:p%40ss@db.example.com:5433/hotel?sslmode=require"
    assert (found.redis_url, found.secret_keys()) == ("rediss://r:6380/1", ("k", "o"))
    assert (found.trusted_proxies, found.worker_concurrency, found.database_pool) == ("10.0.0.1", 7, 3)
    assert found.openai and (found.openai.api_key, found.openai.base_url, found.openai.model) == (
        "sk-1",
        "http://llm/v1",
        "small",
    )
    assert found.admin and (found.admin.email, found.admin.password) == ("a@example.com", "password")
    assert found.whatsapp and (found.whatsapp.account_sid, found.whatsapp.auth_token_secondary) == ("AC1", "next")
    assert found.whatsapp and found.whatsapp.api_base_url == "http://twilio"
    assert (found.log_level, found.log_format) == ("DEBUG", "json")


@pytest.mark.parametrize("name", GIVEN)
def test_every_setting_may_come_from_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "secret"
    path.write_text(GIVEN[name] + "\n")
    others = {each: value for each, value in GIVEN.items() if each != name}

    assert from_environment(others | {f"{name}_FILE": str(path)}) == from_environment(GIVEN)


def test_the_variable_counts_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("9001")

    assert from_environment({"PORT": "9000", "PORT_FILE": str(tmp_path / "secret")}).port == 9000
    assert from_environment({"PORT": "", "PORT_FILE": str(tmp_path / "secret")}).port == 9001


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY_FILE names a file that cannot be read"):
        from_environment({"SECRET_KEY_FILE": "/no/such/file"})


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nHOST=0.0.0.0\nOPENAI_API_KEY=\n")
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "OPENAI_API_KEY", "HOTELCHAT_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORT", "9001")

    found = from_environment()
    assert (found.port, found.host, found.openai) == (9001, "0.0.0.0", None)


@pytest.mark.parametrize("name", TWILIO)
def test_half_of_twilio_cannot_exist(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} is missing: .*\.$"):
        from_environment({each: value for each, value in TWILIO.items() if each != name})


@pytest.mark.parametrize("name", ["ADMIN_EMAIL", "ADMIN_PASSWORD"])
def test_half_an_admin_cannot_exist(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^ADMIN_EMAIL and ADMIN_PASSWORD go together"):
        from_environment({name: "something"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"), ("PORT", "0"), ("PORT", "70000"), ("WORKER_CONCURRENCY", "0"), ("DATABASE_POOL", "-1"),
        ("LOG_LEVEL", "LOUD"), ("LOG_FORMAT", "xml"), ("HOTELCHAT_ENV", "staging"), ("DATABASE_URL", "mysql://h/d"),
        ("TWILIO_WHATSAPP_NUMBER", "reception"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_one_sentence_that_names_the_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_environment({**TWILIO, name: value})

    sentence = str(raised.value)
    assert name in sentence
    assert "\n" not in sentence and sentence.endswith(".")


@pytest.mark.parametrize(
    ("given", "tls"),
    [
        ("postgres://u@db.example.com/d", "sslmode=require"),
        ("postgresql://u@localhost/d", None),
        ("postgresql://u@127.0.0.1:5432/d", None),
        ("postgresql://u@[::1]/d", None),
        ("postgresql:///d", None),
        ("postgresql:///d?host=/var/run/postgresql", None),
        ("postgresql:///d?host=10.0.0.7", "sslmode=require"),
        ("postgres://u@db/d?sslmode=disable", "sslmode=disable"),
        ("postgres://u@db/d?sslmode=verify-full", "sslmode=verify-full"),
        ("postgresql+psycopg2://u@localhost.example.com/d", "sslmode=require"),
    ],
)
def test_tls_is_asked_for_unless_the_host_is_this_machine_or_the_url_decides(given: str, tls: str | None) -> None:
    url = database_url(given) or ""

    assert url.startswith("postgresql+psycopg2://")
    assert ("sslmode" in url) == (tls is not None)
    assert tls is None or tls in url


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("whatsapp:+34971000001", "whatsapp:+34971000001"), ("+34 971-000-001", "whatsapp:+34971000001"),
        ("34971000001", "whatsapp:+34971000001"), (" whatsapp:(34) 971000001 ", "whatsapp:+34971000001"),
    ],
)  # fmt: skip
def test_a_number_may_be_written_as_people_do(written: str, number: str) -> None:
    assert whatsapp_address(written) == number


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    shown = repr(from_environment(GIVEN | {"SECRET_KEY": "key-of-keys", "SECRET_KEY_OLD": "older-key"}))

    for secret in ("a-secret-token", "next", "sk-1", "password", "key-of-keys", "older-key", "p%40ss"):
        assert secret not in shown


def test_a_machine_without_a_key_makes_one_and_keeps_it(tmp_path: Path) -> None:
    data = {"HOTELCHAT_DATA_DIR": str(tmp_path / "data")}
    [first] = from_environment(data).secret_keys()

    assert from_environment(data).secret_keys() == (first,) and len(first) > 40
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_on_render_its_proxy_is_trusted() -> None:
    assert from_environment({"RENDER": "true"}).trusted_proxies == "*"
    assert from_environment({"RENDER": "true", "TRUSTED_PROXIES": "10.0.0.1"}).trusted_proxies == "10.0.0.1"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.Settings().port = 1
