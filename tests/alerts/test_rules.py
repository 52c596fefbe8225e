"""The rules over successes, records, costs and entries (rows S1, L1 to L4, Z1, Z2, P1, C1, E1, E5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kit.scenes import T, at

from runlog import queries
from runlog.alerts._config import Config

MINUTES_15 = timedelta(minutes=15)


def test_stale_by_the_age_of_the_last_success(scene):
    """S1: fresh within 26 h: 25 h are fine, 27 h are not, and an error after it changes nothing."""
    scene.expect(fresh="26h", failed=False)
    scene.run(at("01:00", day=9), seconds=0)
    scene.look(T)
    assert scene.incidents() == []
    scene.look(at("04:00"))
    assert scene.receiver.take() == ["✖ sync has not succeeded for 1 d 3 h"]
    scene.run(at("04:30"), status="error")
    scene.look(at("05:00"))
    assert scene.incidents() == [("stale", "open")]


def test_stale_is_unknown_before_the_first_success(scene):
    """A script that never succeeded is judged by its failures, not by its age."""
    scene.expect(fresh="26h", failed=False)
    scene.run(at("01:00", day=5), status="error")
    scene.look(T)
    assert scene.incidents() == []


def history(scene, count=25, seconds=60, every=timedelta(hours=1), until=T, **columns):
    """Successes of 54 to 66 s, say, the last one a while before t."""
    for number in range(count):
        spread = seconds * (0.9 + 0.2 * (number % 5) / 4)
        scene.run(until - (count - number) * every, seconds=spread, **columns)


def test_a_run_that_is_alive_takes_longer_than_any_before(scene):
    """L1: successes of 54 to 66 s; nothing after 170 s, long after 201 s, and told once."""
    history(scene)
    for seconds, expected in ((170, []), (201, [("long", "open")]), (215, [("long", "open")])):
        now = T + timedelta(seconds=seconds)
        scene.connection.execute("delete from runs where status = 'running'")
        scene.alive(T, now)
        scene.look(now)
        assert scene.incidents() == expected
    assert scene.receiver.take() == ["⚠ sync has been running for 3 min 21 s"]


def test_long_needs_two_in_a_row(scene):
    """L3: one success of 300 s is nothing, two are long, one of 61 s ends it."""
    history(scene)
    scene.run(T, seconds=300)
    scene.look(at("02:10"))
    assert scene.incidents() == []
    scene.run(at("02:10"), seconds=300)
    scene.look(at("02:20"))
    assert scene.incidents() == [("long", "open")]
    scene.run(at("02:20"), seconds=61)
    scene.look(at("02:30"))
    assert scene.incidents() == [("long", "recovered")]


def test_long_measures_a_mode_by_itself(scene):
    """L4: full syncs of 900 s are not long because incremental ones take 60 s."""
    history(scene, sync_mode="incremental")
    for number in (1, 2):
        scene.run(T + number * timedelta(minutes=20), seconds=900, sync_mode="full")
    scene.look(at("03:00"))
    assert scene.incidents() == []


def test_long_by_a_limit_of_its_own(scene):
    """max_duration counts without any history."""
    scene.expect(max_duration="1m", long={"after": 1})
    scene.run(T, seconds=61)
    scene.look(at("02:10"))
    assert scene.incidents() == [("long", "open")]


def test_zero_at_once_where_it_never_happened(scene):
    """Z1: thirty daily runs with 500 records, then none."""
    for day in range(30):
        scene.run(T - timedelta(days=30 - day), records_fetched=500)
    scene.run(T, records_fetched=0)
    scene.look(at("02:05"))
    assert scene.incidents() == [("zero", "open")]
    scene.run(at("03:00"), records_fetched=7)
    scene.look(at("03:05"))
    assert scene.incidents() == [("zero", "recovered")]


def test_zero_knows_the_nights(scene):
    """Z2: records from 11 to 24 o'clock only: 44 empty runs are a night, 57 are not."""
    start = at("00:00") - timedelta(days=14)
    moments = [start + number * MINUTES_15 for number in range(14 * 96 + 57)]
    for moment in moments[: 14 * 96]:
        scene.run(moment, seconds=5, records_fetched=20 if moment.hour >= 11 else 0)
    night = moments[14 * 96 :]
    for moment in night[:44]:
        scene.run(moment, seconds=5, records_fetched=0)
    scene.look(night[43] + timedelta(minutes=1))
    assert scene.incidents() == []
    for moment in night[44:]:
        scene.run(moment, seconds=5, records_fetched=0)
    scene.look(night[-1] + timedelta(minutes=1))
    assert scene.incidents() == [("zero", "open")]


def test_partial_by_share_and_number(scene):
    """P1: 3 of 20 are too few to tell, 12 of 100 are partial, 0 ends it."""
    scene.run(T, records_fetched=20, records_failed=3)
    scene.look(at("02:01"))
    assert scene.incidents() == []
    scene.run(at("03:00"), records_fetched=100, records_failed=12)
    scene.look(at("03:01"))
    assert scene.receiver.take() == ["⚠ sync left 12 of 100 records behind"]
    scene.run(at("04:00"), records_fetched=100, records_failed=0)
    scene.look(at("04:01"))
    assert scene.incidents() == [("partial", "recovered")]


def test_a_budget_of_the_day(scene):
    """C1: 4.50 of 5 is nothing, 6.50 opens, the next day ends it without a word."""
    scene.expect(budget_day=5)
    scene.run(at("08:00"), api_cost=4.5)
    scene.look(at("08:05"))
    assert scene.incidents() == []
    scene.run(at("09:00"), api_cost=2)
    scene.look(at("09:05"))
    assert scene.receiver.take() == ["⚠ sync cost 6.50 of 5 allowed for 2026-03-10"]
    scene.look(at("00:05", day=11))
    assert scene.incidents() == [("cost_day", "expired")]
    assert scene.receiver.take() == []


def test_a_day_is_the_scripts_own(scene):
    """A run at 23:30 UTC belongs to the next day in Berlin."""
    scene.expect(budget_day=5, timezone="Europe/Berlin")
    scene.run(at("23:30"), api_cost=6)
    scene.look(at("23:35"))
    assert scene.details("cost_day")[0] == "2026-03-11"


def test_a_budget_of_all_scripts_together(scene):
    """[scripts."*"] holds what all may cost in a month, not each."""
    scene.config = Config(scripts={"*": {"budget_month": 10}})
    scene.run(at("01:00"), "a", api_cost=6)
    scene.run(at("01:00"), "b", api_cost=6)
    scene.look(T)
    assert scene.receiver.take() == ["⚠ all scripts together cost 12 of 10 allowed for 2026-03"]


def test_a_run_that_costs_too_much(scene):
    """max_cost is of one run; the next cheap one ends it."""
    scene.expect(max_cost=2)
    scene.run(T, api_cost=3)
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["⚠ sync cost 3 of 2 allowed for a run"]
    scene.run(at("03:00"), api_cost=1)
    scene.look(at("03:05"))
    assert scene.incidents() == [("cost_run", "recovered")]


def test_a_new_kind_of_error(scene):
    """E1: a kind is new once, whatever the numbers in it, and again after a month of silence."""
    run = scene.run(T)
    scene.entry(run, T, "contact 4711 refused", level="ERROR")
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["⚠ sync: a new kind of error: contact 4711 refused"]
    scene.entry(run, at("02:10"), "contact 99 refused", level="ERROR")
    scene.look(at("02:15"))
    assert scene.receiver.take() == []
    later = T + timedelta(days=31)
    scene.look(T + timedelta(days=2))
    scene.entry(scene.run(later), later, "contact 1 refused", level="ERROR")
    scene.look(later + timedelta(minutes=5))
    assert scene.incidents() == [("new_error", "expired"), ("new_error", "open")]


def test_errors_of_before_the_first_look_are_not_new(scene):
    """E5: who begins to watch is not told of the past; what is delivered 8 hours late is new."""
    scene.connection.execute("truncate runlog_watchers")
    scene.entry(scene.run(at("01:00")), at("01:00"), "old", level="ERROR")
    scene.look(T)
    assert scene.incidents() == []
    scene.entry(scene.run(at("02:10")), at("02:10"), "late", level="ERROR")
    scene.look(at("10:10"))
    assert scene.incidents() == [("new_error", "open")]


def test_a_new_error_of_a_failure_is_told_with_it(scene):
    """One message for a run that fails in a new way, not two."""
    run = scene.run(T, status="error")
    scene.entry(run, T, "no such table", level="ERROR")
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["✖ sync failed"]


def test_kinds_of_errors_are_those_of_the_errors_page(scene):
    """The fingerprints that watchers keep are those of the view and of the query."""
    run = scene.run(T)
    for text in (
        "contact 4711 refused",
        "id 0xFF and 018f2c61-0000-7000-8000-000000000001",
        "é１２",
    ):
        scene.entry(run, T, text, level="ERROR", meta={"error_type": "ValueError"})
    scene.look(at("02:05"))
    kept = scene.connection.execute("select fingerprint from runlog_error_kinds").fetchall()
    groups = queries.error_groups(scene.connection, since=T - timedelta(days=1))
    assert sorted(row[0] for row in kept) == sorted(group.fingerprint for group in groups)
    assert len(kept) == 3


def test_quiet_while_it_is_alive(scene):
    """A run that lives and says nothing for longer than it may; an entry ends it."""
    scene.expect(quiet="5m")
    run = scene.alive(T, at("02:06"))
    scene.entry(run, at("02:00"), "page 1")
    scene.look(at("02:06"))
    assert scene.receiver.take() == ["⚠ sync is alive and says nothing"]
    scene.entry(run, at("02:06"), "page 2")
    scene.look(at("02:06"))
    assert scene.incidents() == [("quiet", "recovered")]


def test_starts_that_were_skipped(scene):
    """Three starts that found the run in their way are told; two are not."""
    run = scene.alive(T, at("02:10"))
    for number in range(3):
        assert scene.incidents() == []
        scene.entry(run, at("02:05"), "another start was skipped", step="SKIP", level="WARNING")
        scene.look(at("02:10") + timedelta(seconds=number))
    assert scene.receiver.take() == ["⚠ sync made 3 starts skip"]


def test_a_host_that_does_not_deliver_everything(scene):
    """A run that left dead letters or shed entries behind says so; the next clean one ends it."""
    scene.run(T, runlog={"host": "h1", "backlog": {"dead_letters": 2}})
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["⚠ h1 does not deliver everything: dead letters 2"]
    scene.run(at("03:00"), runlog={"host": "h1"})
    scene.look(at("03:05"))
    assert scene.incidents() == [("backlog", "recovered")]


def test_what_a_script_asks_to_be_told(scene):
    """A1: an entry of step ALERT is told once as what its level says, and another one later again."""
    run = scene.run(T)
    scene.entry(run, T, "Only 3 of 20000 contacts have an e-mail", step="ALERT", level="WARNING")
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["⚠ sync: Only 3 of 20000 contacts have an e-mail"]
    scene.look(at("02:06"))
    scene.look(at("02:10", day=11))
    assert scene.incidents() == [("asked", "expired")]
    assert scene.receiver.take() == []
    later = at("08:00", day=11)
    scene.entry(run, later, "Only 4 of 20000 contacts have an e-mail", step="ALERT", level="ERROR")
    scene.look(later + timedelta(minutes=1))
    assert scene.receiver.take() == ["✖ sync: Only 4 of 20000 contacts have an e-mail"]


def test_what_is_asked_while_it_is_open_is_told_in_it(scene):
    """A second text of the same kind joins the open incident."""
    run = scene.run(T)
    scene.entry(run, T, "3 left", step="ALERT", level="WARNING")
    scene.look(at("02:05"))
    scene.entry(run, at("02:06"), "2 left", step="ALERT", level="WARNING")
    scene.look(at("02:07"))
    scene.look(at("02:08"))
    assert scene.incidents() == [("asked", "open")]
    assert scene.details("asked")[2]["text"] == "2 left"


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_what_is_asked_in_a_low_voice_is_only_shown(scene, level):
    """Severity info is kept and told to nobody."""
    scene.entry(scene.run(T), T, "by the way", step="ALERT", level=level)
    scene.look(at("02:05"))
    assert scene.incidents() == [("asked", "open")]
    assert scene.receiver.take() == []


def test_evidence_that_went_away_changes_nothing(scene):
    """Unknown is neither good nor bad: what retention or a person deleted ends no incident."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    scene.connection.execute("truncate logs, runs")
    scene.look(at("02:06"))
    assert scene.incidents() == [("failed", "open")]
