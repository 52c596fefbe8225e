"""``runlog doctor`` on a partitioned ``logs``: months that end soon, and months that are missing."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from kit.rows import add_entry, add_run

from runlog import migrate


@pytest.fixture
def connection(empty_database, monkeypatch):
    """A connection to a database with one table, which the commands use too."""
    migrate.migrate(empty_database, layout="partitioned")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def months(runlog, empty_database, monkeypatch):
    """Examine; returns what is found of the months."""
    monkeypatch.setenv("RUNLOG_DSN", empty_database)

    def call():
        said = runlog("doctor", "--json")
        assert said.out, said.err
        found = json.loads(said.out)
        return next(it for it in found if it["check"] == "months")

    return call


def this_month():
    return datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def id_at(moment):
    random = UUID("00000000-0000-7000-8000-0123456789ab").int
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | random)


def drop_months(connection):
    """Drop every partition but the default one."""
    listed = "select part::text from runlog_partitions() where not is_default"
    for (part,) in connection.execute(listed).fetchall():
        connection.execute(f"drop table {part}")


def test_months_ahead(months, connection):
    """With the next three months all is well."""
    assert months()["state"] == "ok"


def test_months_that_end_soon(months, connection, empty_database):
    """It is told when they end, and the remedy is one."""
    now = datetime.now(UTC)
    drop_months(connection)
    connection.execute("call runlog_add_partition(%s, %s)", [this_month(), now + timedelta(days=9)])
    found = months()
    assert found["state"] == "warning"
    assert f"ends with {now + timedelta(days=8):%Y-%m-%d}" in found["found"]
    assert 'run "runlog migrate"' in found["remedy"]
    migrate.migrate(empty_database)
    assert months()["state"] == "ok"


def test_a_month_that_is_missing(months, connection):
    """What has fallen between two months is told, with the call that mends it."""
    first = this_month() - timedelta(days=70)
    first, after = first.replace(day=1), (first.replace(day=1) + timedelta(days=31)).replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    drop_months(connection)
    connection.execute("call runlog_add_partition(%s, %s)", [before, first])
    connection.execute("call runlog_make_partitions()")
    run = add_run(connection)
    add_entry(connection, run)
    kept = id_at(before - timedelta(days=40))
    add_entry(connection, run, id=kept, timestamp=before - timedelta(days=40))
    assert months()["state"] == "ok"
    moment = first + timedelta(days=3)
    add_entry(connection, run, id=id_at(moment), timestamp=moment)
    found = months()
    assert found["state"] == "warning"
    assert f"entries of {first:%Y-%m} lie in the default partition" in found["found"]
    call = found["remedy"].partition(": ")[2]
    assert f"'{after:%Y-%m-%d}+00'" in call
    connection.execute(call)
    assert months()["state"] == "ok"
    assert connection.execute("select count(*) from logs").fetchone() == (3,)
