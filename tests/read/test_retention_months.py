"""Retention over partitions: whole months go at once, and exactly what stays on one table stays."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from kit.postgres import new_database
from kit.recording import messages
from kit.rows import add_entry, add_run
from kit.waiting import eventually

from runlog import migrate
from runlog.retention import prune

OLD = "select part::text from runlog_partitions() where not is_default order by to_id"
STAYS = """
select r.script_name, r.started_at, array_agg(l.message order by l.message)
from runs r left join logs l on l.run_id = r.id
group by r.id order by 1, 2
"""
WAITS = "select 1 from pg_locks where pid = %s and not granted"
_numbers = itertools.count()


def month(ago):
    """The middle of the month that was so many months ago."""
    today = datetime.now(UTC).replace(day=15, hour=12, minute=0, second=0, microsecond=0)
    months = today.year * 12 + today.month - 1 - ago
    return today.replace(year=months // 12, month=months % 12 + 1)


def id_at(moment):
    """A UUIDv7 of that moment, as the client makes them."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0x8 << 60 | next(_numbers))


def fill(connection):
    """Six scripts with a run a month; one run is still running after six months, one reaches over two."""
    for script, back in itertools.product(range(6), range(6, 0, -1)):
        status = "error" if (script + back) % 3 == 0 else "success"
        add_run_at(connection, f"script-{script}", month(back), status=status)
    add_run_at(connection, "long", month(6), status="running")
    slow = add_run_at(connection, "slow", month(6))
    moment = month(2)
    add_entry(connection, slow, "much later", id=id_at(moment), timestamp=moment)
    add_run_at(connection, "slow", month(1))


def add_run_at(connection, script, at, **columns):
    run_id = add_run(connection, script, started_at=at, **columns)
    for number in range(5):
        moment = at + timedelta(seconds=number)
        add_entry(connection, run_id, f"entry {number}", id=id_at(moment), timestamp=moment)
    return run_id


@pytest.fixture
def partitioned(empty_database):
    """A connection to a database whose months go back for half a year."""
    migrate.migrate(empty_database, layout="partitioned")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("alter table logs detach partition runlog_parts.logs_before")
        connection.execute("drop table runlog_parts.logs_before")
        for back in range(7, -1, -1):
            first = month(back).replace(day=1, hour=0)
            after = month(back - 1).replace(day=1, hour=0)
            connection.execute("call runlog_add_partition(%s, %s)", [first, after])
        yield connection


@pytest.fixture
def plain(postgres):
    """A connection to a database with one table."""
    with new_database(postgres) as dsn:
        migrate.migrate(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            yield connection


@pytest.mark.parametrize("days", [1, 45, 100, 400])
def test_what_stays_is_the_same_in_both_layouts(plain, partitioned, days):
    """Runs, their entries, and the numbers told: as from one table, whatever lies in which month."""
    told = []
    for connection in (plain, partitioned):
        fill(connection)
        told.append(prune(connection, older_than=timedelta(days=days)))
    stays = [connection.execute(STAYS).fetchall() for connection in (plain, partitioned)]
    assert stays[0] == stays[1]
    assert told[0] == told[1]
    parts = [name for (name,) in partitioned.execute(OLD).fetchall()]
    oldest = (datetime.now(UTC) - timedelta(days=days)).strftime("runlog_parts.logs_%Y%m")
    assert parts[0] == oldest or days == 400


def test_a_column_that_is_computed_is_computed_again(plain, partitioned):
    """What moves between partitions leaves it out: PostgreSQL takes no value for it."""
    words = "tsvector generated always as (to_tsvector('english', message)) stored"
    for connection in (plain, partitioned):
        connection.execute(f"alter table logs add column words {words}")
        fill(connection)
        prune(connection, older_than=timedelta(days=45), statuses=["error"])
    stays = [connection.execute(STAYS).fetchall() for connection in (plain, partitioned)]
    assert stays[0] == stays[1]
    partitioned.execute("call runlog_make_partitions(6)")
    assert partitioned.execute("select count(*) from logs where words is null").fetchone() == (0,)


def test_only_runs_that_failed_go_and_nothing_else_of_their_month(plain, partitioned):
    """What is narrower than a month of everything is exact too."""
    for connection in (plain, partitioned):
        fill(connection)
        prune(connection, older_than=timedelta(days=1), statuses=["error"], keep_last=2)
    stays = [connection.execute(STAYS).fetchall() for connection in (plain, partitioned)]
    assert stays[0] == stays[1]


def test_a_reference_to_runs_keeps_every_month(partitioned):
    """Where something could refuse that a run goes, nothing of it is dropped beforehand."""
    fill(partitioned)
    partitioned.execute("create table invoices (run_id uuid references runs (id))")
    partitioned.execute("insert into invoices select id from runs where script_name = 'script-1'")
    before = partitioned.execute(STAYS).fetchall()
    prune(partitioned, older_than=timedelta(days=1))
    after = partitioned.execute(STAYS).fetchall()
    held = [row for row in before if row[0] == "script-1"]
    assert [row for row in after if row[0] == "script-1"] == held
    assert len(partitioned.execute(OLD).fetchall()) > 8


def test_writers_go_on_while_a_month_is_dropped(partitioned, recording):
    """What is logged meanwhile is there, once, in order; the old month is gone."""
    fill(partitioned)
    made = recording(partitioned.info.dsn + f" password={partitioned.info.password}")
    stop = threading.Event()
    count = itertools.count()

    def log():
        while not stop.wait(0.001):
            made.log(f"now {next(count):06d}")

    thread = threading.Thread(target=log)
    thread.start()
    try:
        eventually(lambda: len(messages(partitioned, made.run.id_text)) > 50)
        done = prune(partitioned, older_than=timedelta(days=100))
        known = len(messages(partitioned, made.run.id_text))
        eventually(lambda: len(messages(partitioned, made.run.id_text)) > known)
    finally:
        stop.set()
        thread.join()
    assert made.recorder.flush(30)
    assert done.entries > 0
    stored = messages(partitioned, made.run.id_text)
    assert stored == [f"now {number:06d}" for number in range(next(count))]


def test_who_is_in_the_way_of_a_month_and_it_in_theirs_goes_first(partitioned):
    """A writer holds one of the tables and waits for the other: retention steps back, and tries again."""
    fill(partitioned)
    dsn = partitioned.info.dsn + f" password={partitioned.info.password}"
    before = len(partitioned.execute(OLD).fetchall())
    with (
        psycopg.connect(dsn) as writer,
        psycopg.connect(dsn, autocommit=True) as pruner,
        psycopg.connect(dsn, autocommit=True) as looker,
        ThreadPoolExecutor(1) as pool,
    ):
        run_id = add_run(writer, "now")
        pruning = pool.submit(prune, pruner, older_than=timedelta(days=100))
        eventually(lambda: looker.execute(WAITS, [pruner.info.backend_pid]).fetchone())
        add_entry(writer, run_id, "now")
        writer.commit()
        assert pruning.result(30).runs > 0
    assert len(partitioned.execute(OLD).fetchall()) < before
    assert partitioned.execute("select from logs where run_id = %s", [run_id]).rowcount == 1


def test_a_month_that_somebody_holds_is_left_to_the_next_time(partitioned, monkeypatch):
    """A reader in a long transaction stops nothing: rows go one by one, and the month later."""
    monkeypatch.setattr("runlog.retention._partitions._ATTEMPTS", 1)
    fill(partitioned)
    dsn = partitioned.info.dsn + f" password={partitioned.info.password}"
    with psycopg.connect(dsn) as reader:
        reader.execute("select count(*) from logs")
        done = prune(partitioned, older_than=timedelta(days=100))
        assert done.runs > 0
        before = partitioned.execute(OLD).fetchall()
        reader.rollback()
    prune(partitioned, older_than=timedelta(days=100))
    assert len(partitioned.execute(OLD).fetchall()) < len(before)
