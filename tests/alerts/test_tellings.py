"""Who is told what, once: mutes, routes, groups, the brake, reminders, flapping (T2, T3, X2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from kit.scenes import Receiver, T, at

from runlog.alerts._channels import Channel
from runlog.alerts._config import Mute, Route
from runlog.alerts._schedule import Schedule
from runlog.alerts._sender import End, Outcome


def mute(scene, until, scripts="*", rule="*"):
    scene.connection.execute(
        "insert into runlog_mutes (scripts, rule, from_at, until_at) values (%s, %s, %s, %s)",
        (scripts, rule, at("00:00"), until),
    )


def test_when_a_mute_ends_what_is_open_is_told_once(scene):
    """T2: muted while it fails; told when the mute ends, and not again."""
    mute(scene, at("03:00"))
    scene.run(T, status="error")
    scene.look(at("02:05"))
    assert scene.receiver.take() == []
    scene.look(at("03:01"))
    assert scene.receiver.take() == ["✖ sync failed"]
    mute(scene, at("04:00"))
    scene.look(at("03:30"))
    scene.look(at("04:01"))
    assert scene.receiver.take() == []


def test_what_ends_while_it_is_muted_is_never_told(scene):
    """T2: nobody learns of the end of what nobody was told of; the incident is kept."""
    mute(scene, at("03:00"))
    scene.run(T, status="error")
    scene.look(at("02:05"))
    scene.run(at("02:30"))
    scene.look(at("02:35"))
    scene.look(at("03:05"))
    assert scene.receiver.take() == []
    assert scene.incidents() == [("failed", "recovered")]


def test_an_end_is_told_even_while_it_is_muted(scene):
    """Who was told of the begin is told of the end."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    mute(scene, at("03:00"))
    scene.run(at("02:30"))
    scene.look(at("02:35"))
    assert scene.receiver.take() == [
        "✖ sync failed",
        "✔ sync works again (down 30 min 10 s, 1 run failed)",
    ]


def test_a_mute_is_of_scripts_and_rules(scene):
    """Others are told all the same."""
    mute(scene, at("03:00"), scripts="hubspot-*", rule="failed")
    for script in ("hubspot-sync", "vapi-sync"):
        scene.run(T, script, status="error")
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["✖ vapi-sync failed"]


def test_a_window_that_comes_again(scene):
    """The file's mutes hold from each of their firings for a while."""
    window = Mute("*", "*", Schedule("0 2 * * SUN"), timedelta(hours=3), "maintenance")
    scene.config = replace(scene.config, mutes=(window,))
    sunday = at("02:30", day=8)
    scene.run(sunday, status="error")
    scene.look(sunday + timedelta(minutes=5))
    assert scene.receiver.take() == []
    scene.look(sunday + timedelta(hours=3))
    assert scene.receiver.take() == ["✖ sync failed"]


def test_routes_by_script_and_severity(scene):
    """The first route that fits decides; without one nobody is told."""
    pager, chat = Receiver(), Receiver()
    scene.config = replace(
        scene.config,
        routes=(Route("pay-*", "error", ("pager",)), Route("*", "warning", ("chat",))),
    )
    channels = (Channel("p", "pager", pager), Channel("c", "chat", chat))
    scene.run(T, "pay-out", status="error")
    scene.run(T, "sync", status="error")
    scene.look(at("02:05"), scene.watcher(channels=channels))
    assert (pager.take(), chat.take()) == (["✖ pay-out failed"], ["✖ sync failed"])


def test_forty_failures_are_one_message(scene):
    """X2: ten lines, and how many more; a cause that they share comes first."""
    for number in range(40):
        scene.run(T, f"job-{number:02}", status="error", error_message="connection refused")
    scene.look(at("02:05"))
    [message] = scene.receiver.messages
    lines = message.text.splitlines()
    assert message.title == "✖ 40 scripts need attention"
    assert lines[0] == "40 of them: connection refused"
    assert [line for line in lines if line.startswith("✖")] == [
        f"✖ job-{number:02} failed" for number in range(10)
    ]
    assert lines[-1] == "… and 30 more: runlog alerts"
    assert len(message.document["incidents"]) == 40


def test_a_manager_of_incidents_is_told_of_each_alone(scene):
    """PagerDuty and its like get one message an incident under its id, and its end."""
    pager = Receiver()
    watcher = scene.watcher(channels=(Channel("p", "default", pager, is_manager=True),))
    for script in ("a", "b"):
        scene.run(T, script, status="error")
    scene.look(at("02:05"), watcher)
    assert sorted(pager.take()) == ["✖ a failed", "✖ b failed"]
    opened = {message.incident_id for message in pager.attempts}
    scene.run(at("03:00"), "a")
    scene.look(at("03:05"), watcher)
    assert [message.kind for message in pager.messages] == ["resolved"]
    assert pager.messages[0].incident_id in opened


def test_the_brake_holds_what_is_more_and_tells_it_as_one(scene):
    """Six messages in ten minutes; the rest waits for their end and comes as one."""
    for number in range(10):
        scene.run(T, f"job-{number}", status="error")
        scene.look(at("02:01") + timedelta(seconds=number))
    assert scene.receiver.take() == [f"✖ job-{number} failed" for number in range(6)]
    scene.run(at("02:02"), "job-9")
    scene.look(at("02:03"))
    scene.look(at("02:11"))
    [message] = scene.receiver.messages
    assert message.title == "✖ 3 scripts need attention"
    # What is over by then is told with its end, and not once more.
    assert "✔ job-9 works again (down 2 min 10 s, 1 run failed)" in message.text
    scene.receiver.take()
    scene.look(at("02:30"))
    assert scene.receiver.take() == []


def test_one_channel_refuses_and_the_other_does_not(scene):
    """T3: B is told once; A once it is back, in words that are true then."""
    a, b = Receiver([Outcome(End.FAILED, "HTTP 503"), Outcome(End.SENT)]), Receiver()
    watcher = scene.watcher(channels=(Channel("a", "default", a), Channel("b", "default", b)))
    scene.run(T, status="error")
    scene.look(at("02:05"), watcher)
    scene.run(at("02:10"))
    scene.look(at("02:15"), watcher)
    assert b.take() == ["✖ sync failed", "✔ sync works again (down 10 min 10 s, 1 run failed)"]
    assert a.take() == ["✔ sync works again (down 10 min 10 s, 1 run failed)"]
    assert a.attempts[0].id == a.attempts[1].id
    scene.look(at("02:16"), watcher)
    assert (a.take(), b.take()) == ([], [])


def test_a_new_channel_is_not_told_of_the_past(scene):
    """What was open before a channel was there comes with the next reminder, a day later."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    late = Receiver()
    watcher = scene.watcher(channels=(Channel("late", "default", late),))
    scene.look(at("08:00"), watcher)
    scene.look(at("07:00", day=11), watcher)
    assert late.take() == []
    scene.look(at("08:01", day=11), watcher)
    assert [message.kind for message in late.messages] == ["reminder"]


def test_reminders_are_one_message_and_get_rarer(scene):
    """A day after the last word, all that is open as one; after a week of them once a week."""
    scene.run(T, "a", status="error")
    scene.look(at("02:05"))
    scene.run(at("10:00"), "b", status="error")
    scene.look(at("10:05"))
    scene.receiver.take()
    told = []
    for day in range(11, 31):
        scene.look(at("03:00", day=day))
        told += [(day, message.title) for message in scene.receiver.messages]
        scene.receiver.take()
    assert told == [
        *((day, "✖ 2 scripts need attention (reminder)") for day in range(11, 18)),
        (24, "✖ 2 scripts need attention (reminder)"),
    ]


def test_what_is_acknowledged_is_not_reminded_of_and_its_end_is_told(scene):
    """Somebody is at it: silence until it is over."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    scene.connection.execute("update runlog_incidents set acknowledged_at = %s", (at("02:10"),))
    scene.look(at("03:00", day=12))
    assert scene.receiver.take() == ["✖ sync failed"]
    scene.run(at("03:00", day=12))
    scene.look(at("03:05", day=12))
    assert scene.receiver.take() == ["✔ sync works again (down 2 d 1 h, 1 run failed)"]


def test_what_flaps_is_told_so_once(scene):
    """The third time within a week it stays open until a good day with five good runs."""
    moment = T
    for _ in range(3):
        scene.run(moment, status="error")
        scene.look(moment + timedelta(minutes=5))
        scene.run(moment + timedelta(minutes=10))
        scene.look(moment + timedelta(minutes=15))
        moment += timedelta(hours=1)
    told = scene.receiver.take()
    assert len(told) == 5
    assert "flapping" in told[-1]
    for number in range(30):
        scene.run(moment + timedelta(hours=number), status="error" if number == 2 else "success")
        scene.look(moment + timedelta(hours=number, minutes=5))
    assert scene.incidents()[-1] == ("failed", "recovered")
    assert len(scene.receiver.take()) == 1


def test_a_dry_look_changes_nothing(scene):
    """It says what would be opened and told, and nothing of it is kept or sent."""
    scene.run(T, status="error")
    done = scene.look(at("02:05"), is_dry=True)
    assert ([change.rule for change in done.opened], done.told) == (["failed"], 1)
    assert scene.incidents() == []
    assert scene.receiver.take() == []


def test_without_channels_incidents_are_kept(scene):
    """Nobody is told; the next channel hears of it by its first reminder."""
    scene.run(T, status="error")
    done = scene.look(at("02:05"), scene.watcher(channels=()))
    assert done.told == 0
    assert scene.incidents() == [("failed", "open")]


def test_a_channel_that_takes_nothing_is_told_to_the_others(scene):
    """Refused for good: the other channel hears of it, and of its end."""
    bad, good = Receiver([Outcome(End.REFUSED, "HTTP 404")]), Receiver()
    watcher = scene.watcher(channels=(Channel("bad", "x", bad), Channel("good", "x", good)))
    scene.run(T, status="error")
    done = scene.look(at("02:05"), watcher)
    assert [(it.channel, it.is_final) for it in done.delivered.failures] == [("bad", True)]
    scene.look(at("02:06"), watcher)
    assert good.take() == ["✖ sync failed", "✖ channel bad takes nothing"]
    assert len(bad.attempts) == 1
    bad.outcomes = [Outcome(End.SENT)]
    scene.run(at("03:00"))
    scene.look(at("03:05"), watcher)
    scene.look(at("03:06"), watcher)
    assert "✔ channel bad takes messages again (after 1 h 1 min)" in good.take()


def test_a_watcher_that_stops_is_told_by_the_others(scene):
    """D1: it meant to look each minute and has not for 20: one message, and one when it is back."""
    scene.look(at("02:00"), scene.watcher("first", every=timedelta(minutes=1), channels=()))
    scene.look(at("02:14"))
    assert scene.receiver.take() == []
    scene.look(at("02:20"))
    assert scene.receiver.take() == ["✖ watcher first does not look any more"]
    scene.look(at("02:30"), scene.watcher("first", every=timedelta(minutes=1), channels=()))
    scene.look(at("02:31"))
    assert scene.receiver.take() == ["✔ watcher first looks again (after 31 min)"]


def test_a_watcher_that_never_comes_back_is_forgotten(scene):
    """After 7 days its row is gone, and nobody is told of it any more."""
    scene.look(at("02:00", day=3), scene.watcher("first", every=timedelta(minutes=1), channels=()))
    scene.look(at("02:00", day=4))
    scene.receiver.take()
    scene.look(at("03:00"))
    assert scene.incidents() == [("unwatched", "expired")]
    names = scene.connection.execute("select name from runlog_watchers").fetchall()
    assert names == [("watcher",)]


def test_an_evaluator_with_old_eyes_neither_opens_nor_ends_what_another_saw(scene):
    """Its look began before the other's: what that one opened stays, what it ended stays ended."""
    scene.run(at("01:00"))
    scene.run(T, status="error")
    scene.look(at("02:05"))
    # As it was before the failure: good. Its evidence is older than the other watcher's.
    scene.look(at("01:30"), scene.watcher("slow"))
    assert scene.incidents() == [("failed", "open")]
    scene.run(at("03:00"))
    scene.look(at("03:05"))
    scene.look(at("02:06"), scene.watcher("slow"))
    assert scene.incidents() == [("failed", "recovered")]
