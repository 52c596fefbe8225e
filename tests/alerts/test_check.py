"""The stateless check: two documented tables, nothing written, nothing remembered."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from kit.scenes import T, at

from runlog._database.statements import migration_files
from runlog.alerts._check import check
from runlog.alerts._config import Config


def told(scene, now=T, **asked):
    return [
        each.says for each in check(scene.connection, "public", scene.config, now=now, **asked).bad
    ]


def test_what_is_bad_is_told_each_time(scene):
    """It remembers nothing: the worst first, in a watcher's words."""
    scene.run(at("01:00"), "sync", status="error")
    scene.run(at("01:30"), "load", records_fetched=100, records_failed=50)
    scene.run(at("01:30"), "fine")
    assert told(scene) == told(scene) == ["sync failed", "load left 50 of 100 records behind"]


def test_the_age_of_the_last_success_of_a_script(scene):
    """check SCRIPT --max-age 26h needs no declaration at all."""
    scene.run(at("01:00", day=9), seconds=0)
    ages = {"script": "sync", "max_age": timedelta(hours=26)}
    assert told(scene, **ages) == []
    assert told(scene, at("04:00"), **ages) == ["sync has not succeeded for 1 d 3 h"]


def test_a_script_that_never_succeeded_is_bad_when_it_is_asked_for(scene):
    """Whether it runs at all is the question, so no row is an answer."""
    ages = {"max_age": timedelta(hours=26)}
    assert told(scene, script="nobody", **ages) == ["nobody has never succeeded"]
    scene.run(at("01:00"), status="error")
    assert told(scene, script="sync", **ages) == ["sync failed", "sync has never succeeded"]


def test_missed_counts_from_the_newest_start(scene):
    """Nobody remembers when the schedule was declared; the newest run is a promise of the next."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    assert told(scene, at("02:09")) == []
    assert told(scene, at("02:11")) == ["sync did not start"]


def test_a_schedule_that_never_comes_is_told_and_keeps_nobody_from_the_others(scene):
    """Any program may have declared it; it is a fault of that script, for check and watcher."""
    for name, schedule in (("odd", "0 0 */31 * MON#2"), ("older", "0 0 30 2 *")):
        declared = {"expects": {"schedule": schedule, "timezone": "UTC"}}
        scene.run(at("01:00"), name, runlog=declared)
    scene.run(at("01:00"), "sync", status="error")
    found = check(scene.connection, "public", scene.config, now=T)
    assert [each.says for each in found.bad] == ["sync failed"]
    assert [said.partition(":")[0] for said in found.faults] == ["odd", "older"]
    assert all("never comes" in said for said in found.faults)
    scene.look(T)
    assert scene.receiver.take() == ["✖ sync failed"]


ODD_BEATS = [
    "2026-13-99T00:00:00",
    "2026-02-30T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "infinity",
    [1],
    7,
    None,
]
ODD_INTERVALS = [-1, 1e300, "x", None, [30]]


@pytest.mark.parametrize("beat", ODD_BEATS)
@pytest.mark.parametrize("interval", ODD_INTERVALS)
def test_what_others_write_of_a_run_blinds_nobody(scene, beat, interval):
    """A heartbeat that is no moment is none, as for every other question; the others are judged."""
    scene.expect("odd", quiet="1s", max_duration="1s")
    odd = {"heartbeat_at": beat, "heartbeat_interval": interval}
    scene.run(at("01:00"), "odd", status="running", runlog=odd)
    scene.run(at("01:00"), "sync", status="error")
    assert told(scene) == ["sync failed"]
    scene.look(T)
    assert scene.receiver.take() == ["✖ sync failed"]


@pytest.mark.parametrize("interval", ODD_INTERVALS)
def test_a_living_run_with_an_odd_interval_is_judged(scene, interval):
    """Nobody can reckon with every number that a row may hold."""
    odd = {"heartbeat_at": "2026-03-10T01:59:59+00:00", "heartbeat_interval": interval}
    scene.run(at("01:00"), "odd", status="running", runlog=odd)
    scene.run(at("01:00"), "sync", status="error")
    assert "sync failed" in told(scene)


def test_only_what_is_asked_for(scene):
    """A pattern leaves the others alone."""
    for script in ("a-1", "a-2", "b"):
        scene.run(at("01:00"), script, status="error")
    assert told(scene, script="a-*") == ["a-1 failed", "a-2 failed"]


@pytest.fixture
def documented(empty_database):
    """A database with the two documented tables and nothing else of runlog."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(migration_files()[0].sql)
        yield connection


def test_two_documented_tables_are_enough(documented, scene):
    """It works where runlog never migrated, with all rules on."""
    scene.connection = documented
    expects = {
        "schedule": "0 2 * * *", "timezone": "UTC", "fresh": "2h", "max_duration": "5s", "quiet": "1m",
        "max_cost": 1, "budget_day": 1, "budget_month": 1,
    }  # fmt: skip
    scene.run(at("01:00", day=9), api_cost=3, runlog={"expects": expects})
    scene.run(at("02:00", day=9), runlog={"expects": expects})
    assert sorted(told(scene, at("02:11"))) == [
        "sync cost 3 of 1 allowed for 2026-03",
        "sync cost 3 of 1 allowed for a run",
        "sync did not start",
        "sync has not succeeded for 1 d 10 min",
        "sync took 10 s",
    ]


def test_a_reader_may_check(connection, scene):
    """Nothing is written, and nothing but reading the two tables is needed."""
    scene.run(at("01:00"), status="error")
    connection.execute("drop role if exists check_reader")
    connection.execute("create role check_reader")
    connection.execute("grant select on runs, logs to check_reader; set role check_reader")
    try:
        assert told(scene) == ["sync failed"]
    finally:
        connection.execute("reset role; revoke all on runs, logs from check_reader")
        connection.execute("drop role check_reader")


def test_declarations_that_nobody_understands_are_told(scene):
    """A typo of another program does not hide."""
    scene.run(at("01:00"), runlog={"expects": {"schedul": "@daily"}})
    found = check(scene.connection, "public", Config(), now=T)
    assert found.faults == ("sync: expects: unknown key 'schedul'; did you mean 'schedule'?",)
