"""`main.py`, `main.py demo` and `main.py worker`: they supervise what serves."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import click
from sqlalchemy.exc import OperationalError

from hotelchat import bell, db, schema, settings
from hotelchat.cli.database import prepare
from hotelchat.cli.process import child
from hotelchat.db import transaction
from hotelchat.demo.content import load_people
from hotelchat.embedded import EmbeddedServers
from hotelchat.errors import HotelChatError, SettingsError
from hotelchat.queries import team
from hotelchat.services import demo as demo_service
from hotelchat.settings import Settings
from hotelchat.supervisor import Child, supervise

DEMO_DATA: Final = Path(".hotelchat-demo")
DEMO_PASSWORD: Final = "lantern-bay"  # noqa: S105 (of invented people, on this machine only)


def serve() -> int:
    """Serve the web app; where a database or a Redis is not given, bring it along, and the workers too."""
    current = settings.current()
    _port_must_be_free(current)
    if current.database_url and current.redis_url:
        _must_be_migrated(current.database_url)
        current.secret_keys()
        _say_when_ready(current, [])
        return supervise([child("web")])
    servers = EmbeddedServers(current.data_dir)
    try:
        env = _urls(current, servers)
        hint = _prepare_embedded(env["DATABASE_URL"]) if not current.database_url else []
        current.secret_keys()
        _say_when_ready(current, hint)
        return supervise([child("web", env=env), *_workers(env)], servers)
    finally:
        servers.stop()


@click.command()
def worker() -> int:
    """Run the workers alone: answers, deliveries and the scheduler."""
    current = settings.current()
    if current.database_url and current.redis_url:
        return supervise(_workers({}))
    servers = EmbeddedServers(current.data_dir)
    try:
        return supervise(_workers(_urls(current, servers)), servers)
    finally:
        servers.stop()


@click.command()
@click.option("--fresh", is_flag=True, help="Forget what happened in the demo and begin anew.")
def demo(fresh: bool) -> int:
    """Try HotelChat without any account: a sample hotel, and a phone on which you play the guest."""
    current = settings.current()
    if current.is_production:
        raise SettingsError("The demo does not run with HOTELCHAT_ENV=production. Unset it, or run `main.py`.")
    _port_must_be_free(current)
    servers = EmbeddedServers(DEMO_DATA)
    if fresh:
        _must_not_run(DEMO_DATA)
        shutil.rmtree(DEMO_DATA)
        servers = EmbeddedServers(DEMO_DATA)
    try:
        env = _demo_environment(current) | {"DATABASE_URL": servers.postgres(), "REDIS_URL": servers.redis()}
        engine = db.configure(settings.database_url(env["DATABASE_URL"]) or "", pool=2)
        schema.migrate(engine)
        with transaction() as session:
            demo_service.fill(session, DEMO_PASSWORD)
        engine.dispose()
        _say_when_ready(current, _demo_words(current))
        return supervise([child("demo-web", env=env), *_workers(env)], servers)
    finally:
        servers.stop()


def _prepare_embedded(url: str) -> list[str]:
    """The newest schema, and a word for whoever has nobody to sign in as yet."""
    engine = db.configure(settings.database_url(url) or "", pool=2)
    prepare(engine)
    with transaction() as session:
        has_users = bool(team.members(session))
    engine.dispose()
    add = "main.py user add you@example.com --name You --role admin"
    return [] if has_users else [f"  Nobody can sign in yet. In another terminal: {add}"]


def _must_not_run(folder: Path) -> None:
    """A folder in use is not emptied under its users' feet."""
    try:
        os.kill(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]), 0)
    except (OSError, ValueError, IndexError):
        return
    raise HotelChatError(f"A demo is running on {folder}: end it first, then start afresh.")


def _workers(env: Mapping[str, str]) -> list[Child]:
    return [*(child("worker", queue, env=env) for queue in bell.QUEUES), child("scheduler", env=env)]


def _urls(current: Settings, servers: EmbeddedServers) -> dict[str, str]:
    return {
        "DATABASE_URL": current.database_url or servers.postgres(),
        "REDIS_URL": current.redis_url or servers.redis(),
    }


def _demo_environment(current: Settings) -> dict[str, str]:
    """A world of its own: no account of the operator's is touched, whatever the environment says."""
    base = f"http://{_reachable(current.host)}:{current.port}"
    token = _demo_token()
    env = {
        "HOTELCHAT_DEMO": "1",
        "HOTELCHAT_DATA_DIR": str(DEMO_DATA),
        "PUBLIC_BASE_URL": base,
        "SECRET_KEY": token,
        "TWILIO_ACCOUNT_SID": "AC" + token[:32],
        "TWILIO_AUTH_TOKEN": token,
        "TWILIO_AUTH_TOKEN_SECONDARY": "",
        "TWILIO_WHATSAPP_NUMBER": f"whatsapp:{load_people().hotel.whatsapp_number}",
        "TWILIO_API_BASE_URL": f"{base}/demo/twilio",
        "ADMIN_EMAIL": "",
        "ADMIN_PASSWORD": "",
    }
    if current.openai is None:
        env |= {"OPENAI_API_KEY": "demo", "OPENAI_BASE_URL": f"{base}/demo/openai/v1", "OPENAI_MODEL": "scripted"}
    return env


def _demo_token() -> str:
    """The demo's own secret, kept with its data: 64 hexadecimal digits."""
    path = DEMO_DATA / "demo_token"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text().strip()


def _demo_words(current: Settings) -> list[str]:
    base = f"http://{_reachable(current.host)}:{current.port}"
    people = [f"    {member.email:<28} {member.role}" for member in load_people().team]
    concierge = "the model behind your OPENAI_API_KEY" if current.openai else "a scripted stand-in (no OPENAI_API_KEY)"
    return [
        f"  The guest's phone   {base}/demo/phone",
        f"  The agents' desk    {base}/",
        f"  Sign in as any of these, with the password {DEMO_PASSWORD}",
        *people,
        f"  The concierge is {concierge}. Ctrl+C ends the demo; its data is kept in {DEMO_DATA}.",
    ]


def _say_when_ready(current: Settings, more: list[str]) -> None:
    """Tell the person at the terminal, once the web app answers."""
    base = f"http://{_reachable(current.host)}:{current.port}"

    def wait() -> None:
        for _ in range(600):
            try:
                with urlopen(f"{base}/healthz", timeout=1):  # noqa: S310 (our own address)
                    click.echo("\n".join(["", f"HotelChat is ready at {base}", *more, ""]), err=True)
                    return
            except (URLError, OSError):
                time.sleep(0.1)

    threading.Thread(target=wait, daemon=True, name="ready").start()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)


def _port_must_be_free(current: Settings) -> None:
    family = socket.AF_INET6 if ":" in current.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((current.host, current.port))
        except OSError as error:
            raise HotelChatError(
                f"Port {current.port} of {current.host} cannot be used ({error.strerror}): set PORT to another one."
            ) from None


def _must_be_migrated(url: str) -> None:
    """An old schema stops the start; a database that is away does not: it may come back."""
    engine = db.configure(url, pool=2)
    try:
        at = schema.revision(engine)
    except OperationalError:
        return
    if at != schema.newest():
        raise HotelChatError(f"The database stands at {at or 'nothing'}: run `main.py migrate` first.")
    prepare(engine)
    engine.dispose()
