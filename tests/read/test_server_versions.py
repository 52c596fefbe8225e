"""Every supported PostgreSQL does the same; see RUNLOG_TEST_SERVERS.

The variable holds folders with a server's programs, separated as in PATH, for example
``/usr/lib/postgresql/15/bin:/usr/lib/postgresql/17/bin``. Each is started for itself in a folder
that goes away; a server does not run as root, so root starts it as the user nobody.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from kit.role_tools import READING, WRITTEN, list_allowed, write_everything
from kit.schema_tools import (
    DOCUMENTED,
    EARLIER,
    FRESH,
    ROWS,
    dump_catalog,
    dump_catalog_of_tables,
    dump_rows,
    make_documented,
    run,
    temporary_roles,
    unique_role,
)
from psycopg.conninfo import make_conninfo

from runlog.migrate import as_sql, migrate

# Read at import: each test hides the environment of whoever runs it.
GIVEN = os.environ.get("RUNLOG_TEST_SERVERS", "")
SERVERS = [Path(name) for name in GIVEN.split(os.pathsep) if name]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SERVERS, reason="RUNLOG_TEST_SERVERS names no folder with a server"),
]


@pytest.fixture(scope="module", params=SERVERS or [None], ids=str)
def server(request):
    """Conninfo of one of the servers, started for this module."""
    folder = Path(tempfile.mkdtemp(prefix="runlog-server-", dir="/tmp"))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(folder, user.pw_uid, user.pw_gid)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def call(program: str, *arguments: str) -> None:
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run(
            [request.param / program, "-D", folder / "data", *arguments],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **(as_user if os.geteuid() == 0 else {}),
        )

    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -k {folder}"
    try:
        call("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        call("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        yield make_conninfo(host="127.0.0.1", port=port, user="postgres", dbname="postgres")
        call("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def fresh_database(server):
    """Conninfo of the server's database with nothing of an earlier test in it."""
    run(server, "drop schema if exists documented cascade")
    run(server, "drop schema public cascade", "create schema public")
    return server


def test_tables_are_the_documented_ones_everywhere(fresh_database):
    """On each version the function and the script make the documented tables, once."""
    documented = make_documented(fresh_database, "documented")
    assert migrate(fresh_database) == FRESH
    assert migrate(fresh_database) == []
    made = dump_catalog(fresh_database)
    assert dump_catalog_of_tables(fresh_database, "public") == documented
    run(fresh_database, "drop schema public cascade", "create schema public", *[as_sql()] * 2)
    assert dump_catalog(fresh_database) == made


@pytest.mark.parametrize("made_before", [DOCUMENTED, EARLIER])
def test_tables_of_others_are_adopted_everywhere(fresh_database, made_before):
    """On each version both forms of the documented tables keep their rows."""
    run(fresh_database, made_before, ROWS)
    rows = dump_rows(fresh_database)
    assert migrate(fresh_database)[0].startswith("adopted")
    assert dump_rows(fresh_database) == rows


@pytest.mark.parametrize("secure", [False, True])
def test_roles_can_do_what_they_are_for_everywhere(fresh_database, secure):
    """On each version writer and reader have their rights, with row level security and without."""
    writer, reader = unique_role("writer"), unique_role("reader")
    with temporary_roles(fresh_database, writer, reader):
        migrate(fresh_database, writer_role=writer, reader_role=reader, secure=secure)
        assert write_everything(fresh_database, writer) == WRITTEN
        assert list_allowed(fresh_database, reader) == READING
        assert "read logs" not in list_allowed(fresh_database, writer)
        run(fresh_database, "drop schema public cascade", "create schema public")


def test_supabase_strangers_are_shut_out_everywhere(fresh_database):
    """On each version anon and authenticated lose what default privileges hand them."""
    roles = ("anon", "authenticated")
    with temporary_roles(fresh_database, *roles):
        run(
            fresh_database,
            "alter default privileges in schema public grant all on tables to anon, authenticated",
            "alter default privileges in schema public grant all on sequences to anon",
            "grant usage on schema public to anon, authenticated",
        )
        migrate(fresh_database)
        assert [list_allowed(fresh_database, role) for role in roles] == [set(), set()]
        with psycopg.connect(fresh_database) as connection:
            connection.execute("drop owned by anon, authenticated")
