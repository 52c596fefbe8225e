"""``demo``, ``migrate`` and ``embedded``: from nothing to the first runs."""

import json
import shlex
import sys

import psycopg
import pytest
from kit.postgres import open_folder

from runlog.cli import demo
from runlog.migrate import LATEST


@pytest.fixture
def empty(shell, empty_database):
    """Run commands against a database with nothing in it."""

    def call(*args, **env):
        return shell(*args, RUNLOG_DSN=empty_database, **env)

    return call


def test_demo_from_an_empty_database(empty, empty_database):
    """One command makes the tables, runs a real sync twice and shows what stands in the database."""
    said = empty(
        "demo", "--here", RUNLOG_ENABLED="0", RUNLOG_RUN_ID="0190c8a0-0000-7000-8000-000000000001"
    )
    assert said.code == 0, said.err
    with psycopg.connect(empty_database) as connection:
        query = "select id, script_name, status, records_fetched, batch_id from runs order by started_at"
        full, incremental = connection.execute(query).fetchall()
        packages = connection.execute("select count(*) from inventory_packages").fetchone()[0]
        entries = connection.execute("select count(*) from logs").fetchone()[0]
    assert full[1:4] == ("inventory-sync", "success", packages)
    assert packages > 10
    assert entries >= 14
    assert full[4] == incremental[4]
    lines = said.out.splitlines()
    assert lines[1].split()[:3] == ["RUN", "SCRIPT", "STATE"]
    for run_id in (full[0], incremental[0]):
        assert str(run_id)[:13] in said.out
    assert "UPSERT" in said.out
    assert said.out.count(" -m runlog ") == 2
    assert "[UPSERT] Stored all changes" in said.err
    assert "the table inventory_packages, to " in said.err
    assert json.loads(empty("runs", "--json").out)[0]["id"] == str(incremental[0])


def test_demo_tells_that_its_script_failed(empty, tmp_path):
    """When the sync fails, what it said is there, the message is clear, the code is not 0."""
    said = empty("demo", "--here", PYTHONPATH=str(_broken(tmp_path)))
    assert (said.code, said.out) == (1, "")
    assert "the full sync failed with exit code 1" in said.err
    assert "RuntimeError: broken on purpose" in said.err


def _broken(folder):
    """A folder whose sitecustomize breaks the example, and nothing else."""
    from kit.scripts import CHECKOUT

    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if sys.argv and sys.argv[0].endswith('inventory_sync.py') or 'inventory_sync.py' in "
        "' '.join(sys.orig_argv):\n"
        "    import socket\n"
        "    def broken(): raise RuntimeError('broken on purpose')\n"
        "    socket.gethostname = broken\n"
    )
    return f"{folder}:{CHECKOUT}"


def test_the_example_is_there():
    """The script of the demo is found, in a checkout as in an installed wheel."""
    assert demo.find_example().read_text().startswith('"""Sync what is installed')


def test_migrate_tells_what_it_did(empty):
    """The first time each thing made is told, the second time that nothing was to do."""
    first = empty("migrate")
    assert (first.code, first.err.count("\n")) == (0, 1)
    assert first.err.startswith("runlog: the database is ")
    assert "created the tables logs, runlog_migrations, runs" in first.out
    second = empty("migrate")
    assert second.out == f"nothing to do: schema 'public' is at version {LATEST}\n"


def test_migrate_as_sql(shell, empty_database):
    """``--sql`` prints statements that do the same, and touches no database."""
    said = shell("migrate", "--sql", "--secure", RUNLOG_DSN="host=127.0.0.1 port=1")
    assert (said.code, said.err) == (0, "")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(said.out)
    assert "nothing to do" in shell("migrate", RUNLOG_DSN=empty_database).out


def test_migrate_with_a_role_that_is_not_there(empty):
    """A role that does not exist is a usage error with the statement that makes it."""
    said = empty("migrate", "--reader-role", "nobody-here")
    assert said.code == 2
    assert "create role" in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no embedded server on Windows")
def test_the_embedded_server_from_start_to_stop(shell, connection, database):
    """The demo starts the embedded server, whatever is configured, and it can be looked at."""
    with open_folder() as folder:
        env = {"RUNLOG_DSN": "", "RUNLOG_EMBEDDED_DIR": str(folder / "pg")}
        before = shell("embedded", "status", **env)
        assert (before.code, "never started" in before.out) == (1, True)
        assert shell("runs", **env).code == 3
        demo_ = shell("demo", **env, DATABASE_URL=database)
        assert demo_.code == 0, demo_.err
        assert "--here would use the configured database" in demo_.err
        assert connection.execute("select count(*) from runs").fetchone() == (0,)
        typed = [line.split("  ")[1] for line in demo_.out.partition("next:\n")[2].splitlines()]
        assert [line.endswith(" --dsn embedded:") for line in typed] == [True, True, False, False]
        assert typed[3].endswith(" -m runlog embedded stop")
        first = shell(*shlex.split(typed[0])[3:], **env, DATABASE_URL=database)
        assert "completed successfully" in first.out
        assert len(json.loads(shell("runs", "--json", **env).out)) == 2
        running = shell("embedded", "status", **env)
        assert (running.code, "running, process" in running.out) == (0, True)
        assert "socket" in shell("embedded", "start", **env).out
        assert shell("embedded", "stop", **env).out == "stopped\n"
        assert shell("embedded", "stop", **env).out == "it was not running\n"
