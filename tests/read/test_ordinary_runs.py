"""Cursors that a person set and backfills count nowhere; whoever asks for them finds them."""

import re
from datetime import timedelta

import pytest
from kit.rows import add_entry, add_run, ago

from runlog import queries
from runlog._database import statements
from runlog.retention import prune

MONTH = timedelta(days=30)
QUESTIONS = {
    "last_runs": queries.last_runs,
    "last_runs of a script": lambda source: queries.last_runs(source, script="sync"),
    "last_runs of a pattern": lambda source: queries.last_runs(source, script="s*"),
    "last_runs in full": lambda source: queries.last_runs(source, sync_mode="full"),
    "count_runs": queries.count_runs,
    "recent_runs": queries.recent_runs,
    "script_health": queries.script_health,
    "script_statistics": queries.script_statistics,
    "daily_statistics": queries.daily_statistics,
    "totals": queries.totals,
    "hours_of_week": queries.hours_of_week,
    "slowest_steps": queries.slowest_steps,
    "slowing_scripts": queries.slowing_scripts,
    "usual_run": lambda source: queries.usual_run(source, script="sync"),
    "find_last_success": lambda source: queries.find_last_success(source, script="sync"),
    "run_after": lambda source: queries.run_after(source, run=queries.last_runs(source)[0]),
    **{
        view: lambda source, view=view: sorted(source.execute(f"select * from {view}").fetchall())
        for view in ("runlog_script_health", "runlog_daily_statistics", "runlog_step_durations")
    },
}
# What tells of a run that is named, of what runs now, or of entries: these are about every run.
ABOUT_EVERY_RUN = {
    "queries": {
        "find_run", "runs_of_batch", "runs_with_prefix", "runs_with_number", "running_now",
        "entries_after", "search_entries", "recent_errors", "steps_of_run", "table_sizes",
        # Kinds of errors, not how a script does.
        "errors_of_kind", "error_days", "error_groups", "error_kind_of_run",
    },
    "alerts": {
        # Money is spent and disks are full whatever ran.
        "asked", "backlog", "cost_day", "cost_month",
        # What runs now is in the way of others, or silent.
        "quiet", "skipped",
        # Names and kinds of errors, not how a script does.
        "is_expecting", "keep_error_kinds",
    },
}  # fmt: skip


@pytest.fixture
def history(connection):
    """A script that ran each day, in a transaction: now() stands still in it."""
    with connection.transaction(force_rollback=True):
        for day in range(12):
            mode = "full" if day % 4 == 0 else "incremental"
            began = ago(days=day, hours=2)
            run_id = add_run(connection, started_at=began, records_fetched=10 + day, sync_mode=mode)
            add_entry(connection, run_id, timestamp=began)
        yield


def add_exceptions(connection):
    """Cursors and backfills: newer than every run and among them, good and bad, big and long."""
    backfill = {"sync_mode": "full", "runlog": {"backfill": True}}
    for minutes, script, columns in (
        (90, "sync", backfill),
        (60, "sync", {**backfill, "status": "error", "error_message": "too much"}),
        (50, "sync", {"sync_mode": "cursor", "duration_ms": None}),
        (60 * 24 * 3, "sync", backfill),
        (30, "only backfills", backfill),
    ):
        began = ago(minutes=minutes)
        told = {"records_fetched": 10**6, "duration_ms": 10**7, "api_cost": 99, **columns}
        run_id = add_run(connection, script, started_at=began, **told)
        add_entry(connection, run_id, level="ERROR", timestamp=began)


@pytest.mark.parametrize("question", QUESTIONS)
def test_they_change_no_answer(connection, history, question):
    """Statistics, lists, the last run, the last success and views are what they were without them."""
    before = QUESTIONS[question](connection)
    add_exceptions(connection)
    assert QUESTIONS[question](connection) == before


def test_whoever_asks_finds_them(connection, history):
    """By their word, by their batch, by their id; and their errors are errors."""
    add_exceptions(connection)
    backfills = queries.last_runs(connection, sync_mode="backfill")
    (cursor,) = queries.last_runs(connection, sync_mode="cursor")
    assert [run.script_name for run in backfills] == ["only backfills", "sync", "sync", "sync"]
    assert sum(row.runs for row in queries.count_runs(connection, sync_mode="backfill")) == 4
    assert queries.find_run(connection, run_id=backfills[0].id).id == backfills[0].id
    assert queries.find_run(connection, run_id=cursor.id).id == cursor.id
    assert sum(group.runs for group in queries.error_groups(connection, since=MONTH)) == 5


def test_a_batch_shows_its_backfills(connection):
    """Whoever asks for a batch asks for all of it."""
    batch = add_run(connection)
    add_run(connection, batch_id=batch, sync_mode="full", runlog={"backfill": True})
    connection.execute("update runs set batch_id = %s", [batch])
    assert len(queries.last_runs(connection, batch_id=batch)) == 2
    assert len(queries.runs_of_batch(connection, batch_id=batch)) == 2


@pytest.mark.parametrize("way", ["prune", "procedure"])
def test_a_backfill_pushes_nothing_out(connection, way):
    """What tells how a script stands is kept, and a newer backfill is not in its place."""
    kept = [
        add_run(connection, started_at=ago(days=60), sync_mode="full"),
        add_run(connection, started_at=ago(days=59), status="error"),
    ]
    add_run(connection, started_at=ago(days=50), sync_mode="full", runlog={"backfill": True})
    if way == "prune":
        prune(connection, older_than=MONTH)
    else:
        connection.execute("call runlog_prune('30 days')")
    left = connection.execute("select id from runs order by started_at").fetchall()
    assert [run_id for (run_id,) in left] == kept


RULES = (*map(statements.whole, (b"{is_ordinary}", b"{run_filters}")), b"{of_script}")


@pytest.mark.parametrize("folder", ABOUT_EVERY_RUN)
def test_every_question_has_decided(folder):
    """A statement that reads runs says which it means, or stands in the list of exceptions."""
    undecided = set()
    for path in (statements.folder() / folder).iterdir():
        if not path.name.endswith(".sql"):
            continue
        for is_cluster in (False, True):
            # With its parts, in which the reading and the rule may stand.
            sql = statements.whole(re.sub(rb"--.*", b"", path.read_bytes()), is_cluster=is_cluster)
            reads_runs = b"{schema}.runs" in sql.replace(b"{schema}.runs_", b"")
            if reads_runs and not any(rule in sql for rule in RULES):
                undecided.add(path.name.removesuffix(".sql"))
    assert undecided == ABOUT_EVERY_RUN[folder]
