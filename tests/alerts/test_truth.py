"""What a person is told is so: counts, spans, amounts and titles, and who may say that nothing is expected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kit.rows import add_run
from kit.scenes import T, at

from runlog.alerts import Care
from runlog.alerts._check import check
from runlog.alerts._config import Config, Mute
from runlog.alerts._schedule import Schedule

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("schedule", ["0 * * * *", "every 1h"])
def test_a_run_that_went_on_over_its_next_slot_missed_nothing(scene, schedule):
    """02:00 to 03:16, hourly: nothing is missed when it ends; at 04:16 it is, if nothing starts."""
    scene.expect(schedule=schedule)
    scene.run(T, seconds=76 * 60)
    scene.look(at("02:05"))
    scene.look(at("03:17"))
    assert scene.incidents() == []
    scene.look(at("04:16"))
    assert scene.incidents() == [("missed", "open")]


def test_all_failures_in_a_row_are_counted(scene):
    """A night of failures every five minutes is told whole, and since its first one."""
    scene.run(at("20:00", day=9))
    for number in range(100):
        scene.run(at("20:05", day=9) + 5 * number * MINUTE, status="error")
    scene.look(at("06:00"))
    assert scene.receiver.take() == ["✖ sync failed 100 times"]
    assert scene.details("failed")[1] == at("20:05", day=9)
    scene.run(at("06:00"))
    scene.look(at("06:01"))
    assert scene.receiver.take() == ["✔ sync works again (down 9 h 55 min, 100 runs failed)"]


def test_a_reminder_tells_how_long_it_is_by_now(scene):
    """Two days later it has not succeeded for two days, not for the two hours of the first message."""
    scene.expect(fresh="2h")
    scene.run(T)
    scene.look(at("04:05"))
    scene.look(at("04:06", day=12))
    assert scene.receiver.take() == [
        "✖ sync has not succeeded for 2 h 4 min",
        "✖ sync has not succeeded for 2 d 2 h",
    ]


@pytest.mark.parametrize(
    ("spent", "allowed", "told"),
    [
        ("0.004", 0.002, "0.0040 of 0.0020"),
        ("100.001", 100, "100.0010 of 100.0000"),
        ("1.5", 1, "1.50 of 1"),
        ("NaN", 1, "NaN of 1"),
    ],
)
def test_what_costs_more_shows_more(scene, spent, allowed, told):
    """As many digits as it takes to see that it is more."""
    scene.expect(max_cost=allowed)
    scene.run(T, api_cost=spent)
    scene.look(at("02:05"))
    assert scene.receiver.take() == [f"⚠ sync cost {told} allowed for a run"]


def test_what_is_asked_again_is_counted_on(scene):
    """Three entries and one more are four, whichever look sees them."""
    run = scene.run(T)
    for number in range(3):
        scene.entry(run, T, f"only {number}", step="ALERT", level="WARNING")
    scene.look(at("02:05"))
    scene.entry(run, at("02:06"), "only 9", step="ALERT", level="WARNING")
    scene.look(at("02:07"))
    details = scene.details("asked")[2]
    assert (details["times"], details["text"]) == (4, "only 9")


def test_the_title_of_many_is_true_of_all(scene):
    """What is paused does not work again; two hosts are no script called ``*``."""
    for name in ("a", "b"):
        scene.expect(name, schedule="0 2 * * *")
        scene.run(at("02:00", day=9), name)
    scene.look(at("02:05", day=9))
    for host in ("h1", "h2"):
        for number in range(3):
            scene.expect(f"{host}-{number}", schedule="0 * * * *")
            scene.run(T, f"{host}-{number}", runlog={"host": host})
    scene.look(at("02:05"))
    scene.look(at("02:11"))
    scene.look(at("03:11"))
    assert scene.receiver.take() == ["✖ 2 scripts need attention", "✖ 2 things need attention"]
    scene.connection.execute(
        "update runlog_scripts set paused_until = 'infinity' where script_name in ('a', 'b')"
    )
    scene.look(at("03:12"))
    assert scene.receiver.take() == ["✔ 2 incidents are over"]


def test_kinds_of_errors_are_told_apart(scene):
    """Several new kinds in one message say which."""
    run = scene.run(T)
    for text in ("contact refused", "disk full"):
        scene.entry(run, T, text, level="ERROR")
    scene.look(at("02:05"))
    [message] = scene.receiver.messages
    assert {
        "⚠ sync: a new kind of error: contact refused",
        "⚠ sync: a new kind of error: disk full",
    } <= set(message.text.splitlines())


def test_a_host_that_delivers_again_has_a_name(scene):
    """The end of a host's backlog tells of the host."""
    scene.run(T, runlog={"host": "h1", "backlog": {"dead_letters": 3}})
    scene.look(at("02:05"))
    scene.run(at("02:10"), runlog={"host": "h1", "backlog": ["nonsense"]})
    scene.look(at("02:15"))
    assert scene.receiver.take()[1] == "✔ h1 delivers everything again (after 14 min 50 s)"


def test_a_mute_holds_by_each_of_its_schedules(scene):
    """The second of two windows mutes as well as the first."""
    twice = Schedule("0 1 * * *; 0 2 * * *")
    scene.config = Config(mutes=(Mute("*", "*", twice, timedelta(minutes=30), ""),))
    scene.run(at("02:05"), status="error")
    scene.look(at("02:10"))
    assert scene.receiver.take() == []


def test_a_budget_of_all_scripts_goes_by_the_files_days(scene):
    """18:16 UTC is after midnight at Kathmandu: what was spent before is yesterday's."""
    scene.config = Config(scripts={"*": {"budget_day": 1, "timezone": "Asia/Kathmandu"}})
    scene.run(at("18:00"), api_cost=2)
    scene.look(at("18:14"))
    assert scene.details("cost_day")[1] == at("18:15", day=9)
    scene.look(at("18:16"))
    assert scene.incidents() == [("cost_day", "expired")]


def test_who_has_no_file_does_not_void_what_others_expect_by_theirs(scene):
    """A look without runlog.toml, such as of exec --watch elsewhere, unschedules nothing."""
    scene.config = Config(
        scripts={"sync": {"schedule": "0 2 * * *", "timezone": "UTC", "fresh": "20h"}}, digest="a"
    )
    bare = Config()
    scene.run(at("02:00", day=9))
    for half_hour in range(52):
        now = at("02:05", day=9) + 30 * half_hour * MINUTE
        scene.look(now)
        mine, scene.config = scene.config, bare
        scene.look(now + MINUTE, scene.watcher("bare"))
        scene.config = mine
    assert scene.receiver.take() == [
        "✖ sync has not succeeded for 20 h 4 min", "◇ sync did not start"
    ]  # fmt: skip
    assert scene.incidents() == [("stale", "open"), ("missed", "open")]


def test_watchers_in_two_time_zones_go_by_one(scene, monkeypatch):
    """Where nobody says a zone the first watcher's holds: the other's is no other schedule."""
    scene.config = Config(scripts={"sync": {"schedule": "0 2 * * *"}})
    scene.run(at("02:00", day=9))
    for hour in range(26):
        for zone, late in (("UTC", 0), ("Europe/Berlin", 1)):
            monkeypatch.setenv("TZ", zone)
            scene.look(at("02:11", day=9) + (60 * hour + late) * MINUTE, scene.watcher(zone))
    assert scene.incidents() == [("missed", "open")]
    assert scene.details("missed")[0] == T.isoformat()


@pytest.mark.parametrize(
    "moments",
    [
        {"finished_at": "infinity"},
        {"finished_at": "-infinity"},
        {"finished_at": "20000-01-01"},
        {"started_at": "-infinity", "finished_at": None},
        {"started_at": "0044-03-15 BC", "finished_at": None},
    ],
)
def test_an_odd_moment_of_one_run_silences_nothing(scene, moments):
    """Another program's row that no calendar holds: the other scripts are told of all the same."""
    odd = {"started_at": T, "runlog": {"host": "h1"}, **moments}
    scene.expect("odd", schedule="0 * * * *")
    add_run(scene.connection, "odd", **odd)
    scene.run(T, status="error")
    scene.look(at("02:05"))
    scene.look(at("03:05"))
    assert "✖ sync failed" in scene.receiver.take()


def test_a_recovery_is_when_it_was_and_not_when_its_record_came(scene):
    """It failed at 02:00 and did well at 02:30; a spool told that at 05:00."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    scene.run(at("02:30"))
    scene.run(at("03:30"))
    scene.look(at("05:00"))
    assert scene.receiver.take()[1] == "✔ sync works again (down 30 min 10 s, 1 run failed)"


def test_a_name_of_several_lines_is_one_line_of_a_message(scene):
    """What a script is called forges no line of its own."""
    for name in ("a", "b\n✔ c works again"):
        scene.run(T, name, status="error")
    scene.look(at("02:05"))
    [message] = scene.receiver.messages
    assert message.text.splitlines() == ["✖ a failed", "✖ b"]


def test_messages_that_are_all_different_are_no_thousand_incidents(scene):
    """Twenty kinds are told one by one, the others as one that is counted on."""
    run = scene.run(T)
    words = [f"bad {first}{second}" for first in "abcdefghij" for second in "abcdef"]
    for word in words[:50]:
        scene.entry(run, T, word, level="ERROR")
    scene.look(at("02:05"))
    assert len(scene.incidents("new_error")) == 21
    [message] = scene.receiver.messages
    assert message.text.splitlines()[-1] == "… and 11 more: runlog alerts"
    scene.receiver.messages.clear()
    for word in words[50:]:
        scene.entry(run, at("02:06"), word, level="ERROR")
    scene.look(at("02:07"))
    assert len(scene.incidents("new_error")) == 21
    row = scene.connection.execute("select details from runlog_incidents where subject = '*'")
    assert row.fetchone() == ({"kinds": 40},)
    scene.look(at("02:30", day=11))
    assert {how for _, how in scene.incidents("new_error")} == {"expired"}


def close(scene, rule):
    """Let a person say that it is over."""
    alerts = Care(scene.connection, "public")
    [incident] = [each for each in alerts.open_incidents() if each.rule == rule]
    assert alerts.close(incident.id, "me")


def test_what_was_closed_by_hand_and_fails_again_is_told_again(scene):
    """Not the same failure: the next one, and each once."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    for hour in (3, 4):
        close(scene, "failed")
        scene.look(at(f"{hour:02}:00"))
        assert [how for _, how in scene.incidents()] == ["closed"] * (hour - 2)
        scene.run(at(f"{hour:02}:01"), status="error")
        scene.run(at(f"{hour:02}:02"), status="error")
        scene.look(at(f"{hour:02}:05"))
        scene.look(at(f"{hour:02}:06"))
        assert [how for _, how in scene.incidents()] == ["closed"] * (hour - 2) + ["open"]


def test_a_missed_start_that_was_closed_by_hand_is_forgiven_and_the_next_is_not(scene):
    """A person closes it and nothing starts at the next due time either: told again."""
    now = datetime.now(UTC)
    scene.expect(schedule="every 1h")
    scene.run(now - timedelta(hours=3))
    scene.look(now - timedelta(hours=3))
    scene.look(now)
    assert scene.incidents() == [("missed", "open")]
    close(scene, "missed")
    scene.look(now + 30 * MINUTE)
    assert scene.incidents() == [("missed", "closed")]
    scene.look(now + 75 * MINUTE)
    assert scene.incidents() == [("missed", "closed"), ("missed", "open")]


def test_another_interval_is_expected_from_now_on(scene):
    """A daily script that becomes one of each 6 hours is not missed at once."""
    scene.expect(schedule="every 1d")
    scene.run(at("02:00"))
    scene.look(at("02:05"))
    scene.expect(schedule="every 6h")
    scene.look(at("14:00"))
    scene.look(at("19:00"))
    assert scene.incidents() == []
    scene.look(at("20:11"))
    assert scene.incidents() == [("missed", "open")]


def test_who_is_ahead_of_time_is_named(scene):
    """A run that failed by a clock of tomorrow is not judged, and that is told."""
    scene.run(T)
    scene.run(at("02:00", day=11), status="error", runlog={"host": "h1"})
    ahead = "sync: a run began 23 h 55 min in the future, so the clock of h1 is ahead; "
    [told] = scene.look(at("02:05")).faults
    assert told.startswith(ahead)
    for script, faults in ((None, (told,)), ("sync", (told,)), ("other", ())):
        found = check(scene.connection, "public", Config(), script=script, now=at("02:05"))
        assert found.faults == faults
