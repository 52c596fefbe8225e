"""The rules missed and silence: due times, grace, clocks, pauses and silent hosts (rows M1 to M14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kit.scenes import T, at

from runlog._database.statements import folder
from runlog.alerts import _statements as statements
from runlog.alerts._schedule import Schedule

HOST = {"host": "h1"}


def test_missed_after_the_grace_and_over_when_it_starts(scene):
    """M1, M2: nothing at 02:09, missed at 02:11, and the late start ends it and says how late."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    scene.look(at("02:05", day=9))
    scene.look(at("02:09"))
    assert scene.receiver.take() == []
    scene.look(at("02:11"))
    assert scene.receiver.take() == ["◇ sync did not start"]
    assert scene.details("missed")[0] == T.isoformat()
    scene.run(at("02:20"))
    scene.look(at("02:21"))
    assert scene.receiver.take() == ["✔ sync started at 10 Mar 02:20, 20 min late"]


def test_a_run_whose_record_came_late_was_not_late(scene):
    """It did start in time: the end says so, and when the record arrived."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    scene.look(at("02:05", day=9))
    scene.look(at("02:11"))
    scene.receiver.take()
    scene.run(at("02:00"))
    scene.look(at("07:10"))
    assert scene.receiver.take() == [
        "✔ sync did run at 10 Mar 02:00; its record arrived by 10 Mar 07:10"
    ]


def test_a_script_that_never_ran_is_missed_from_its_first_due_time(scene):
    """M3: declared at 10:00, nothing at 11:00, missed the next day at 02:11."""
    scene.expect(schedule="0 2 * * *")
    scene.look(at("10:00", day=9))
    scene.look(at("11:00", day=9))
    assert scene.incidents() == []
    scene.look(at("02:11"))
    assert scene.incidents() == [("missed", "open")]


@pytest.mark.parametrize(
    ("started", "is_missed"),
    [(timedelta(seconds=-30), False), (timedelta(minutes=-10), True)],
)
def test_a_start_a_little_early_counts(scene, started, is_missed):
    """M4, M5: clocks differ by a minute; ten minutes before is another run, by hand."""
    scene.expect(schedule="0 2 * * *")
    scene.look(at("10:00", day=9))
    scene.run(T + started)
    scene.look(at("02:11"))
    assert scene.incidents() == ([("missed", "open")] if is_missed else [])


def test_overdue_while_a_run_is_alive_is_unknown(scene):
    """M6, M7: a run that goes on is not missed; once its heartbeat stops it is, and crashed too."""
    scene.expect(schedule="0 * * * *")
    scene.alive(T, at("03:59"))
    scene.look(T)
    scene.look(at("04:00"))
    assert scene.incidents() == []
    scene.look(at("04:05"))
    scene.look(at("04:11"))
    assert sorted(scene.incidents()) == [("failed", "open"), ("missed", "open")]


def test_the_night_of_a_clock_change(scene):
    """M8, M9: 02:30 does not exist on 29 March; a start at 03:30 local is as good as any."""
    scene.expect(schedule="30 2 * * *", timezone="Europe/Berlin")
    night = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    scene.run(night - timedelta(minutes=-90 + 24 * 60))
    scene.look(night - timedelta(hours=20))
    scene.look(night + timedelta(hours=1, minutes=20))
    scene.run(night + timedelta(hours=1, minutes=30))
    scene.look(night + timedelta(hours=2))
    assert scene.incidents() == []


def test_another_schedule_voids_the_promise_of_the_old_one(scene):
    """M10: hourly changed to daily at 02:30; at 03:11 nothing is missed."""
    scene.expect(schedule="0 * * * *")
    scene.run(T)
    scene.look(at("02:05"))
    scene.expect(schedule="30 2 * * *")
    scene.look(at("02:50"))
    scene.look(at("03:11"))
    assert scene.incidents() == []


def test_no_schedule_any_more_ends_it(scene):
    """What nobody expects any more is over, and is told where the opening was told."""
    scene.expect(schedule="0 * * * *")
    scene.run(T)
    scene.look(at("02:05"))
    scene.look(at("03:11"))
    assert scene.receiver.take() == ["◇ sync did not start"]
    scene.expect(zero=False)
    scene.look(at("03:12"))
    assert scene.incidents() == [("missed", "unscheduled")]
    assert scene.receiver.take() == ["✔ sync: missed is not expected any more"]


def test_a_pause_over_the_due_time_expects_nothing(scene):
    """M12: paused over 02:00, resumed at 04:00; at 05:00 nothing is missed."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    scene.look(at("02:05", day=9))
    change = "update runlog_scripts set paused_until = %s, declared_at = %s"
    scene.connection.execute(change, (at("04:00"), at("04:00")))
    scene.look(at("03:00"))
    scene.look(at("05:00"))
    assert scene.incidents() == []


def test_what_is_paused_while_it_is_missed_is_over(scene):
    """A pause ends what it makes unexpected."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    scene.look(at("02:05", day=9))
    scene.look(at("02:11"))
    scene.connection.execute("update runlog_scripts set paused_until = 'infinity'")
    scene.look(at("02:12"))
    assert scene.incidents() == [("missed", "paused")]


def test_a_silent_host_is_one_incident_above_its_scripts(scene):
    """M14: twelve hourly scripts of h1 stop while h2 goes on: one message, and one at the end."""
    names = [f"job-{number:02}" for number in range(12)]
    for name in names:
        scene.expect(name, schedule="0 * * * *")
        scene.run(T, name, runlog=HOST)
    scene.expect("other", schedule="0 * * * *")
    scene.run(T, "other", runlog={"host": "h2"})
    scene.look(at("02:05"))
    scene.run(at("03:00"), "other", runlog={"host": "h2"})
    scene.look(at("03:11"))
    assert scene.receiver.take() == ["◇ nothing heard from h1: 12 scripts are overdue"]
    scene.look(at("03:12"))
    assert scene.receiver.take() == []

    for name in names[:-1]:
        scene.run(at("03:30"), name, runlog=HOST)
    scene.look(at("03:31"))
    told = scene.receiver.take()
    # One script outlives the silence of its host and is told for itself.
    assert told == ["◇ job-11 did not start", "✔ h1 is heard of again (after 1 h 30 min)"]


def test_an_outage_of_the_database_makes_nothing_look_missed(scene):
    """Due times of an outage get ten minutes after it, in which spools are delivered."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    scene.look(at("02:05", day=9))
    scene.look(at("06:00"), blind_since=at("01:55"))
    scene.look(at("06:09"))
    assert scene.incidents() == []
    scene.look(at("06:11"))
    assert scene.incidents() == [("missed", "open")]


def test_what_the_code_declares_holds_and_a_run_by_hand_does_not_take_it_back(scene):
    """The schedule lies in the newest run that tells one; a try at a terminal tells none."""
    scene.run(T, runlog={"expects": {"schedule": "0 2 * * *", "timezone": "UTC"}})
    scene.run(at("08:00"), triggered_by="manual")
    scene.look(at("08:05"))
    scene.look(at("02:11", day=11))
    assert scene.incidents() == [("missed", "open")]


def test_overdue_is_plain_sql(scene):
    """Grafana and psql see what is late without understanding cron."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    scene.look(at("02:05", day=9))
    row = scene.connection.execute(
        "select next_due_at, overdue_at from runlog_scripts where script_name = 'sync'"
    ).fetchone()
    assert row == (T, T + timedelta(minutes=10))


def test_a_nonsense_declaration_is_told_and_the_rest_of_it_holds(scene):
    """Any program may have written the row: what nobody understands switches nothing else off."""
    expects = {"schedule": "0 2 * * *", "grace": "ten", "timezone": "UTC"}
    scene.run(at("02:00", day=9), runlog={"expects": expects})
    done = scene.look(at("02:05", day=9))
    assert done.faults == ("sync: expects: grace='ten' is no span; use 10s, 10m, 2h or 1d",)
    scene.look(at("02:11"))
    assert scene.incidents() == [("missed", "open")]


@pytest.mark.parametrize(
    ("schedule", "after", "firings"),
    [
        (Schedule("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00Z", ["2026-03-29T01:00Z"]),
        (Schedule("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
        (Schedule("0 * * * *", "Europe/Berlin"), "2026-10-25T00:30Z", ["2026-10-25T01:00Z", "2026-10-25T02:00Z"]),
        (Schedule("every 15m"), "2026-10-25T00:30Z", ["2026-10-25T00:45Z", "2026-10-25T01:00Z"]),
    ],
)  # fmt: skip
def test_due_times_over_clock_changes(schedule, after, firings):
    """Each due time of a night with a clock change comes once."""
    found = schedule.upcoming(datetime.fromisoformat(after))
    assert [next(found) for _ in firings] == [datetime.fromisoformat(each) for each in firings]


def test_a_schedule_that_never_comes_is_never_due():
    """The second Monday is no 1st, and February has no 30th."""
    assert Schedule("0 0 */31 * MON#2").next_due(T, T) is None
    assert Schedule("0 0 30 2 *").next_due(T, T) is None
    assert Schedule("0 0 30 2 *; every 1h").next_due(T, T).at == T + timedelta(hours=1)


def test_a_short_period_has_a_short_grace():
    """Half the period, ten minutes at most, a minute at least; one of its own when given."""
    graces = {
        text: Schedule(text).next_due(T, T).overdue_at - Schedule(text).next_due(T, T).at
        for text in ("* * * * *", "*/4 * * * *", "0 * * * *", "every 5m")
    }
    assert graces == {
        "* * * * *": timedelta(minutes=1),
        "*/4 * * * *": timedelta(minutes=2),
        "0 * * * *": timedelta(minutes=10),
        "every 5m": timedelta(minutes=2.5),
    }


def test_no_statement_depends_on_the_session(scene):
    """Odd settings of the session change nothing: zone, date style, string syntax, search path."""
    scene.expect(schedule="0 2 * * *", fresh="2h", budget_day=1)
    scene.run(at("02:00", day=9), api_cost=3)
    scene.connection.execute(
        "set timezone = 'Asia/Kathmandu'; set datestyle = 'German, DMY'; set search_path = ''; "
        "set standard_conforming_strings = off; set backslash_quote = off; set intervalstyle = iso_8601"
    )
    scene.look(at("03:00", day=9))
    scene.look(at("02:11"))
    scene.connection.execute("reset all")
    assert sorted(scene.incidents()) == [
        ("cost_day", "expired"), ("missed", "open"), ("stale", "open"),
    ]  # fmt: skip
    assert scene.details("missed")[0] == T.isoformat()


def test_no_statement_holds_what_depends_on_the_session():
    """No backslash, no name without its schema, in any statement of the alerts."""
    import re

    for path in (folder() / "alerts").rglob("*.sql"):
        text = re.sub(r"--.*", "", path.read_text()).replace("e'\\n'", "")
        assert "\\" not in text, path.name
        bare = re.findall(r"\b(?:from|join|into|update)\s+((?:runs|logs|runlog_\w+)\b)", text)
        assert bare == [], path.name
    assert statements.statement("now", "public")


def test_starts_that_did_not_come_are_counted(scene):
    """Three nights without a start are one incident of three, and the fourth was not three days late."""
    scene.expect(schedule="0 2 * * *")
    scene.run(at("02:00", day=9))
    scene.look(at("02:05", day=9))
    scene.look(at("02:11"))
    scene.look(at("02:12", day=12))
    assert scene.receiver.take() == [
        "◇ sync did not start",
        "◇ sync did not start: 3 starts did not come",
    ]
    scene.run(at("02:00", day=13))
    scene.look(at("02:01", day=13))
    assert scene.receiver.take() == ["✔ sync started again at 13 Mar 02:00: 3 starts did not come"]
