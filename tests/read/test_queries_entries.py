"""Entries and steps are read back in order, by filter, by page and by search."""

from datetime import timedelta
from uuid import uuid4

import pytest
from kit.rows import add_entry, add_run, ago

from runlog import queries
from runlog.queries import QueryError


@pytest.fixture
def run_with_entries(connection):
    """A run of eight entries, two at each moment, levels and steps in turn."""
    run_id = add_run(connection)
    start = ago(minutes=1)
    levels = ["DEBUG", "INFO", "WARNING", "ERROR"]
    for number in range(8):
        add_entry(
            connection,
            run_id,
            f"entry {number}",
            level=levels[number % 4],
            step="FETCH" if number < 4 else "FINISH",
            timestamp=start + timedelta(seconds=number // 2),
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
    assert texts(queries.search_entries(connection, script="*-0", since=timedelta(hours=1))) == [
        "0"
    ]
    assert texts(queries.search_entries(connection, until=ago(minutes=90))) == list("23")
    first = queries.search_entries(connection, limit=2, since=ago(days=2))
    second = queries.search_entries(connection, limit=9, since=ago(days=2), before=first[-1])
    assert texts(first + second) == ["0", "1", "2", "3", "old"]


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
