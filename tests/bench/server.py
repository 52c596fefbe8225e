"""The PostgreSQL of a benchmark: chosen as the tests choose theirs, but it may lose nothing.

Settings that trade safety for speed are left alone, so that a commit costs what it costs.
Importing this needs ``tests/`` on the path.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from kit import postgres
from psycopg.conninfo import make_conninfo

from runlog import embedded, migrate
from runlog.embedded import _wheel
from runlog.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

COLUMNS = "(id, run_id, timestamp, level, step, message, meta)"
_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


@dataclass(frozen=True, slots=True)
class Server:
    """A migrated database of our own, and how to reach it."""

    dsn: str
    provider: str
    psql: Path | None

    def describe(self) -> str:
        """Return version, origin and the settings that matter."""
        with psycopg.connect(self.dsn) as connection:
            said = [connection.execute(f"show {name}").fetchone() for name in _SETTINGS]
            version = connection.execute("show server_version").fetchone()
        settings = ", ".join(
            f"{name}={value[0]}" for name, value in zip(_SETTINGS, said, strict=True) if value
        )
        return f"{version[0] if version else '?'} ({self.provider}; {settings})"

    def describe_loader(self) -> str:
        """Return what ``copy`` runs."""
        if self.psql is None:
            return "psycopg's COPY, because no psql was found"
        command = [str(self.psql), "--version"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def clear(self, run_id: str | None = None) -> None:
        """Empty both tables and write all that is dirty to disk, so that each turn starts equal.

        Args:
            run_id: a run that exists afterwards, for who loads entries and makes no run.
        """
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            connection.execute("truncate logs, runs")
            if run_id is not None:
                run = "insert into runs (id, script_name, status) values (%s, 'bench', 'running')"
                connection.execute(run, [run_id])
            connection.execute("checkpoint")

    def ask(self, question: str) -> tuple[object, ...]:
        """Return the first row of the answer."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return row

    def expect_entries(self, wanted: int) -> None:
        """Fail unless there are exactly that many: a figure for a part of the work is none."""
        (found,) = self.ask("select count(*) from logs")
        if found != wanted:
            raise RuntimeError(f"{found} entries in the database, {wanted} were logged")

    def copy(self, words: str) -> None:
        """Run psql's copy command with these words; psycopg's COPY where there is no psql."""
        if self.psql is None:
            self._copy_without_psql(words)
            return
        command = [
            str(self.psql),
            "-Xq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            f"\\copy {words}",
            self.dsn,
        ]
        subprocess.run(command, check=True, capture_output=True)

    def _copy_without_psql(self, words: str) -> None:
        target, _, quoted = words.rpartition(" ")
        path = Path(quoted.strip("'"))
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            if target.endswith("from"):
                with connection.cursor().copy(f"copy {target} stdin".encode()) as copy:
                    copy.write(path.read_bytes())
            else:
                with connection.cursor().copy(f"copy {target} stdout".encode()) as copy:
                    path.write_bytes(b"".join(copy))


@contextlib.contextmanager
def open_server() -> Iterator[Server]:
    """Yield a migrated database of its own; it goes away afterwards."""
    # The tests' servers forget fsync, which would flatter whoever commits each line by itself.
    postgres._FAST.clear()
    provider = postgres._choose_provider()
    start: dict[str, Callable[[], AbstractContextManager[str | None]]] = {
        "RUNLOG_TEST_DSN": lambda: contextlib.nullcontext(postgres.GIVEN),
        "testcontainers": postgres._container,
        "embedded": _embedded,
    }
    with start[provider]() as address:
        dsn = make_conninfo(str(address))
        with psycopg.connect(dsn) as connection:
            found = postgres.Postgres(dsn, provider, connection.info.server_version)
        with postgres.new_database(found) as own:
            migrate.migrate(own)
            yield Server(own, provider, _find_psql())


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    with postgres.open_folder() as folder:
        yield embedded.ensure_running(folder / "pg")


def _find_psql() -> Path | None:
    with contextlib.suppress(MissingExtraError):
        for binaries in _wheel.list_binaries():
            if (binaries.folder / "psql").exists():
                return binaries.folder / "psql"
    found = shutil.which("psql")
    return Path(found) if found else None


def absent() -> str:
    """Return the address of a database that is not there: connections are refused."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"host=127.0.0.1 port={port} dbname=absent user=nobody"
