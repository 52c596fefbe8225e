"""What stays: the row on which a cursor stands, and what something in the database holds."""

import random
import re
from datetime import timedelta

import psycopg
import pytest
from kit.rows import add_entry, add_run, ago

from runlog import migrate, queries
from runlog._database import statements
from runlog._run.cursor import find_cursor, set_cursor
from runlog.retention import Pruned, prune

MONTH = timedelta(days=30)
SCRIPTS = ("a", "b", "c")


def ids(connection):
    return {row[0] for row in connection.execute("select id from runs")}


def checkpoint(days, at):
    return {"checkpoint": ago(days=days).isoformat(), "checkpoint_at": ago(days=at).isoformat()}


HISTORIES = {
    "a backfill after the sync": [
        (90, {"sync_mode": "full", "synced": 90}),
        (80, {"sync_mode": "full", "synced": 200, "runlog": {"backfill": True}}),
        (1, {"status": "error"}),
    ],
    "a checkpoint after the success": [
        (100, {"synced": 100}),
        (50, {"status": "error", "runlog": checkpoint(51, 50)}),
        (40, {"status": "error"}),
        (1, {"status": "error"}),
    ],
    "checkpoints and no success": [
        (70, {"status": "error", "runlog": checkpoint(71, 70)}),
        (60, {"status": "error", "runlog": checkpoint(61, 60)}),
        (1, {"status": "error"}),
    ],
    "a success without an end": [
        (90, {"synced": 90}),
        (40, {}),
        (1, {"status": "error"}),
    ],
    "a cursor of another name": [
        (95, {"synced": 95, "runlog": {"cursor": "deals"}}),
        (92, {"synced": 92}),
        (50, {}),
        (1, {"status": "error"}),
    ],
    "set by hand": [
        (90, {"synced": 90, "sync_mode": "incremental"}),
        (50, {"synced": 95, "sync_mode": "cursor"}),
        (1, {"status": "error"}),
    ],
    "set by hand, and a sync after it": [
        (50, {"synced": 95, "sync_mode": "cursor"}),
        (45, {"synced": 46, "sync_mode": "incremental"}),
        (40, {"sync_mode": "incremental"}),
        (1, {"status": "error"}),
    ],
}


def add_history(connection, history, script="sync"):
    for days, told in history:
        columns = dict(told)
        synced = columns.pop("synced", None)
        if synced is not None:
            columns["sync_end_date"] = ago(days=synced)
        add_run(connection, script, started_at=ago(days=days), **columns)


@pytest.mark.parametrize("way", ["prune", "keep-last", "errors only", "procedure"])
@pytest.mark.parametrize("name", HISTORIES)
def test_the_cursor_is_the_same_before_and_after(connection, name, way):
    """Whatever retention deletes, the next sync of a script begins where it would have begun."""
    add_history(connection, HISTORIES[name])
    before = cursors(connection)
    assert before[0] is not None
    if way == "procedure":
        connection.execute("call runlog_prune('30 days')")
    else:
        rules = {"keep-last": {"keep_last": 2}, "errors only": {"statuses": ["error"]}}
        prune(connection, older_than=MONTH, **rules.get(way, {}))
    assert cursors(connection) == before


def cursors(connection):
    """Where each script and each name goes on."""
    return [
        find_cursor(connection, "public", name, is_named=is_named)
        for name in ("sync", *SCRIPTS, "deals")
        for is_named in (False, True)
    ]


def add_chances(connection, seed, count=80):
    """Runs of three scripts over 90 days: of every status, with checkpoints, backfills and cursors."""
    chance = random.Random(seed)
    for _ in range(count):
        status = chance.choice(["success", "success", "error", "running"])
        days = chance.randrange(90)
        noted = checkpoint(days + 1, days) if chance.random() < 0.2 else {}
        if chance.random() < 0.1:
            noted["backfill"] = True
        if chance.random() < 0.2:
            noted["cursor"] = chance.choice(["deals", "a"])
        run_id = add_run(
            connection,
            chance.choice(SCRIPTS),
            status=status,
            sync_mode="cursor"
            if status == "success" and chance.random() < 0.1
            else chance.choice([None, "full", "incremental"]),
            sync_end_date=ago(days=days) if chance.random() < 0.7 else None,
            started_at=ago(days=days, seconds=chance.randrange(86400)),
            runlog=noted,
        )
        for _ in range(chance.randrange(4)):
            add_entry(connection, run_id)


@pytest.mark.parametrize("seed", range(6))
def test_one_rule_for_prune_its_dry_run_and_the_procedure(connection, seed):
    """All three mean the same runs and entries, and none moves a cursor."""
    add_chances(connection, seed)
    before = cursors(connection)
    ages = MONTH, timedelta(days=15)
    rules = {"older_than": ages[0], "logs_older_than": ages[1]}
    planned = prune(connection, **rules, dry_run=True)
    assert planned.runs > 0
    with connection.transaction(force_rollback=True):
        runs, entries = len(ids(connection)), count_entries(connection)
    connection.execute("create temporary table kept_runs as select * from runs")
    connection.execute("create temporary table kept_logs as select * from logs")
    assert prune(connection, **rules, batch_size=3) == planned
    left = ids(connection), count_entries(connection)
    assert (runs - len(left[0]), entries - left[1]) == (planned.runs, planned.entries)
    assert cursors(connection) == before
    connection.execute("delete from runs")
    connection.execute("insert into runs select * from kept_runs")
    connection.execute("insert into logs select * from kept_logs")
    connection.execute("call runlog_prune(%s, %s, 3)", ages)
    assert (ids(connection), count_entries(connection)) == left
    connection.execute("drop table kept_runs, kept_logs")


def test_the_procedure_holds_the_rule_of_the_cursor_as_it_is():
    """What the migration says of cursors is ``find_cursor.sql``, word for word."""
    rule = statements.text("cursor/find_cursor").decode().replace("%(cursor)s", "wanted.name")
    (procedure,) = (
        migration.sql.decode()
        for migration in statements.migration_files()
        if migration.name == "retention"
    )
    for named in ("false", "true"):
        wanted = rule.replace("%(is_named)s", named).replace("{schema}", "{place}")
        assert words(wanted) in words(procedure)


def words(sql):
    """The words of a statement, without its comments."""
    return " ".join(" ".join(re.sub(r"--.*", "", sql).split()).split())


def count_entries(connection):
    return connection.execute("select count(*) from logs").fetchone()[0]


def test_a_cursor_row_is_not_the_newest_run(connection):
    """A cursor set by hand does not push the newest run of its script out."""
    newest = add_run(connection, started_at=ago(days=40), status="error")
    set_cursor(connection, "public", "sync", ago(days=1))
    assert prune(connection, older_than=MONTH).runs == 0
    assert newest in ids(connection)


def test_a_success_that_says_no_end_goes_too(connection):
    """Another program's successes without ``finished_at`` do not pile up for ever."""
    for days in (60, 50, 40):
        add_run(connection, started_at=ago(days=days), finished_at=None)
    assert prune(connection, older_than=MONTH).runs == 2


FOREIGN_KEY = "create table invoices (run_id uuid references runs (id))"
KEY_TO_ENTRY = "create table invoices (run_id uuid references logs (id))"
TRIGGER = """
    create function refuse() returns trigger language plpgsql as
    $$ begin
        if old.error_message = 'keep' then raise exception 'this one is evidence'; end if;
        return old;
    end $$;
    create trigger refuse before delete on runs for each row execute function refuse()
"""

ODD_TRIGGER = TRIGGER.replace("'this one is evidence'", "'no' using errcode = 'ZZ001'")
LOCKED_TRIGGER = TRIGGER.replace("'this one is evidence'", "'no' using errcode = '55P03'")

LOUD = (FOREIGN_KEY, KEY_TO_ENTRY, TRIGGER, ODD_TRIGGER, LOCKED_TRIGGER)
SILENT_TRIGGER = TRIGGER.replace("raise exception 'this one is evidence'", "return null")
SILENT_RULE = (
    "create rule r as on delete to runs where old.error_message = 'keep' do instead nothing"
)
SILENT_ENTRIES = """
    create table evidence as select id from runs where error_message = 'keep';
    create function refuse() returns trigger language plpgsql as
    $$ begin
        if old.run_id in (select id from evidence) then return null; end if;
        return old;
    end $$;
    create trigger refuse before delete on logs for each row execute function refuse()
"""


@pytest.fixture
def own(empty_database):
    """A connection to a database that may be changed."""
    migrate.migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


def hold_one(own, obstacle):
    """Many old runs with entries, one of which something holds; its id and what would go."""
    run_ids = [
        add_run(
            own,
            started_at=ago(days=40, minutes=number),
            error_message="keep" if number == 200 else None,
            status="error",
        )
        for number in range(300)
    ]
    held = run_ids[200]
    for run_id in run_ids:
        entry_ids = [add_entry(own, run_id) for _ in range(3)]
        if run_id == held:
            held_entry = entry_ids[1]
    add_run(own)
    own.execute(obstacle)
    if "invoices" in obstacle:
        own.execute(
            "insert into invoices values (%s)",
            [held_entry if obstacle == KEY_TO_ENTRY else held],
        )
    return held


@pytest.mark.parametrize("obstacle", [*LOUD, SILENT_TRIGGER, SILENT_RULE, SILENT_ENTRIES])
@pytest.mark.parametrize("batch_size", [5000, 2])
def test_what_something_holds_stays_alone(own, obstacle, batch_size):
    """A run that a foreign key, a trigger or a rule holds, with an error or without, stays with its entries and is told; all others go."""
    held = hold_one(own, obstacle)
    done = prune(own, older_than=MONTH, batch_size=batch_size)
    assert (done.runs, done.entries, done.refused) == (299, 897, 1)
    assert f"run {held} cannot go: " in done.refusal
    assert held in ids(own)
    assert len(queries.entries_of_run(own, run_id=held)) == 3
    again = prune(own, older_than=MONTH)
    assert again == Pruned(runs=0, entries=0, refused=1, refusal=done.refusal)


@pytest.mark.parametrize("obstacle", [FOREIGN_KEY, KEY_TO_ENTRY, TRIGGER])
def test_the_procedure_leaves_what_is_held_alone(own, obstacle):
    """The procedure goes on behind it as well, and warns."""
    held = hold_one(own, obstacle)
    notices = []
    own.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    own.execute("call runlog_prune('30 days', null, 2)")
    assert len(ids(own)) == 2
    assert len(queries.entries_of_run(own, run_id=held)) == 3
    assert [notice.split(":")[0] for notice in notices] == [f"run {held} stays"]


def test_entries_that_go_before_their_run_are_held_as_well(own):
    """Where only entries are due, one that is held keeps those of its run, and of no other."""
    held = hold_one(own, KEY_TO_ENTRY)
    rules = {"older_than": timedelta(days=90), "logs_older_than": MONTH}
    done = prune(own, **rules)
    assert (done.runs, done.entries, done.refused) == (0, 897, 1)
    assert len(queries.entries_of_run(own, run_id=held)) == 3


def test_a_big_run_goes_in_parts(connection):
    """Where nobody can refuse, a run with more entries than a batch goes in several statements."""
    big = add_run(connection, started_at=ago(days=40))
    for _ in range(25):
        add_entry(connection, big)
    add_run(connection)
    told = []
    prune(connection, older_than=MONTH, batch_size=10, on_progress=told.append)
    assert [(done.runs, done.entries) for done in told] == [(0, 10), (0, 20), (1, 25)]
