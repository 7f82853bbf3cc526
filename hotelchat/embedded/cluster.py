"""A PostgreSQL data folder and the programs that work on it, as a user that PostgreSQL accepts."""

import locale
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hotelchat.embedded.binaries import PostgresPrograms
from hotelchat.embedded.process import Account, spawn
from hotelchat.errors import HotelChatError

USER = DATABASE = "hotelchat"
_UTF8_LOCALES = ("C.UTF-8", "en_US.UTF-8", "UTF-8")  # Linux; macOS of some age
_SHARED_PROGRAMS = Path("/var/lib/hotelchat")
_ANYWHERE = Path("/")


class Cluster:
    """The folder `postgres` of a data folder, with its programs."""

    def __init__(self, folder: Path, programs: PostgresPrograms) -> None:
        self.folder = folder
        self.account = account_for(folder)
        self.bin = programs.bin if self.account is None else reachable_programs(programs, folder.parent)

    def exists(self) -> bool:
        """It comes into being whole, by a rename."""
        return (self.folder / "PG_VERSION").exists()

    def create(self, password: str) -> None:
        """Make the cluster with its user and its database; about 0.8 s.

        Raises: HotelChatError: with what initdb said, or if something else stands in its place.
        """
        if self.folder.exists() and any(self.folder.iterdir()):
            raise HotelChatError(
                f"{self.folder} holds files but no PostgreSQL data (PG_VERSION is missing): "
                "put the missing files back, or start fresh by moving that folder away."
            )
        prefix = f"{self.folder.name}.new-"
        for remains in self.folder.parent.glob(f"{prefix}*"):
            shutil.rmtree(remains, ignore_errors=True)  # a killed start's initdb may still be writing there
        draft = Path(tempfile.mkdtemp(prefix=prefix, dir=self.folder.parent))
        self._give_to_account(draft)
        options = [f"--username={USER}", "--auth=scram-sha-256", "--pwfile=/dev/stdin", "--encoding=UTF8"]
        self._run("initdb", [*options, *_locale_options()], draft, f"{password}\n")
        self._single_user(draft, f"CREATE DATABASE {DATABASE}")
        draft.rename(self.folder)

    def set_password(self, password: str) -> None:
        """Give the user a new password, while the server is down."""
        self._single_user(self.folder, f"ALTER ROLE {USER} PASSWORD '{password}'")

    def serve(
        self, settings: Mapping[str, str], *, death_signal: signal.Signals, output: int
    ) -> subprocess.Popen[bytes]:
        """Start the server; it is not ready yet."""
        self._give_to_account(self.folder)
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._spawn("postgres", options, self.folder, death_signal=death_signal, output=output)

    def _give_to_account(self, folder: Path) -> None:
        """Let the account own a folder that root has made, or has copied from elsewhere."""
        if self.account is None or folder.stat().st_uid == self.account.uid:
            return
        for place, folders, names in os.walk(folder):
            for name in (*folders, *names):
                os.lchown(os.path.join(place, name), self.account.uid, self.account.gid)
        os.chown(folder, self.account.uid, self.account.gid)  # last: until then the next start does it again

    def _single_user(self, folder: Path, statement: str) -> None:
        options = ["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "postgres"]
        self._run("postgres", options, folder, f"{statement}\n")

    def _run(self, program: str, options: Sequence[str], folder: Path, words: str) -> None:
        """Run a program to its end, with these words on its standard input."""
        with _pipe_with(words, self.account) as stdin:
            first = ["--single"] if program == "postgres" else []
            process = self._spawn(program, options, folder, first=first, stdin=stdin, output=subprocess.PIPE)
            said, _ = process.communicate()
        if process.returncode:
            lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
            raise HotelChatError(
                f"PostgreSQL could not prepare {folder} ({lines[-1] if lines else 'it said nothing'}): "
                "check the free space and the rights there, then start again."
            )

    def _spawn(
        self,
        program: str,
        options: Sequence[str],
        folder: Path,
        *,
        first: Sequence[str] = (),
        stdin: int = subprocess.DEVNULL,
        output: int,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> subprocess.Popen[bytes]:
        executable = self.bin / program
        with _name_for(folder, self.account) as (name, descriptors):
            return spawn(
                [str(executable), *first, "-D", name, *options],
                executable=executable,
                death_signal=death_signal,
                cwd=_ANYWHERE,
                stdin=stdin,
                output=output,
                account=self.account,
                pass_fds=descriptors,
            )


def account_for(folder: Path) -> Account | None:
    """Whom PostgreSQL runs as: None is ourselves; for root, the folder's owner or `nobody`."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def closed_folder(path: Path) -> Path | None:
    """The first folder on the way to this path that others may not pass through."""
    way = (path, *path.parents)
    return next((folder for folder in way if not folder.stat().st_mode & stat.S_IXOTH), None)


def reachable_programs(programs: PostgresPrograms, data_dir: Path) -> Path:
    """A folder of these programs that the other account can read: a copy (41 MB) if they are in /root.

    Raises: HotelChatError: if there is no place for the copy.
    """
    if closed_folder(programs.bin) is None:
        return programs.bin
    base = data_dir if closed_folder(data_dir) is None else _SHARED_PROGRAMS
    copy = base / f"postgres-programs-{programs.version}"
    try:
        if not copy.exists():
            base.mkdir(mode=0o755, parents=True, exist_ok=True)
            draft = base / f"{copy.name}.{os.getpid()}"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(programs.bin.parent, draft, symlinks=True)
            draft.chmod(0o755)
            draft.rename(copy)
    except OSError as error:
        raise HotelChatError(
            f"PostgreSQL may not run as root, but only root may read {programs.bin} ({error}): "
            "install HotelChat outside that folder, or run it as an ordinary user."
        ) from error
    return copy / "bin"


@contextmanager
def _name_for(folder: Path, account: Account | None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A name by which the account reaches the folder, with the descriptors it needs for that.

    Where a folder on the way is closed to it (/root, say), Linux lets it in by an open descriptor.
    Raises: HotelChatError: on a system without that.
    """
    closed = closed_folder(folder.parent) if account else None
    if closed is None:
        yield str(folder), ()
        return
    if sys.platform != "linux":
        raise HotelChatError(
            f"PostgreSQL may not run as root, and other users may not pass {closed}: set HOTELCHAT_DATA_DIR "
            "to a folder such as /var/lib/hotelchat, or run HotelChat as an ordinary user."
        )
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


@contextmanager
def _pipe_with(words: str, account: Account | None) -> Iterator[int]:
    """A standard input that holds these words: they appear in no file and in no argument list."""
    reader, writer = os.pipe()
    try:
        if account and sys.platform == "linux":  # which opens /dev/stdin anew, and so checks its owner
            os.fchown(reader, account.uid, account.gid)
        os.write(writer, words.encode())
        os.close(writer)
        yield reader
    finally:
        os.close(reader)


def _locale_options() -> list[str]:
    """Byte order for sorting, which no system update changes; UTF-8 for letters, which pg_trgm needs."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in _UTF8_LOCALES:
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return ["--locale=C", f"--lc-ctype={name}"]
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return ["--locale=C"]
