"""Figures over many runs: errors, health of scripts, days, steps and sizes."""

from datetime import timedelta
from uuid import uuid4

import pytest
from kit.rows import add_all_states, add_entry, add_run, ago, now

from runlog import queries


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
    assert (
        len({g.fingerprint for g in queries.error_groups(connection, since=timedelta(days=2))}) == 4
    )
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
    add_all_states(connection)
    runs = {run.script_name: run.state for run in queries.last_runs(connection)}
    assert len(runs) == 6
    assert {h.script_name: h.state for h in queries.script_health(connection)} == runs


def test_days_are_those_of_the_time_zone(connection):
    """A run counts on the day on which it began in the asked time zone."""
    late = now().replace(hour=23, minute=30) - timedelta(days=2)
    add_run(connection, "a", started_at=late, records_fetched=5)
    add_run(connection, "b", started_at=late - timedelta(hours=2), status="error")
    utc, tokyo = late.date(), late.date() + timedelta(days=1)

    def told(**options):
        days = queries.daily_statistics(connection, **options)
        return [(d.day, d.script_name, d.runs, d.failed, d.records_fetched) for d in days]

    assert told() == [(utc, None, 2, 1, 5)]
    assert told(timezone="Asia/Tokyo", script="a") == [(tokyo, None, 1, 0, 5)]
    assert told(by_script=True) == [(utc, "a", 1, 0, 5), (utc, "b", 1, 1, None)]


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
