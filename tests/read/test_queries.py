"""What was recorded is read back as it is documented: runs, their order, filters and pages."""

from dataclasses import astuple, fields
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from kit.rows import add_all_states, add_entry, add_run, ago

from runlog import queries
from runlog._database import statements
from runlog.queries import QueryError

DOCUMENTED_RUNS = """
    SELECT id, script_name, status, triggered_by, started_at, finished_at, duration_ms,
      records_fetched, records_inserted, records_updated
    FROM runs ORDER BY started_at DESC LIMIT 10"""


DOCUMENTED_ENTRIES = """
    SELECT timestamp, level, step, message, meta
    FROM logs WHERE run_id = %s ORDER BY timestamp ASC"""


DOCUMENTED_ERRORS = """
    SELECT r.script_name, r.started_at, l.step, l.message, l.meta
    FROM logs l JOIN runs r ON l.run_id = r.id
    WHERE l.level = 'ERROR' AND r.started_at > now() - interval '24 hours'
    ORDER BY r.started_at DESC"""


DOCUMENTED_STATISTICS = """
    SELECT script_name, COUNT(*) as total_runs,
      COUNT(*) FILTER (WHERE status = 'success') as successful,
      COUNT(*) FILTER (WHERE status = 'error') as failed,
      AVG(duration_ms) / 1000 as avg_duration_sec,
      SUM(records_fetched) as total_records, MAX(started_at) as last_run
    FROM runs WHERE started_at > now() - interval '7 days'
    GROUP BY script_name ORDER BY last_run DESC"""


DOCUMENTED_SUCCESS = """
    SELECT script_name, finished_at, sync_end_date FROM runs
    WHERE script_name = %s AND status = 'success' ORDER BY finished_at DESC LIMIT 1"""


@pytest.fixture
def history(connection):
    """Three scripts over nine days: successes, errors with entries, one still running."""
    for number in range(24):
        status = "error" if number % 5 == 0 else "success"
        run_id = add_run(
            connection,
            f"sync-{number % 3}",
            status=status,
            started_at=ago(hours=9 * number, minutes=1),
            records_fetched=100 + number,
            error_message="it broke" if status == "error" else None,
            sync_end_date=ago(hours=9 * number),
        )
        add_entry(connection, run_id, "Starting", step="START", timestamp=ago(hours=9 * number))
        if status == "error":
            add_entry(connection, run_id, f"page {number} broke", level="ERROR", meta={"n": number})
    add_run(connection, "sync-0", status="running", started_at=ago(seconds=5))


def documented(rows, count):
    return [astuple(row)[:count] for row in rows]


def test_last_runs_are_the_documented_query(connection, history):
    """The first ten columns of the last ten runs are what the documented statement gives."""
    expected = connection.execute(DOCUMENTED_RUNS).fetchall()
    assert documented(queries.last_runs(connection), 10) == expected


def test_entries_of_run_are_the_documented_query(connection, history):
    """The first five columns of a run's entries are what the documented statement gives."""
    run = queries.last_runs(connection, status="error")[0]
    expected = connection.execute(DOCUMENTED_ENTRIES, [run.id]).fetchall()
    assert len(expected) == 2
    assert documented(queries.entries_of_run(connection, run_id=run.id), 5) == expected


def test_recent_errors_are_the_documented_query(connection, history):
    """The first five columns of a day's errors are what the documented statement gives."""
    expected = connection.execute(DOCUMENTED_ERRORS).fetchall()
    assert len(expected) == 1
    assert documented(queries.recent_errors(connection), 5) == expected


def test_script_statistics_are_the_documented_query(connection, history):
    """The statistics of a week are exactly what the documented statement gives."""
    expected = connection.execute(DOCUMENTED_STATISTICS).fetchall()
    assert len(expected) == 3
    assert [astuple(row) for row in queries.script_statistics(connection)] == expected


def test_last_success_is_the_documented_query(connection, history):
    """The first three columns of a last success are what the documented statement gives."""
    expected = connection.execute(DOCUMENTED_SUCCESS, ["sync-1"]).fetchone()
    found = queries.find_last_success(connection, script="sync-1")
    assert astuple(found)[:3] == expected


def test_last_success_of_a_script_without_one(connection):
    """A script that never succeeded has none, and no error is raised."""
    add_run(connection, "sync", status="error")
    assert queries.find_last_success(connection, script="sync") is None


def test_pages_of_runs_join_without_gap_or_repetition(connection):
    """Pages give every run once, in order, also where many began in the same microsecond."""
    moment = ago(hours=1)
    for _ in range(7):
        add_run(connection, started_at=moment)
        add_run(connection, started_at=ago(hours=2))
    everything = [run.id for run in queries.last_runs(connection, limit=100)]
    pages, last = [], None
    while page := queries.last_runs(connection, limit=3, before=last):
        pages += [run.id for run in page]
        last = page[-1]
    assert pages == everything
    assert len(set(pages)) == 14


def test_runs_are_chosen_by_name_or_pattern(connection):
    """A name means itself, also with the wildcards of SQL in it; a pattern has * and ?."""
    for script in ("sync_a", "sync-a", "sync-b", "report", "100%"):
        add_run(connection, script)

    def scripts(name):
        return sorted(run.script_name for run in queries.last_runs(connection, script=name))

    assert scripts("sync_a") == ["sync_a"]
    assert scripts("sync_*") == ["sync_a"]
    assert scripts("sync?a") == ["sync-a", "sync_a"]
    assert scripts("*sync*") == ["sync-a", "sync-b", "sync_a"]
    assert scripts("100%") == ["100%"]
    assert scripts("1*%") == ["100%"]


def test_runs_are_chosen_by_time(connection):
    """``since`` takes a span or a moment and includes it, ``until`` is before."""
    old = add_run(connection, started_at=ago(hours=3))
    moment = ago(hours=2)
    middle = add_run(connection, started_at=moment)
    new = add_run(connection, started_at=ago(hours=1))

    def ids(**period):
        return [run.id for run in queries.last_runs(connection, **period)]

    assert ids(since=timedelta(minutes=90)) == [new]
    assert ids(since=moment) == [new, middle]
    assert ids(until=moment) == [old]


def test_every_state_is_told_and_found(connection):
    """Each state is told by ``Run.state`` and found by its name; statuses find all of theirs."""
    made = add_all_states(connection)
    told = {run.script_name: run.state for run in queries.last_runs(connection)}
    assert told == {name: "lost?" if name == "lost" else name for name in made}
    for name in ("lost", "partial", "crashed"):
        assert [run.id for run in queries.last_runs(connection, status=name)] == [made[name]]
    for name, states in (("running", {"running", "lost"}), ("success", {"success", "partial"})):
        found = {run.script_name for run in queries.last_runs(connection, status=name)}
        assert found == states


def test_a_foreign_run_is_never_lost(connection):
    """A running run without any heartbeat, as other programs write it, is running."""
    add_run(connection, status="running", started_at=ago(days=3))
    assert queries.last_runs(connection)[0].state == "running"
    assert queries.last_runs(connection, status="lost") == []


def test_a_heartbeat_that_is_no_moment_harms_nothing(connection):
    """Whatever stands in ``metadata.runlog.heartbeat_at``, the run is read."""
    add_run(connection, runlog={"heartbeat_at": "yesterday"})
    add_run(connection, runlog={"heartbeat_at": {"odd": True}})
    add_run(connection, metadata={"list": []})
    assert [run.heartbeat_at for run in queries.last_runs(connection)] == [None] * 3


def test_one_run_with_all_columns(connection):
    """One run is read with its metadata; an unknown id is None."""
    run_id = add_run(connection, metadata={"field_count": 35}, sync_start_date=ago(days=1))
    found = queries.find_run(connection, run_id=run_id)
    assert (found.id, found.metadata) == (run_id, {"field_count": 35, "runlog": {}})
    assert found.sync_start_date is not None
    assert queries.find_run(connection, run_id=uuid4()) is None


def test_runs_are_found_by_the_beginning_of_their_id(connection):
    """A beginning finds every id that begins so, with hyphens or without, and no other."""
    first, second = (
        UUID("0190c8a0-1111-7000-8000-000000000001"),
        UUID("0190c8a0-2222-7000-8000-0" + "0" * 11),
    )
    add_run(connection, id=first)
    add_run(connection, id=second)

    def ids(prefix):
        return [run.id for run in queries.runs_with_prefix(connection, prefix=prefix)]

    assert ids("0190C8A0") == [second, first]
    assert ids("0190c8a01") == [first]
    assert ids("0190c8a0-1") == [first]
    assert ids(str(second)) == [second]
    assert ids("1") == []


@pytest.mark.parametrize("prefix", ["", "-", "xyz", "0" * 33, "019 0"])
def test_what_cannot_begin_an_id_is_refused(connection, prefix):
    """Text that no id begins with is an error that says so, and not an empty answer."""
    with pytest.raises(QueryError, match="cannot be the beginning of an id"):
        queries.runs_with_prefix(connection, prefix=prefix)


def test_batch_in_the_order_of_its_beginnings(connection):
    """A batch's runs come oldest first; others do not."""
    batch = uuid4()
    second = add_run(connection, "deals", batch_id=batch, started_at=ago(minutes=1))
    first = add_run(connection, "contacts", batch_id=batch, started_at=ago(minutes=2))
    add_run(connection, "calls", batch_id=uuid4())
    assert [run.id for run in queries.runs_of_batch(connection, batch_id=batch)] == [first, second]


def test_running_now_with_the_last_words(connection):
    """Running runs come oldest first, each with its host and what it said last."""
    silent = add_run(connection, status="running", started_at=ago(minutes=1))
    talking = add_run(
        connection, status="running", started_at=ago(minutes=5), runlog={"host": "w1", "pid": 7}
    )
    add_run(connection)
    add_entry(connection, talking, "page 1", timestamp=ago(minutes=4))
    add_entry(connection, talking, "page 2", timestamp=ago(minutes=3), step="UPSERT")
    found = queries.running_now(connection)
    told = [(run.id, run.host, run.pid, run.last_step, run.last_message) for run in found]
    assert told == [(talking, "w1", "7", "UPSERT", "page 2"), (silent, None, None, None, None)]


def test_unknown_status_is_refused(connection):
    """A status that does not exist is an error that lists those that do."""
    with pytest.raises(QueryError, match="'failed' is unknown; use one of running, success"):
        queries.last_runs(connection, status="failed")


def test_an_empty_database_gives_empty_answers(connection):
    """Every question has an answer when nothing was recorded yet."""
    some = uuid4()
    assert queries.last_runs(connection) == []
    assert queries.running_now(connection) == []
    assert queries.entries_of_run(connection, run_id=some) == []
    assert queries.search_entries(connection) == []
    assert queries.recent_errors(connection) == []
    assert queries.error_groups(connection) == []
    assert queries.script_statistics(connection) == []
    assert queries.script_health(connection) == []
    assert queries.daily_statistics(connection) == []
    assert queries.slowest_steps(connection) == []
    assert [size.oldest_at for size in queries.table_sizes(connection)] == [None, None]


def test_each_file_has_its_function():
    """The files of ``sql/queries`` and the functions of ``runlog.queries`` are one to one."""
    files = {path.stem for path in (statements.folder() / "queries").glob("*.sql")}
    functions = {name for name in queries.__all__ if name[0].islower()}
    assert files == functions


def test_rows_are_frozen_and_say_what_they_are(connection):
    """A row cannot be changed, and its fields are the columns."""
    add_run(connection)
    [run] = queries.last_runs(connection)
    with pytest.raises(AttributeError):
        run.status = "error"
    assert [field.name for field in fields(run)][:3] == ["id", "script_name", "status"]
