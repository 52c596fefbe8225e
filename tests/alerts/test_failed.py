"""The rule failed: when it opens, what it tells, when it is over (rows F1 to F11)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kit.scenes import T, at

from runlog.alerts._config import Config


def test_a_failure_opens_once_and_recovers_once(scene):
    """F1, F2, F3: one incident, one message at its begin, none for more failures, one at its end."""
    scene.run(at("01:00"))
    first = scene.run(T, status="error")
    scene.look(at("02:05"))
    occasion, began_at, details, *_ = scene.details("failed")
    assert (occasion, began_at, details["failures"]) == (str(first), T, 1)
    assert scene.receiver.take() == ["✖ sync failed"]

    scene.run(at("03:00"), status="error")
    scene.look(at("03:05"))
    occasion, began_at, details, *_ = scene.details("failed")
    assert (occasion, began_at, details["failures"]) == (str(first), T, 2)
    assert scene.receiver.take() == []

    scene.run(at("04:00"))
    scene.look(at("04:05"))
    assert scene.receiver.take() == ["✔ sync works again (down 2 h 10 s, 2 runs failed)"]
    scene.look(at("04:06"))
    assert scene.receiver.take() == []
    assert scene.incidents() == [("failed", "recovered")]


def test_so_many_in_a_row(scene):
    """F4: with after=3 the third failure opens, and the incident is since the first of them."""
    scene.expect(failed={"after": 3})
    scene.run(T, status="error", error_message="the first error")
    scene.run(at("03:00"), status="error")
    scene.look(at("03:05"))
    assert scene.incidents() == []
    scene.run(at("04:00"), status="error")
    scene.look(at("04:05"))
    _, began_at, details, *_ = scene.details("failed")
    assert (began_at, details["first_error"]) == (T, "the first error")


def test_who_interrupts_at_a_terminal_knows(scene):
    """F6: Ctrl-C by hand is no failure; a cancelled job of GitHub is."""
    about = {"outcome": "interrupted"}
    scene.run(T, status="error", triggered_by="manual", runlog=about)
    scene.look(at("02:05"))
    assert scene.incidents() == []
    scene.run(at("03:00"), status="error", triggered_by="github-actions", runlog=about)
    scene.look(at("03:05"))
    assert scene.incidents() == [("failed", "open")]


def test_a_dead_process_counts_at_once(scene):
    """F7: whatever "after" says, one crash opens; 60 s of silence are none, 121 s are."""
    scene.expect(failed={"after": 3})
    scene.alive(at("01:50"), T - timedelta(seconds=60))
    scene.look(T)
    assert scene.incidents() == []
    scene.look(T + timedelta(seconds=61))
    assert scene.details("failed")[2]["cause"] == "crashed"
    assert scene.receiver.take() == ["☠ sync crashed"]


def test_a_program_without_heartbeats_is_never_gone(scene):
    """F9: a run of another program that is running for 3 days is nobody's business."""
    scene.run(at("02:00", day=7), status="running")
    scene.look(T)
    assert scene.incidents() == []


def test_a_frozen_process_that_wakes_up_is_no_failure(scene):
    """F8: its next heartbeat ends the incident, since the newest run that counts is good."""
    scene.run(at("01:00"))
    run = scene.alive(at("01:50"), T - timedelta(minutes=5))
    scene.look(T)
    assert scene.incidents() == [("failed", "open")]
    scene.connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', to_jsonb(%s::text))"
        " where id = %s",
        (T.isoformat(), run),
    )
    scene.look(T + timedelta(seconds=10))
    assert scene.incidents() == [("failed", "recovered")]


def test_what_heals_unseen_is_kept_and_told_to_nobody(scene):
    """F11: an error and a success between two looks are an incident that is over, and no message."""
    scene.run(at("01:00"))
    scene.run(T, status="error")
    scene.run(at("02:10"))
    scene.look(at("02:15"))
    scene.look(at("02:16"))
    assert scene.incidents() == [("failed", "healed")]
    assert scene.receiver.take() == []


def test_who_wants_to_know_is_told_what_healed_unseen(scene):
    """With ``self_healed`` it is told once, as over, and nothing of what was before the setting's day."""
    scene.config = Config(self_healed=True)
    scene.run(at("01:00"))
    scene.look(at("01:30"))
    scene.run(T, status="error")
    scene.run(at("02:05"), status="error")
    scene.run(at("02:10"))
    scene.look(at("02:15"))
    scene.look(at("02:16"))
    assert scene.incidents() == [("failed", "healed")]
    assert scene.receiver.take() == ["✔ sync failed 2 times and works again"]


def test_what_a_person_closed_does_not_count(scene):
    """A run closed by hand is no failure; what was before it still is."""
    scene.run(T, status="error", runlog={"outcome": "closed"})
    scene.look(at("02:05"))
    assert scene.incidents() == []


@pytest.mark.parametrize(
    "exception", [{"sync_mode": "cursor"}, {"sync_mode": "full", "runlog": {"backfill": True}}]
)
def test_a_cursor_set_by_hand_or_a_backfill_heals_nothing(scene, exception):
    """A cursor set by hand after a failure, or a backfill, does not make the script well."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    scene.run(at("03:00"), **exception)
    scene.look(at("03:05"))
    assert scene.incidents() == [("failed", "open")]


def test_a_backfill_that_fails_or_lasts_is_no_incident(scene):
    """What a person does once says nothing of how the script does."""
    scene.expect(max_duration="1m")
    scene.run(at("01:00"))
    scene.look(at("01:05"))
    scene.run(at("01:10"), status="error", sync_mode="full", runlog={"backfill": True})
    scene.alive(at("01:20"), at("02:04"), sync_mode="full", runlog={"backfill": True})
    scene.look(at("02:05"))
    assert scene.incidents() == []


def test_the_first_look_tells_what_is_bad_now_in_one_message(connection, scene):
    """Nothing of the past, and nothing twice: three failing scripts are one message."""
    connection.execute("truncate runlog_watchers, runlog_channels")
    for name in ("a", "b", "c"):
        scene.run(T, name, status="error")
    scene.run(at("01:00"), "healed", status="error")
    scene.run(T, "healed")
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["✖ 3 scripts need attention"]
    assert len(scene.incidents()) == 3


def test_a_crash_has_no_error_of_the_run_before(scene):
    """It failed with an error, and then its process died without a word: no error is told."""
    scene.run(T, status="error", error_message="ValueError: no")
    scene.look(at("02:05"))
    scene.run(at("02:10"), status="error", error_message=None, runlog={"outcome": "died"})
    scene.look(at("02:15"))
    details = scene.details("failed")[2]
    assert (details["cause"], details["error"]) == ("crashed", None)
    assert details["first_error"] == "ValueError: no"
