"""PgBouncer in transaction mode in front of the tests' server, where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest
from kit.postgres import open_folder
from kit.waiting import eventually
from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
logfile = {log}
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def _pooler_port(postgres) -> Iterator[int]:
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    with open_folder() as folder:
        port = _free_port()
        process = subprocess.Popen(
            _command(program, _write_config(folder, postgres.dsn, port)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield port
        finally:
            process.terminate()
            process.wait(10)


def _write_config(folder: Path, dsn: str, port: int) -> Path:
    server = {"port": "5432", "password": "", **conninfo_to_dict(dsn)}
    path, log = folder / "pgbouncer.ini", folder / "pgbouncer.log"
    path.write_text(CONFIG.format(listen_port=port, log=log, **server))
    log.touch()
    log.chmod(0o666)
    return path


def _command(program: str, config: Path) -> list[str]:
    # It refuses to run as root.
    return [program, *(["-u", "nobody"] if os.geteuid() == 0 else []), str(config)]


@pytest.fixture
def pooler(_pooler_port: int, database: str) -> str:
    """Conninfo of ``database`` through a pooler in transaction mode."""
    dsn = make_conninfo(database, host="127.0.0.1", port=str(_pooler_port), sslmode="disable")

    def answers() -> None:
        try:
            psycopg.connect(dsn, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            raise AssertionError(str(error)) from error

    eventually(answers)
    return dsn
