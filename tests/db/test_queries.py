"""What was recorded is read back as it is documented: rows, order, filters and pages."""

from dataclasses import astuple, fields
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from rows import add_entry, add_run, ago, now

from runlog import queries
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


STATES = {
    "running": {"status": "running", "runlog": {"heartbeat_at": now().isoformat()}},
    "lost": {"status": "running", "runlog": {"heartbeat_at": ago(seconds=91).isoformat()}},
    "success": {"records_failed": 0},
    "partial": {"records_failed": 2},
    "error": {"status": "error", "runlog": {"outcome": "failed"}},
    "crashed": {"status": "error", "runlog": {"outcome": "died"}},
}


def test_every_state_is_told_and_found(connection):
    """Each state is told by ``Run.state`` and found by its name; statuses find all of theirs."""
    made = {
        name: add_run(connection, name, **{**columns, "started_at": ago(minutes=number)})
        for number, (name, columns) in enumerate(STATES.items())
    }
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', to_jsonb(now()))"
        " where script_name = 'running'"
    )
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
    first, second = UUID("0190c8a0-1111-7000-8000-000000000001"), UUID("0190c8a0-2222-7000-8000-0" + "0" * 11)
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
    with pytest.raises(QueryError, match="cannot be the beginning of a run's id"):
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


@pytest.fixture
def run_with_entries(connection):
    """A run of eight entries, two at each moment, levels and steps in turn."""
    run_id = add_run(connection)
    levels = ["DEBUG", "INFO", "WARNING", "ERROR"]
    for number in range(8):
        add_entry(
            connection,
            run_id,
            f"entry {number}",
            level=levels[number % 4],
            step="FETCH" if number < 4 else "FINISH",
            timestamp=ago(seconds=60 - number // 2),
            meta={"number": number, "note": "50% off_"} if number == 3 else {},
        )
    return run_id


def texts(entries):
    return [entry.message.removeprefix("entry ") for entry in entries]


def test_entries_in_order_and_in_pages(connection, run_with_entries):
    """Entries come by time and id; pages and the newest-first order give the same ones."""
    everything = queries.entries_of_run(connection, run_id=run_with_entries)
    assert texts(everything) == list("01234567")
    pages, last = [], None
    while page := queries.entries_of_run(connection, run_id=run_with_entries, after=last, limit=3):
        pages += page
        last = page[-1]
    assert pages == everything
    backwards, last = [], None
    while page := queries.newest_entries_of_run(
        connection, run_id=run_with_entries, before=last, limit=3
    ):
        backwards += page
        last = page[-1]
    assert backwards == everything[::-1]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"level": "WARNING"}, "2367"),
        ({"level": "error"}, "37"),
        ({"level": "DEBUG"}, "01234567"),
        ({"step": "FETCH"}, "0123"),
        ({"step": "F?N*"}, "4567"),
        ({"text": "ENTRY 5"}, "5"),
        ({"text": "50% OFF_"}, "3"),
        ({"text": "%"}, "3"),
        ({"text": "_ff"}, ""),
        ({"level": "INFO", "step": "FINISH", "text": "7"}, "7"),
    ],
)
def test_entries_are_chosen(connection, run_with_entries, filters, expected):
    """Level and those above, step or pattern, text in message or meta taken by the letter."""
    found = queries.entries_of_run(connection, run_id=run_with_entries, **filters)
    assert texts(found) == list(expected)
    newest = queries.newest_entries_of_run(connection, run_id=run_with_entries, **filters)
    assert texts(newest) == list(expected)[::-1]
    searched = queries.search_entries(connection, **filters)
    assert texts(searched) == list(expected)[::-1]
    followed = queries.entries_after(connection, after=ago(hours=1), **filters)
    assert texts(followed) == list(expected)


def test_unknown_level_is_refused(connection):
    """A level that does not exist is an error that lists those that do."""
    with pytest.raises(QueryError, match="'LOUD' is unknown; use one of DEBUG, INFO, WARNING"):
        queries.search_entries(connection, level="LOUD")


def test_unknown_status_is_refused(connection):
    """A status that does not exist is an error that lists those that do."""
    with pytest.raises(QueryError, match="'failed' is unknown; use one of running, success"):
        queries.last_runs(connection, status="failed")


def test_entries_after_an_entry_or_a_moment(connection, run_with_entries):
    """After an entry means strictly after it, from a moment means with those of that moment."""
    everything = queries.entries_of_run(connection, run_id=run_with_entries)
    assert texts(queries.entries_after(connection, after=everything[4])) == list("567")
    found = queries.entries_after(connection, after=everything[4].timestamp, limit=2)
    assert [(entry.script_name, entry.message) for entry in found] == [
        ("sync", "entry 4"),
        ("sync", "entry 5"),
    ]
    assert texts(queries.entries_of_run(
        connection, run_id=run_with_entries, after=everything[5].timestamp
    )) == list("4567")  # fmt: skip


def test_search_over_scripts_and_time(connection):
    """Search finds entries of all runs in its period, newest first, page by page."""
    for number in range(4):
        run_id = add_run(connection, f"sync-{number % 2}")
        add_entry(connection, run_id, f"entry {number}", timestamp=ago(hours=number))
    add_entry(connection, run_id, "entry old", timestamp=ago(hours=25))
    assert texts(queries.search_entries(connection)) == list("0123")
    assert texts(queries.search_entries(connection, script="sync-1")) == list("13")
    assert texts(queries.search_entries(connection, script="*-0", since=timedelta(hours=1))) == ["0"]
    assert texts(queries.search_entries(connection, until=ago(minutes=90))) == list("23")
    first = queries.search_entries(connection, limit=2, since=ago(days=2))
    second = queries.search_entries(connection, limit=9, since=ago(days=2), before=first[-1])
    assert texts(first + second) == ["0", "1", "2", "3", "old"]


def test_errors_that_differ_in_numbers_are_one(connection):
    """Messages that differ in numbers and ids only are one group; other errors are their own."""
    a = add_run(connection, "contacts", status="error")
    b = add_run(connection, "deals", status="error")
    meta = {"error_type": "HTTPError"}
    add_entry(connection, a, "502 for page 17", level="ERROR", timestamp=ago(hours=3), meta=meta)
    add_entry(connection, b, "502 for page 4", level="ERROR", timestamp=ago(hours=1), meta=meta)
    add_entry(connection, b, "no such list", level="ERROR", timestamp=ago(hours=2))
    add_entry(connection, b, f"no run {uuid4()}", level="ERROR", timestamp=ago(hours=4))
    add_entry(connection, b, f"no run {uuid4()}", level="ERROR", timestamp=ago(hours=5))
    add_entry(connection, b, "old", level="ERROR", timestamp=ago(hours=25))
    groups = queries.error_groups(connection)
    told = [(g.error_type, g.message, g.errors, g.runs, g.scripts) for g in groups]
    assert told[:2] == [
        ("HTTPError", "502 for page 4", 2, 2, ["contacts", "deals"]),
        (None, "no such list", 1, 1, ["deals"]),
    ]
    assert [(g.errors, g.last_run_id) for g in groups[2:]] == [(2, b)]
    assert groups[0].first_seen < groups[0].last_seen
    assert len({g.fingerprint for g in queries.error_groups(connection, since=timedelta(days=2))}) == 4
    assert [g.errors for g in queries.error_groups(connection, script="contacts")] == [1]


def test_a_run_that_failed_in_silence_is_an_error(connection):
    """Failed runs without an entry of level ERROR count: the dead as one kind, others by message."""
    for number in range(2):
        message = f"the process died; last alive 2026-01-0{number + 1}, last entry [X] {number}a"
        add_run(connection, status="error", runlog={"outcome": "died"}, error_message=message)
    add_run(connection, status="error")
    spoken = add_run(connection, status="error", error_message="told below")
    add_entry(connection, spoken, "told below", level="ERROR")
    told = {(g.error_type, g.errors) for g in queries.error_groups(connection)}
    assert told == {("died", 2), (None, 1)}
    messages = {g.message for g in queries.error_groups(connection)}
    assert "failed without a message" in messages
    assert "told below" in messages


def test_steps_last_until_another_one_speaks(connection):
    """A step's time is from each of its entries to the run's next one, the last to the run's end."""
    start = ago(minutes=1)
    run_id = add_run(connection, started_at=start, finished_at=start + timedelta(seconds=10))
    for second, step, level in [
        (0, "START", "INFO"),
        (1, "FETCH", "INFO"),
        (3, "UPSERT", "WARNING"),
        (4, "FETCH", "ERROR"),
        (9, "END", "INFO"),
    ]:
        at = start + timedelta(seconds=second)
        add_entry(connection, run_id, step=step, level=level, timestamp=at)
    steps = queries.steps_of_run(connection, run_id=run_id)
    told = [(s.step, s.entries, s.warnings, s.errors, s.duration_ms) for s in steps]
    assert told == [
        ("START", 1, 0, 0, 1000),
        ("FETCH", 2, 0, 1, 7000),
        ("UPSERT", 1, 1, 0, 1000),
        ("END", 1, 0, 0, 1000),
    ]


def test_steps_of_a_run_whose_end_is_unknown(connection):
    """A running run's last step lasts until now; entries after the end count nothing."""
    running = add_run(connection, status="running", started_at=ago(hours=1))
    add_entry(connection, running, timestamp=ago(minutes=30))
    [step] = queries.steps_of_run(connection, run_id=running)
    assert step.duration_ms >= 30 * 60 * 1000
    ended = add_run(connection, started_at=ago(hours=1), finished_at=ago(minutes=40))
    add_entry(connection, ended, timestamp=ago(minutes=30))
    assert [s.duration_ms for s in queries.steps_of_run(connection, run_id=ended)] == [0]
    assert queries.steps_of_run(connection, run_id=uuid4()) == []


def test_health_of_scripts(connection):
    """Health tells last run, last success and the period's figures; silent scripts are there too."""
    for number in range(10):
        failed = number == 0
        add_run(
            connection,
            "busy",
            started_at=ago(hours=number, minutes=1),
            status="error" if failed else "success",
            error_message="it broke" if failed else None,
            duration_ms=1000 * number,
            records_fetched=100 * number,
            records_failed=1,
            api_cost="0.5",
        )
    silent = add_run(connection, "silent", started_at=ago(days=20), finished_at=ago(days=19))
    busy, old = queries.script_health(connection)
    assert (busy.script_name, busy.state, busy.last_error_message) == ("busy", "error", "it broke")
    assert (busy.runs, busy.successful, busy.failed, float(busy.success_rate)) == (10, 9, 1, 0.9)
    assert (busy.median_duration_ms, busy.usual_fetched) == (5000, 500)
    assert (busy.records_fetched, busy.records_failed, float(busy.api_cost)) == (4500, 10, 5.0)
    assert busy.records_per_second == 100
    assert (old.last_run_id, old.state, old.runs, old.success_rate) == (silent, "success", 0, None)
    assert old.last_success_at.date() == ago(days=19).date()
    assert [h.script_name for h in queries.script_health(connection, script="sil*")] == ["silent"]
    assert queries.script_health(connection, script="none") == []


def test_health_tells_the_state_of_the_last_run(connection):
    """The state of a script is that of its newest run, in the same words as a run's."""
    for name, columns in STATES.items():
        add_run(connection, name, **{"status": "success", **columns})
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', to_jsonb(now()))"
        " where script_name = 'running'"
    )
    runs = {run.script_name: run.state for run in queries.last_runs(connection)}
    assert {h.script_name: h.state for h in queries.script_health(connection)} == runs


def test_days_are_those_of_the_time_zone(connection):
    """A run counts on the day on which it began in the asked time zone."""
    late = now().replace(hour=23, minute=30) - timedelta(days=2)
    add_run(connection, "a", started_at=late, records_fetched=5)
    add_run(connection, "b", started_at=late - timedelta(hours=2), status="error")
    utc, berlin = late.date(), late.date() + timedelta(days=1)

    def told(**options):
        days = queries.daily_statistics(connection, **options)
        return [(d.day, d.script_name, d.runs, d.failed, d.records_fetched) for d in days]

    assert told() == [(utc, None, 2, 1, 5)]
    assert told(timezone="Asia/Tokyo", script="a") == [(berlin, None, 1, 0, 5)]
    assert told(by_script=True) == [(utc, "a", 1, 0, 5), (utc, "b", 1, 1, None)]
    assert isinstance(utc, date)


def test_slowest_steps_come_first(connection):
    """Steps are ordered by what they take on average over the newest runs of each script."""
    for script, slow in (("a", 5), ("b", 1)):
        for age in range(3):
            start = ago(hours=age + 1)
            end = start + timedelta(seconds=slow + 2)
            run_id = add_run(connection, script, started_at=start, finished_at=end)
            for second, step in ((0, "FETCH"), (slow, "UPSERT")):
                at = start + timedelta(seconds=second)
                add_entry(connection, run_id, step=step, timestamp=at)
    steps = queries.slowest_steps(connection)
    told = [(s.script_name, s.step, s.runs, s.median_duration_ms) for s in steps]
    assert told == [
        ("a", "FETCH", 3, 5000),
        ("a", "UPSERT", 3, 2000),
        ("b", "UPSERT", 3, 2000),
        ("b", "FETCH", 3, 1000),
    ]
    assert sum(s.share for s in steps if s.script_name == "a") == pytest.approx(1)
    assert [s.runs for s in queries.slowest_steps(connection, script="b", sample=1)] == [1, 1]
    assert len(queries.slowest_steps(connection, limit=1)) == 1


def test_sizes_of_the_tables(connection):
    """Both tables are told, with their bytes and the times of their oldest and newest rows."""
    old, new = ago(days=3), ago(days=1)
    run_id = add_run(connection, started_at=old)
    add_run(connection, started_at=new)
    add_entry(connection, run_id, timestamp=new)
    runs, logs = queries.table_sizes(connection)
    assert (runs.table_name, runs.oldest_at, runs.newest_at) == ("runs", old, new)
    assert (logs.table_name, logs.oldest_at, logs.newest_at) == ("logs", new, new)
    assert runs.total_bytes == runs.table_bytes + runs.index_bytes > 0


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
    from runlog import _sql

    files = {path.stem for path in (_sql.folder() / "queries").glob("*.sql")}
    functions = {name for name in queries.__all__ if name[0].islower()}
    assert files == functions


def test_rows_are_frozen_and_say_what_they_are(connection):
    """A row cannot be changed, and its fields are the columns."""
    add_run(connection)
    [run] = queries.last_runs(connection)
    with pytest.raises(AttributeError):
        run.status = "error"
    assert [field.name for field in fields(run)][:3] == ["id", "script_name", "status"]
