"""Schedules on the command line: proposed, and told of where they are not kept; looks that fail."""

from __future__ import annotations

import json
import time

import psycopg
import pytest
from kit.rows import add_run, ago


def test_doctor_and_scripts_tell_of_watchers_and_lateness(runlog, connection, told):
    """Nobody yet is a note; somebody who stopped is a thing to do; what is missed is told."""
    add_run(connection, started_at=ago(hours=2))
    findings = json.loads(runlog("doctor", "--json").out)
    assert ("watchers", "note") in [(each["check"], each["state"]) for each in findings]
    runlog("watch", "--once", "--name", "me@here")
    findings = json.loads(runlog("doctor", "--json").out)
    found = {each["check"]: (each["state"], each["found"]) for each in findings}
    assert found["watchers"][0] == "ok"
    assert found["channels"] == ("ok", 'ops; "runlog alerts test" tries them')
    assert not any("means nothing" in each["found"] for each in findings)
    connection.execute("update runlog_watchers set evaluated_at = now() - interval '3 h'")
    connection.execute(
        "update runlog_scripts set schedule = 'every 1h', next_due_at = now() - interval '1 h',"
        " overdue_at = now() - interval '50 min'"
    )
    findings = json.loads(runlog("doctor", "--json").out)
    assert ("watchers", "warning") in [(each["check"], each["state"]) for each in findings]
    said = runlog("scripts", "--format", "table").out
    assert "missed: sync, due by every 1h" in said
    assert "nobody watches any more" in said


def test_doctor_finds_a_schedule_in_another_time_zone(runlog, connection):
    """Starts that are always two hours after they are due mean another zone."""
    for days in range(6):
        start = ago(days=days).replace(hour=4, minute=0, second=5, microsecond=0)
        add_run(connection, started_at=start, triggered_by="cron")
    connection.execute(
        "insert into runlog_scripts (script_name, schedule) values ('sync', '0 2 * * *')"
    )
    findings = json.loads(runlog("doctor", "--json").out)
    assert "'sync' always starts 2 h after it is due" in [each["found"] for each in findings]


@pytest.mark.parametrize("kind", ["crontab", "workflows", "history"])
def test_schedules_are_proposed(runlog, connection, tmp_path, kind, monkeypatch):
    """Lines for the file, from what starts the scripts or from when they started; nothing active."""
    if kind == "crontab":
        path = tmp_path / "crontab"
        path.write_text(
            "CRON_TZ=Europe/Berlin\n# no\n*/15 * * * * cd /app && python3 sync.py --all\n"
            "30 2 * * * runlog exec --script nightly -- ./etl.sh\n@daily runlog run -m shop.sync\n"
            "*/5 * * * * runlog watch --once\n@reboot ./start.sh\n"
        )
        said = runlog("alerts", "propose", "--crontab", path).out
        expected = [
            ("sync", '"*/15 * * * *"'), ("nightly", '"30 2 * * *"'), ("shop.sync", '"@daily"'),
        ]  # fmt: skip
        assert 'timezone = "Europe/Berlin"' in said
        assert "start" not in [name for name, _ in expected]
        assert "watch" not in said
    elif kind == "workflows":
        (tmp_path / "sync.yml").write_text(
            "on:\n  schedule:\n    - cron: '7 3 * * *'\njobs:\n  a:\n    steps:\n"
            "      - run: pip install x\n      - run: |\n          runlog run jobs/refresh.py\n"
        )
        said = runlog("alerts", "propose", "--workflows", tmp_path).out
        expected = [("refresh", '"7 3 * * *"')]
    else:
        for days in range(20):
            start = ago(days=days).replace(hour=4, minute=15, second=7, microsecond=0)
            add_run(connection, started_at=start, triggered_by="cron")
        said = runlog("alerts", "propose").out
        expected = [("sync", '"15 4 * * *"')]
    for name, schedule in expected:
        assert f'[scripts."{name}"]\nschedule = {schedule}\n' in said
    assert connection.execute("select count(*) from runlog_scripts").fetchone() == (0,)


def test_a_look_that_fails_on_and_on_is_told_once(runlog, connection, told, monkeypatch):
    """The database answers and refuses the look: not "cannot be reached", and no message a minute."""
    real, ahead = time.time, [0.0]
    monkeypatch.setattr("runlog.alerts._watch._clock", lambda: real() + ahead[0])

    def refuse(*_, **__):
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    with monkeypatch.context() as patched:
        patched.setattr("runlog.alerts._watch.look", refuse)
        for minute in range(0, 600, 60):
            ahead[0] = float(minute)
            assert runlog("watch", "--once").code == 3
    [title] = told()
    assert title.startswith("✖ no look succeeds since")
    assert runlog("watch", "--once").code == 0
    assert told()[1:] == ["✔ the database answers again"]
