"""Rows that other programs wrote oddly: each question is answered, and nothing else suffers."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from kit.rows import add_entry, add_run, ago
from psycopg.conninfo import make_conninfo

from runlog import migrate, queries

BEYOND = ("infinity", "-infinity", "0044-03-15 BC", "12026-01-01")
NUMBERS = {"id": 2**70, "small": 7, "exact": 2**64, "half": 0.5, "minus": -(2**65)}


@pytest.fixture
def odd_moments(connection):
    """A good run, and of each odd moment a run that has it wherever a moment stands."""
    good = add_run(connection, "good")
    add_entry(connection, good)
    for moment in (*BEYOND, None):
        run_id = add_run(
            connection,
            f"odd {moment}",
            started_at=moment,
            finished_at=moment,
            duration_ms=None,
            sync_start_date=moment,
            sync_end_date=moment,
        )
        if moment is not None:
            add_entry(connection, run_id, "odd", timestamp=moment)
            add_entry(connection, run_id, "failed", timestamp=moment, level="ERROR")
    return good


def test_every_question_is_answered(connection, odd_moments):
    """A moment that no datetime holds is an empty cell; every other row is listed."""
    runs = queries.last_runs(connection)
    assert len(runs) == 1 + len(BEYOND) + 1
    assert [run.started_at is None for run in runs] == [False, *[True] * 5]
    far = timedelta(days=10**6)
    for ask in (
        lambda: queries.script_health(connection),
        lambda: queries.daily_statistics(connection, since=far / 2),
        lambda: queries.script_statistics(connection, since=far / 2),
        lambda: queries.search_entries(connection, since=far / 2),
        lambda: queries.recent_errors(connection, since=far / 2),
        lambda: queries.slowest_steps(connection, since=far / 2),
        lambda: queries.table_sizes(connection),
        lambda: queries.running_now(connection),
    ):
        ask()
    for run in runs:
        assert queries.find_run(connection, run_id=run.id).id == run.id
        assert len(queries.steps_of_run(connection, run_id=run.id)) <= 1
        assert len(queries.entries_of_run(connection, run_id=run.id)) <= 2
        queries.find_last_success(connection, script=run.script_name)


def test_what_began_at_no_moment_is_never_the_last(connection, odd_moments):
    """The last run is the newest of those that began at some moment."""
    assert queries.last_runs(connection, limit=1)[0].id == odd_moments


@pytest.mark.parametrize("script", [None, "*"])
def test_pages_meet_every_run_once(connection, odd_moments, script):
    """Page after page each run comes once, also those whose start nobody can tell."""
    for days in range(3):
        add_run(connection, started_at=ago(days=days))
    seen, page = [], []
    while page := queries.last_runs(
        connection, limit=2, script=script, before=page[-1] if page else None
    ):
        seen += [run.id for run in page]
    assert len(seen) == len(set(seen)) == 9


def test_pages_meet_every_entry_once(connection):
    """Entries whose moment no program can hold are paged through as well."""
    run_id = add_run(connection)
    for moment in (*BEYOND, *BEYOND, ago(hours=1)):
        add_entry(connection, run_id, timestamp=moment)
    for ask, place in (
        (queries.entries_of_run, "after"),
        (queries.newest_entries_of_run, "before"),
    ):
        seen, page = [], []
        while page := ask(
            connection, run_id=run_id, limit=2, **({place: page[-1]} if page else {})
        ):
            seen += [entry.id for entry in page]
        assert len(seen) == len(set(seen)) == 9


def test_moments_without_a_zone_are_those_of_the_session(empty_database):
    """A column without a time zone, in a table that was adopted, gives moments with one."""
    migrate.migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as owner:
        owner.execute(
            "drop view if exists runlog_script_health, runlog_daily_statistics,"
            " runlog_error_groups, runlog_step_durations;"
            "alter table runs alter started_at type timestamp, alter finished_at type timestamp;"
            "alter table logs alter timestamp type timestamp"
        )
    dsn = make_conninfo(empty_database, options="-c TimeZone=America/New_York")
    with psycopg.connect(dsn, autocommit=True) as connection:
        began = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
        run_id = add_run(connection, started_at=began, finished_at=began)
        add_entry(connection, run_id, timestamp=began)
        (run,) = queries.last_runs(connection)
        (entry,) = queries.entries_of_run(connection, run_id=run_id)
        assert (run.started_at, run.finished_at, entry.timestamp) == (began, began, began)
        assert run.started_at.utcoffset() == timedelta(hours=-5)


def test_numbers_are_read_exactly(connection):
    """An integer in JSON keeps all its digits, however long it is."""
    run_id = add_run(connection)
    add_entry(connection, run_id, meta=NUMBERS)
    (entry,) = queries.entries_of_run(connection, run_id=run_id)
    assert entry.meta == NUMBERS
    assert {type(value) for value in entry.meta.values()} == {int, float}


def test_json_of_any_depth_is_read(connection):
    """What is nested deeper than Python goes comes as its text; the rows beside it as ever."""
    run_id = add_run(connection)
    for depth in (10, 1500, 6000):
        add_entry(connection, run_id, str(depth))
        connection.execute(
            "update logs set meta = %s::jsonb where message = %s",
            ["[" * depth + "]" * depth, str(depth)],
        )
    found = queries.entries_of_run(connection, run_id=run_id)
    assert [entry.message for entry in found] == ["10", "1500", "6000"]
    assert isinstance(found[0].meta, list)


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("150", ["id 150 ABC"]),
        ("abc", ["id 150 ABC", "id 7 abc"]),
        ("%", ["50% _done_"]),
        ("_DONE_", ["50% _done_"]),
        ("größe", ["GRÖSSE GRÖßE"]),
        ("ё", ["Ёлка"]),
        ("\\", []),
    ],
)
def test_text_is_found_in_any_case(connection, text, finds):
    """Digits, ASCII and other letters are compared in different ways with the same answer."""
    run_id = add_run(connection)
    for message in ("id 150 ABC", "id 7 abc", "50% _done_", "GRÖSSE GRÖßE", "Ёлка"):
        add_entry(connection, run_id, message)
    found = queries.entries_of_run(connection, run_id=run_id, text=text)
    assert [entry.message for entry in found] == finds


def test_a_success_that_does_not_say_when_it_ended(connection):
    """Another program's last run is a success without an end: it did succeed, when it began."""
    began = ago(hours=5)
    add_run(connection, started_at=began, finished_at=None, duration_ms=None)
    [health] = queries.script_health(connection)
    assert (health.state, health.last_success_at) == ("success", began)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_cost_that_is_no_number_is_none(connection, number):
    """Nobody can add or compare it; the rows beside it have theirs."""
    add_run(connection, "odd", api_cost=number)
    add_run(connection, "good", api_cost="1.5")
    costs = {row.script_name: row.api_cost for row in queries.script_health(connection)}
    assert costs["odd"] is None
    assert float(costs["good"]) == 1.5
    assert {run.api_cost is None for run in queries.last_runs(connection, script="odd")} == {True}
