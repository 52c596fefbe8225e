"""Where the tests' PostgreSQL comes from, and the databases they get.

``RUNLOG_TEST_DSN`` (a superuser's address) when it is set, else a container when a Docker engine
answers, else the embedded server in a folder of its own that goes away with the session.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from kit import cluster
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runlog import embedded
from runlog.embedded import _wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

# Read at import: each test hides the environment of whoever runs it.
GIVEN = cluster.GIVEN or os.environ.get("RUNLOG_TEST_DSN")
LAYOUT = os.environ.get("RUNLOG_TEST_LAYOUT")
"""Of the tables that tests find: "partitioned", or plain by default."""
IMAGE = os.environ.get("RUNLOG_TEST_IMAGE", "postgres:17-alpine")
_FOLDER_PREFIX = "runlog-test-"
# A crash of the host may lose the tests' data.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that the tests may do anything with.

    Attributes:
        dsn: how a superuser reaches its maintenance database, by TCP.
        provider: where it came from: ``RUNLOG_TEST_DSN``, ``testcontainers`` or ``embedded``.
        version: as ``server_version_num``: 180004 is 18.4.
    """

    dsn: str
    provider: str
    version: int


def pytest_report_header() -> str:
    """Name the server; starts none, so that unit tests alone stay fast."""
    provider = _choose_provider()
    if provider == "embedded":
        return f"postgres: embedded {_wheel.list_binaries()[0].version}"
    if provider == "testcontainers":
        return f"postgres: testcontainers {IMAGE}"
    with psycopg.connect(GIVEN, connect_timeout=10) as connection:
        version = connection.execute("show server_version").fetchone()
    of_cluster = f", Citus with {len(cluster.nodes())} nodes" if cluster.GIVEN else ""
    return f"postgres: RUNLOG_TEST_DSN {version[0]}{of_cluster}"


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    """Say it where pytest is too quiet for a header."""
    return pytest_report_header() if config.get_verbosity() < 0 else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's server."""
    provider = _choose_provider()
    start = {
        "RUNLOG_TEST_DSN": lambda: contextlib.nullcontext(GIVEN),
        "testcontainers": _container,
        "embedded": _embedded,
    }[provider]
    with start() as address:
        dsn = make_conninfo(**conninfo_to_dict(address))
        with psycopg.connect(dsn) as connection:
            version = connection.info.server_version
        yield Postgres(dsn, provider, version)


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[str]:
    """Conninfo of a database with nothing in it."""
    with new_database(postgres) as dsn:
        yield dsn


@contextlib.contextmanager
def new_database(postgres: Postgres, template: str = "template0") -> Iterator[str]:
    """Make a database for the block; its conninfo."""
    name = f"runlog_test_{secrets.token_hex(4)}"
    create = sql.SQL("create database {} template {}")
    drop = sql.SQL("drop database {} with (force)")
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield make_conninfo(postgres.dsn, dbname=name)
    finally:
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            admin.execute(drop.format(sql.Identifier(name)))


def name_of(dsn: str) -> str:
    """Return the name of the database of that address."""
    return str(conninfo_to_dict(dsn)["dbname"])


@cache
def _choose_provider() -> str:
    if GIVEN:
        return "RUNLOG_TEST_DSN"
    return "testcontainers" if _docker_answers() else "embedded"


def _docker_answers() -> bool:
    """Ask the engine itself; the docker package leaks its socket when there is none."""
    scheme, _, place = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    family, address = (socket.AF_UNIX, place) if scheme == "unix" else (socket.AF_INET, _tcp(place))
    with socket.socket(family) as engine:
        engine.settimeout(2)
        try:
            engine.connect(address)
            engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in engine.recv(64)
        except OSError:
            return False


def _tcp(place: str) -> tuple[str, int]:
    host, _, port = place.partition(":")
    return host, int(port or 2375)


@contextlib.contextmanager
def _container() -> Iterator[str]:
    import docker

    try:
        from testcontainers.community.postgres import PostgresContainer
    except ImportError:
        from testcontainers.postgres import PostgresContainer
    container = PostgresContainer(IMAGE, driver=None)
    container.with_command(" ".join(f"-c {name}={value}" for name, value in _FAST.items()))
    try:
        container.start()
        yield container.get_connection_url()
    except docker.errors.APIError as error:
        error.add_note(f"{IMAGE!r} does not start; name another RUNLOG_TEST_IMAGE or _DSN")
        raise
    finally:
        container.stop()


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A short folder for embedded servers, which other users may pass through.

    For root the server is another user's, to whom pytest's own folders are closed.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-", dir="/tmp"))
    folder.chmod(0o755)
    remove = partial(_remove, folder)
    atexit.register(remove)  # pytest may be ended without finishing its fixtures
    try:
        yield folder
    finally:
        atexit.unregister(remove)
        remove()


def _remove(folder: Path) -> None:
    for place in folder.glob("*/start.lock"):
        embedded.stop(place.parent)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers() -> None:
    """End the servers of test runs that were killed."""
    for folder in Path("/tmp").glob(f"{_FOLDER_PREFIX}*-*"):
        try:
            os.kill(int(folder.name.split("-")[2]), 0)
        except ProcessLookupError:
            if folder.stat().st_uid == os.geteuid():
                _remove(folder)
        except PermissionError:
            pass


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    _remove_leftovers()
    with open_folder() as folder:
        yield _start_with_password(folder / "pg")


def _start_with_password(home: Path) -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    options = {**_FAST, "listen_addresses": "127.0.0.1", "port": port, "max_connections": "100"}
    local = embedded.ensure_running(home, options=options)
    password = secrets.token_hex(16)
    with psycopg.connect(local, autocommit=True) as connection:
        role = sql.SQL("alter role postgres password {}").format(sql.Literal(password))
        connection.execute(role)
    return make_conninfo(local, host="127.0.0.1", password=password, dbname="postgres")
