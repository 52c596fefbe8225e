"""``exec`` and ``run`` with what is expected of the script, and with a look after its end."""

from __future__ import annotations

import signal
import sys

import pytest


@pytest.fixture
def told(http_sink):
    """The titles that came, and the environment in which alerts go there."""
    http_sink.environment = {"RUNLOG_ALERT_URLS": f"ops={http_sink.webhook}"}
    http_sink.titles = lambda: [document["title"] for document in http_sink.documents()]
    return http_sink


@pytest.mark.parametrize("kind", ["exec", "run"])
def test_a_failure_is_told_at_once_and_the_exit_code_stays(commands, told, kind):
    """The look comes after the end; stdout is the program's alone."""
    commands.write("job.py", "print('data')\nraise SystemExit(7)\n")
    words = ("--", sys.executable, "job.py") if kind == "exec" else ("job.py",)
    code, out, err = commands.run(kind, "--watch", *words, env=told.environment)
    assert (code, out) == (7, b"data\n"), err
    assert told.titles() == ["✖ job failed"]


@pytest.mark.parametrize("kind", ["exec", "run"])
def test_a_script_that_is_killed_is_told_too(commands, told, kind):
    """The endings that matter most cannot be told from inside."""
    commands.write("job.py", "import os\nos.kill(os.getpid(), 9)\n")
    words = ("--", sys.executable, "job.py") if kind == "exec" else ("job.py",)
    code, _, _ = commands.run(kind, "--watch", *words, env=told.environment)
    assert code == -signal.SIGKILL
    assert told.titles() == ["✖ job failed" if kind == "exec" else "☠ job crashed"]


def test_a_look_that_takes_too_long_changes_nothing(commands, told):
    """A receiver that hangs costs its limit, and the exit code stays."""
    told.answers = [0]
    commands.write("job.py", "raise SystemExit(7)\n")
    code, _, err = commands.run(
        "exec",
        "--watch",
        "--watch-timeout",
        "3",
        "--",
        sys.executable,
        "job.py",
        env=told.environment,
    )
    assert code == 7
    assert b"the look took longer than 3 s" in err


@pytest.mark.parametrize("kind", ["exec", "run"])
def test_what_is_expected_is_stored(commands, connection, kind):
    """Other programs declare by options what Python code declares by expects=."""
    commands.write("job.py", "")
    words = ("--", sys.executable, "job.py") if kind == "exec" else ("job.py",)
    options = ("--schedule", "every 1h", "--grace", "5m", "--fresh", "2h")
    code, _, err = commands.run(kind, *options, *words)
    assert code == 0, err
    [(expects,)] = connection.execute("select metadata #> '{runlog,expects}' from runs").fetchall()
    assert expects == {"schedule": "every 1h", "grace": "5m", "fresh": "2h"}


def test_a_typo_is_an_error_and_nothing_runs(commands):
    """It must not switch a watch off silently."""
    code, out, err = commands.run("exec", "--grace", "10", "--", "echo", "ran")
    assert (code, out) == (2, b"")
    assert err == b"runlog: expects: grace='10' has no unit; use 10s, 10m, 2h or 1d\n"
