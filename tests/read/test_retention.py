"""What is old goes, what tells how a script stands stays, in batches that may be interrupted."""

import random
from datetime import timedelta

import psycopg
import pytest
from kit.rows import add_entry, add_run, ago
from kit.schema_tools import EARLIER, run
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from runlog import migrate, queries
from runlog.errors import DatabaseUnavailableError, RunlogError, SchemaError
from runlog.queries import QueryError
from runlog.retention import Pruned, prune

MONTH = timedelta(days=30)


def ids(connection):
    return {row[0] for row in connection.execute("select id from runs")}


def entries_of(connection):
    query = "select run_id, count(*) from logs group by run_id"
    return dict(connection.execute(query).fetchall())


def add_history(connection, seed=0, count=60):
    """Runs of three scripts over 90 days, in every state, with up to three entries each."""
    chance = random.Random(seed)
    for _ in range(count):
        status = chance.choice(["success", "success", "error", "running"])
        run_id = add_run(
            connection,
            chance.choice(["a", "b", "c"]),
            status=status,
            sync_mode=chance.choice([None, "full", "incremental"]),
            started_at=ago(hours=chance.randrange(90 * 24)),
        )
        for _ in range(chance.randrange(4)):
            add_entry(connection, run_id)


def test_old_runs_go_with_their_entries(connection):
    """Runs older than the age go with their entries, younger ones stay with theirs."""
    old = add_run(connection, started_at=ago(days=31))
    young = add_run(connection, started_at=ago(days=29))
    for run_id in (old, old, young):
        add_entry(connection, run_id)
    assert prune(connection, older_than=MONTH) == Pruned(runs=1, entries=2)
    assert ids(connection) == {young}
    assert entries_of(connection) == {young: 1}


def test_what_tells_how_a_script_stands_stays(connection):
    """The newest run and, in each sync mode, the newest success stay, whatever their age."""
    kept = {
        add_run(connection, "a", started_at=ago(days=40), status="error"),
        add_run(connection, "a", started_at=ago(days=50), sync_mode="incremental"),
        add_run(connection, "a", started_at=ago(days=60), sync_mode="full"),
        add_run(connection, "b", started_at=ago(days=70)),
    }
    add_run(connection, "a", started_at=ago(days=51), sync_mode="incremental")
    add_run(connection, "a", started_at=ago(days=61), sync_mode="full")
    add_run(connection, "a", started_at=ago(days=45), status="error")
    add_run(connection, "b", started_at=ago(days=71))
    assert prune(connection, older_than=MONTH).runs == 4
    assert ids(connection) == kept


def test_running_runs_stay_unless_they_are_asked_for(connection):
    """A run that has not ended goes only when the status is named."""
    add_run(connection, started_at=ago(days=40), status="running")
    add_run(connection, started_at=ago(days=1))
    assert prune(connection, older_than=MONTH).runs == 0
    assert prune(connection, older_than=MONTH, statuses=["running"]).runs == 1


def test_entries_can_go_before_their_runs(connection):
    """With an age of their own, entries go and the row of the run stays."""
    for days in (40, 10, 1):
        add_entry(connection, add_run(connection, started_at=ago(days=days)))
    done = prune(connection, older_than=MONTH, logs_older_than=timedelta(days=7))
    assert done == Pruned(runs=1, entries=2)
    assert len(ids(connection)) == 2
    assert list(entries_of(connection).values()) == [1]


def test_the_newest_stay_as_many_as_asked(connection):
    """``keep_last`` keeps so many of each script."""
    for script in ("a", "b"):
        for days in range(40, 45):
            add_run(connection, script, started_at=ago(days=days))
    assert prune(connection, older_than=MONTH, keep_last=3, dry_run=True).runs == 4
    assert prune(connection, older_than=MONTH, keep_last=3).runs == 4
    kept = queries.last_runs(connection, limit=99)
    assert sorted((run.script_name, (ago() - run.started_at).days) for run in kept) == [
        (script, days) for script in ("a", "b") for days in (40, 41, 42)
    ]


def test_only_some_scripts_and_states(connection):
    """A pattern and statuses choose what goes."""
    for script in ("sync-a", "report"):
        for days, status in ((40, "error"), (41, "success"), (42, "error"), (43, "success")):
            add_run(connection, script, started_at=ago(days=days), status=status)
    done = prune(connection, older_than=MONTH, script="sync-*", statuses=["error"])
    assert done.runs == 1
    left = [(run.script_name, run.status) for run in queries.last_runs(connection)]
    assert left.count(("sync-a", "error")) == 1
    assert left.count(("report", "error")) == 2


@pytest.mark.parametrize("seed", range(6))
def test_dry_run_tells_what_then_happens(connection, seed):
    """What ``dry_run`` tells is what goes, and it deletes nothing itself."""
    add_history(connection, seed)
    rules = {
        "older_than": timedelta(days=20 + 10 * seed),
        "logs_older_than": timedelta(days=10),
        "keep_last": 1 + seed % 3,
    }
    before = ids(connection), entries_of(connection)
    planned = prune(connection, **rules, dry_run=True)
    assert (ids(connection), entries_of(connection)) == before
    assert planned.runs > 0
    assert prune(connection, **rules, batch_size=7) == planned
    assert prune(connection, **rules) == Pruned(runs=0, entries=0)


@pytest.mark.parametrize("seed", range(4))
def test_the_procedure_follows_the_same_rules(connection, seed):
    """``call runlog_prune`` leaves exactly what ``prune`` would leave."""
    add_history(connection, seed)
    ages = timedelta(days=30), timedelta(days=15)
    going = prune(connection, older_than=ages[0], logs_older_than=ages[1], dry_run=True)
    runs, entries = len(ids(connection)), sum(entries_of(connection).values())
    connection.execute("call runlog_prune(%s, %s, 5)", ages)
    assert runs - len(ids(connection)) == going.runs > 0
    assert entries - sum(entries_of(connection).values()) == going.entries
    left = prune(connection, older_than=ages[0], logs_older_than=ages[1], dry_run=True)
    assert left == Pruned(runs=0, entries=0)


def test_the_procedure_refuses_the_future(connection):
    """An age below zero, which would delete what runs now, is refused."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="intervals back from now"):
        connection.execute("call runlog_prune('-1 day')")


def test_the_procedure_and_the_views_are_closed(connection):
    """Nobody but the owner may call the procedure or read the views without being told so."""
    query = """
        select has_function_privilege('public', oid, 'execute') from pg_proc
        where proname = 'runlog_prune' union all
        select has_table_privilege('public', oid, 'select') from pg_class
        where relname like 'runlog%' and relkind = 'v'"""
    assert connection.execute(query).fetchall() == [(False,)] * 5


def test_an_interruption_keeps_what_was_done(connection, database):
    """Ended in the middle, whole runs are deleted, and the next call does the rest."""
    for _ in range(3):
        old = add_run(connection, started_at=ago(days=40))
        for _ in range(10):
            add_entry(connection, old)
    add_run(connection)

    def interrupt(done):
        if done.entries >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(database, older_than=MONTH, batch_size=10, on_progress=interrupt)
    assert sum(entries_of(connection).values()) == 20
    assert len(ids(connection)) == 3
    assert prune(database, older_than=MONTH) == Pruned(runs=2, entries=20)


def test_it_ends_when_the_time_is_over(connection):
    """After ``max_seconds`` the batch under way is finished and the result says that more is left."""
    old = add_run(connection, started_at=ago(days=40))
    for _ in range(10):
        add_entry(connection, old)
    add_run(connection)
    done = prune(connection, older_than=MONTH, batch_size=4, max_seconds=1e-9)
    assert done == Pruned(runs=0, entries=4, is_complete=False)
    assert prune(connection, older_than=MONTH) == Pruned(runs=1, entries=6)


def test_tables_without_cascade(empty_database):
    """In the earlier form of the tables, where entries hold their run, it works as well."""
    run(empty_database, EARLIER)
    migrate.migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        for days in (40, 41, 1):
            add_entry(connection, add_run(connection, started_at=ago(days=days)))
        assert prune(connection, older_than=MONTH) == Pruned(runs=2, entries=2)


def test_a_connection_comes_back_as_it_was(database):
    """Autocommit and row factory of the caller's connection do not matter and stay."""
    with psycopg.connect(database, row_factory=dict_row) as connection:
        add_run(connection, started_at=ago(days=40))
        add_run(connection)
        with pytest.raises(RunlogError, match="in a transaction"):
            prune(connection, older_than=MONTH)
        connection.commit()
        assert prune(connection, older_than=MONTH).runs == 1
        assert connection.autocommit is False
    with ConnectionPool(database, min_size=1, open=True) as pool:
        assert prune(pool, older_than=MONTH).runs == 0


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"older_than": timedelta(days=-1)}, "a negative age"),
        ({"older_than": MONTH, "logs_older_than": timedelta(days=-1)}, "a negative age"),
        ({"older_than": MONTH, "keep_last": 0}, "keep_last=0 cannot be"),
        ({"older_than": MONTH, "statuses": ["failed"]}, "statuses \\['failed'\\] cannot be used"),
        ({"older_than": MONTH, "statuses": []}, "statuses \\[\\] cannot be used"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(connection, rules, complaint):
    """A rule that would delete what nobody meant is refused before anything is deleted."""
    add_run(connection, started_at=ago(days=40))
    with pytest.raises(QueryError, match=complaint):
        prune(connection, **rules)
    assert len(ids(connection)) == 1


def test_missing_tables_and_servers_are_told(empty_database):
    """Errors are those of reading, with their remedies."""
    with pytest.raises(SchemaError, match='run "runlog migrate"'):
        prune(empty_database, older_than=MONTH)
    with pytest.raises(DatabaseUnavailableError):
        prune("host=127.0.0.1 port=1", older_than=MONTH)
