"""Storms of Ctrl-C and SIGTERM at random moments, from before the import to the very end."""

from __future__ import annotations

import random
import signal
import time

import pytest

SCRIPT = """
    import os
    os.write(1, b"up\\n")
    import logging
    import runlog
    runlog.configure(flush_interval=0.01)
    os.write(1, b"configured\\n")
    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())
    with runlog.RunContext("victim", lifecycle_logs=False) as run:
        os.write(1, f"run {run.id}\\n".encode())
        for number in range(2000):
            log.info("line %06d", number)
            os.write(1, b"%06d\\n" % number)
        os.write(1, b"logged\\n")
    os.write(1, b"left\\n")
"""
MOMENTS = ("up", "configured", "run", "000100", "001900", "logged", "left")
DIED = "the process died without ending the run"
# Of an end that was begun and that another signal has cut short.
ABANDONED = "the process ended while the run was still open"


@pytest.mark.guarantee("true-run", "survives-death")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["sigterm", "ctrl-c"])
@pytest.mark.storm(short=7, long=420)
def test_signals_at_random_moments(start_script, database, aftermath, rounds, evidence, number):
    """One to three signals from the import to the exit: dead by the signal or ended before it, no word from runlog, every line stored, and the row, if there is one, says how it ended."""
    chance = random.Random(rounds)
    sent = 0
    for turn in range(rounds):
        aftermath.connection.execute("truncate logs, runs")
        script = start_script(SCRIPT, env={"RUNLOG_DSN": database})
        script.wait_for_line(MOMENTS[turn % len(MOMENTS)])
        time.sleep(chance.random() * 0.02)
        for _ in range(chance.choice([1, 1, 2, 3])):
            script.signal(number)
            sent += 1
            time.sleep(chance.random() * 0.01)
        # The shipper has its exit_timeout of 5 s, and needs none of it here.
        exit_code = script.wait(timeout=9)
        said = script.stdout.splitlines()
        assert exit_code in ({-number, 0} if "left" in said else {-number}), script.stderr
        _assert_quiet(script, number)
        aftermath.deliver_all()
        _assert_true(aftermath, said, number)
        aftermath.is_clean()
    evidence(signals=sent, scripts=rounds, **aftermath.counted())


def _assert_quiet(script, number):
    """Python's own tracebacks of KeyboardInterrupt apart, nothing is said but how much waits."""
    said = [line for line in script.stderr.splitlines() if not line.startswith("runlog: ")]
    assert number == signal.SIGINT or said == []
    assert "Logging error" not in script.stderr
    # Others are Python's: threading's last wait, a callback of a weak reference, sys.stderr itself.
    of_the_exit = [line for line in said if "ignored in" in line and "_at_exit" in line]
    if of_the_exit:
        _assert_before_the_first_line(script, of_the_exit)


def _assert_before_the_first_line(script, told):
    """Ctrl-C came to the callback of the exit before any line of it could: Python drops it."""
    assert len(told) == 1
    assert told[0].startswith("Exception ignored in atexit callback")
    assert "in _at_exit\n    def _at_exit() -> None:\n" in script.stderr


def _assert_true(aftermath, said, number):
    runs = [line.split()[1] for line in said if line.startswith("run ")]
    if not runs:
        rows = aftermath.connection.execute("select status from runs").fetchall()
        assert {row[0] for row in rows} <= {"error"}
        return
    numbered = [f"line {line}" for line in said if line.isdecimal()]
    aftermath.check(runs[0], numbered, more_by_one=True)
    status, message, _ = aftermath.status(runs[0])
    told = "KeyboardInterrupt" if number == signal.SIGINT else "terminated by SIGTERM"
    if "left" in said:
        assert (status, message) == ("success", None)
    elif status == "success":
        # In the midst of its end, which had been written.
        assert "logged" in said
    else:
        assert status == "error"
        assert message == told or message.startswith((DIED, ABANDONED))


BEFORE_THE_CALLBACK = """
    import atexit, ctypes, logging, os, signal
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=60))
    with runlog.RunContext("victim", lifecycle_logs=False) as run:
        os.write(1, f"{run.id}\\n".encode())
        log.info("line")
    # A callback in C, called before runlog's: no line of Python's is left to take the signal.
    atexit.register(getattr(ctypes.PyDLL(None), "raise"), signal.SIGINT)
"""


@pytest.mark.guarantee("true-run", "survives-death")
def test_ctrl_c_before_the_first_line_of_the_exit(run_script, database, aftermath):
    """Ctrl-C where Python can only drop it, together with the last delivery: the next process delivers all, and the row tells the end."""
    script = run_script(BEFORE_THE_CALLBACK, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0
    _assert_quiet(script, signal.SIGINT)
    assert "Exception ignored in atexit callback" in script.stderr
    run_id = script.stdout.split()[0]
    aftermath.deliver_all()
    aftermath.check(run_id, ["line"])
    assert aftermath.status(run_id) == ("success", None, "finished")
    aftermath.is_clean()
