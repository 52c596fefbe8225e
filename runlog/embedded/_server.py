"""The embedded server as files, locks and processes: its data, its start, its signs of life.

When to start it and whether it answers is in ``embedded``, who runs it in ``_account``,
its binaries in ``_wheel``; no SQL here.
Runs on the thread that asks for a database; blocks while ``initdb`` and ``pg_ctl`` run.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from runlog.embedded._account import RUN_SECONDS, Account
from runlog.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runlog.embedded._wheel import Binaries

_LOG_BYTES = 1 << 20
_IO_METHOD_SINCE = 18
# sun_path holds 108 bytes with its NUL on Linux, 104 on macOS.
_SOCKET_PATH_BYTES = 103

# For some scripts on one machine: 20 MB of memory, 40 MB of disk while empty.
_SETTINGS: Mapping[str, str] = {
    "port": "5432",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "16MB",
    "max_connections": "50",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Starts, ends and crashes, but not every refused statement for ever.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What a living server says of itself in ``postmaster.pid``."""

    pid: int
    port: int
    socket: str
    is_ready: bool

    def conninfo(self, database: str) -> str:
        """How its superuser connects."""
        host = self.socket.replace("\\", "\\\\").replace("'", "\\'")
        return f"host='{host}' port={self.port} user=postgres dbname={database}"


def create_data(home: Path, binaries: Binaries, account: Account) -> None:
    """Run ``initdb``; a death halfway leaves no ``data`` folder behind."""
    for old in home.glob("data-*"):
        shutil.rmtree(old, ignore_errors=True)
    # A new name each time: an initdb whose starter was killed may still be writing into its own.
    unfinished = Path(tempfile.mkdtemp(prefix="data-", dir=home))
    account.own(unfinished, 0o700)
    command: list[str | Path] = [binaries.folder / "initdb", "-D", unfinished, "-U", "postgres"]
    # Trust within the closed folder of the socket; whoever turns TCP on needs a password.
    command += ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8"]
    # Unlike plain C it knows upper and lower case beyond ASCII; no OS upgrade changes it.
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    account.run([*command, "--no-instructions"], folder=home)
    unfinished.rename(home / "data")


def start(
    home: Path, binaries: Binaries, account: Account, options: Mapping[str, str], lock: int
) -> None:
    """Start the server and wait until it says that it is ready.

    Args:
        home: the folder of the server, with its ``data``.
        binaries: the installation to start.
        account: who runs it.
        options: server settings that replace ours.
        lock: descriptor of the lock that the server keeps while it lives.
    """
    log = home / "server.log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(home / "server.log.old")
    log.touch()
    account.own(log, 0o600)
    _disown(home / "data" / "postmaster.pid", account)
    socket = str(_create_socket_folder(home, account)).replace('"', '""')
    settings = {**_SETTINGS, "unix_socket_directories": f'"{socket}"'}
    if int(binaries.major) >= _IO_METHOD_SINCE:
        settings["io_method"] = "sync"  # instead of three more processes
    settings.update(options)
    arguments = " ".join(f"-c {shlex.quote(f'{key}={value}')}" for key, value in settings.items())
    command: list[str | Path] = [binaries.folder / "pg_ctl", "start", "-s", "-w"]
    # Names within ``folder``: pg_ctl hands them to a shell, and does not escape quotes in them.
    command += ["-t", str(RUN_SECONDS - 10), "-D", "data", "-l", log.name, "-o", arguments]
    account.run(command, folder=home, inherited=(lock,))


def end(postmaster: Postmaster, home: Path, account: Account) -> None:
    """Ask it for a fast shutdown: clients are cut off, data are flushed.

    The signal is sent by the server's own account: root would obey any pid in a file of another.
    """
    account.run(["/bin/sh", "-c", f"kill -s INT {postmaster.pid}"], folder=home)


def _disown(pid_file: Path, account: Account) -> None:
    """Put our own pid into the pid file of a dead server.

    The pid there may be another program's by now, or a zombie's, and PostgreSQL would refuse to
    start. It passes over the pid of its grandparent, which is us, and still looks whether the
    shared memory that the file names is in use; to delete the file would take that away.
    https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/utils/init/miscinit.c
    """
    try:
        descriptor = os.open(pid_file, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "r+b") as file:
        if os.fstat(descriptor).st_uid != account.uid:
            raise EmbeddedError(f"{str(pid_file)!r} is another user's; look who put it there")
        _, newline, rest = file.read().partition(b"\n")
        file.seek(0)
        file.write(b"%d%b%b" % (os.getpid(), newline, rest))
        file.truncate()


def remove_socket_folder(home: Path, account: Account) -> None:
    """Leave nothing in /tmp behind a server that has ended."""
    with suppress(OSError):
        _locate_socket_folder(home, account).rmdir()


def _locate_socket_folder(home: Path, account: Account) -> Path:
    folder = home / "socket"
    is_too_long = len(os.fsencode(folder / ".s.PGSQL.65535")) > _SOCKET_PATH_BYTES
    if is_too_long or "," in str(folder):  # to libpq a comma separates hosts
        name = f"runlog-{account.uid}-{sha256(os.fsencode(home)).hexdigest()[:8]}"
        folder = Path("/tmp", name)  # noqa: S108  not $TMPDIR, which may be long too
    return folder


def _create_socket_folder(home: Path, account: Account) -> Path:
    folder = _locate_socket_folder(home, account)
    try:
        folder.mkdir(mode=0o700)
        account.own(folder, 0o700)
    except FileExistsError:
        found = folder.lstat()
        if (found.st_uid, found.st_mode) != (account.uid, stat.S_IFDIR | 0o700):
            raise EmbeddedError(
                f"{str(folder)!r} is no private folder of user id {account.uid}; remove it"
            ) from None
        # What a killed server left has a pid in it too, and no second check behind that.
        for path in folder.iterdir():
            path.unlink()
    return folder


def find_postmaster(home: Path) -> Postmaster | None:
    """The living postmaster of this folder, ready or on its way.

    Alive means that its process exists and that ``server.lock`` is held: a pid may be reused, a
    zombie's, or of another container; the lock, which the server inherits, cannot.
    """
    try:
        text = (home / "data" / "postmaster.pid").read_text("utf-8", "surrogateescape")
        lines = text.splitlines()
        found = Postmaster(
            int(lines[0]),
            int(lines[3]),
            lines[4],
            [line.strip() for line in lines[7:8]] == ["ready"],
        )
    except (FileNotFoundError, IndexError, ValueError):
        return None  # never started, ended, or only just starting
    return found if _is_process(found.pid) and _is_held(home / "server.lock") else None


def has_programs(home: Path) -> bool:
    """Whether the programs that the server was last started from are still where they were.

    A living server answers without them, and fails at whatever it has to load: a wheel was removed,
    a virtual environment deleted. ``postmaster.opts`` names the first of them.
    """
    try:
        text = (home / "data" / "postmaster.opts").read_text("utf-8", "surrogateescape")
        Path(text.partition(' "')[0].strip()).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False  # none, or another user's: not this server
    return True


def _is_held(path: Path) -> bool:
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who look do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def try_lock(path: Path, account: Account) -> Iterator[int | None]:
    """Hold a file's lock, against processes and against threads; None when another holds it."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        account.own(path, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)
