"""Ctrl-C and SIGTERM at any moment: also in the middle of runlog's own lines, repeated, at the exit."""

from __future__ import annotations

import random
import signal

import pytest

# A trace function sends the signal at one line of runlog's that the main thread comes to.
INJECT = """
    import logging, os, signal, sys
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(spool_max_bytes=2**20))
    package = os.path.dirname(runlog.__file__)
    seen, where, function = 0, None, None

    def trace(frame, event, argument):
        global seen, where
        # What a callback of a weak reference raises, Python prints and drops.
        name = frame.f_code.co_name
        if not frame.f_code.co_filename.startswith(package) or name == "_forget":
            return None
        if function and name != function:
            return trace
        if event == "line":
            if seen == at:
                sys.settrace(None)
                where = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
                signal.raise_signal(signum)
            seen += 1
        return trace

    def one_run(name):
        sys.settrace(trace)
        try:
            with runlog.RunContext(name) as run:
                # Enough for a new file: two of these fill one.
                for number in range(2):
                    log.info("line %d %s", number, "x" * 20_000)
                run.count(fetched=1)
        finally:
            sys.settrace(None)
"""
INTERRUPTS = f"""{INJECT}
    signum, at = signal.SIGINT, -1
    one_run("whole")
    seen = 0
    one_run("whole")
    total = seen
    for at in range(0, total, max(1, total // int(sys.argv[1]))):
        seen, where = 0, None
        try:
            one_run(f"line {{at}}")
        except (KeyboardInterrupt, RuntimeError) as error:
            # Python 3.11 makes one of it where it calls __set_name__ for a class.
            if not isinstance(error.__cause__ or error, KeyboardInterrupt):
                raise
            print("interrupted", at, where, flush=True)
        # So that nothing has to be shed for want of room.
        assert runlog.flush(30)
    with runlog.RunContext("whole"):
        log.info("after all")
"""
PRESSURE = ("counted, DEBUG first", "none is shed any more")
IN_A_CLASS = "RuntimeError: Error calling __set_name__"
ABANDONED = "the process ended while the run was still open"


@pytest.mark.guarantee("true-run", "never-raises")
@pytest.mark.storm(short=60, long=2000)
def test_ctrl_c_at_any_line(run_script, database, aftermath, rounds, evidence):
    """KeyboardInterrupt in the middle of a run's begin, entries or end: its row is closed, and the runs after it are whole."""
    script = run_script(INTERRUPTS, rounds, env={"RUNLOG_DSN": database}, timeout=3000)
    # For a moment no new file is begun where it came between taking the turn and its ``try``.
    told = [line for line in script.stderr.splitlines() if not line.endswith(PRESSURE)]
    assert (script.exit_code, told) == (0, [])
    interrupted = script.stdout.splitlines()
    aftermath.deliver_all()
    aftermath.is_clean()
    rows = aftermath.connection.execute(
        "select script_name, status, error_message from runs order by started_at"
    ).fetchall()
    assert [row[1:] for row in rows if row[0] == "whole"] == [("success", None)] * 3
    told = {("success", None), ("error", "KeyboardInterrupt"), ("error", ABANDONED)}
    of_a_class = {row[1:] for row in rows if row[1] == "error" and row[2].startswith(IN_A_CLASS)}
    assert {row[1:] for row in rows} - of_a_class <= told
    assert list(aftermath.folder().glob("dead-letters*")) == []
    evidence(interrupts=len(interrupted), runs_left_open=len(aftermath.left_running()))


TERMINATED = f"""{INJECT}
    signum, at = signal.SIGTERM, int(sys.argv[2])
    function = sys.argv[1]
    for number in range(3):
        one_run("terminated")
        print("ended", flush=True)
"""
PLACES = ("rotate", "_begin", "start", "log_start", "record", "append", "_end", "finish", "end")


@pytest.mark.guarantee("true-run", "never-raises")
@pytest.mark.storm(short=9, long=270)
def test_sigterm_in_the_middle_of_runlog(run_script, database, aftermath, rounds, evidence):
    """SIGTERM between two lines of runlog's own, where it rotates, begins or ends: the process dies by it, at once, and its row is closed."""
    chance = random.Random(rounds)
    lines = 0
    for number in range(rounds):
        aftermath.connection.execute("truncate logs, runs")
        place = PLACES[number % len(PLACES)]
        script = run_script(TERMINATED, place, chance.randrange(8), env={"RUNLOG_DSN": database})
        assert script.exit_code == -signal.SIGTERM, (place, script.stderr)
        assert script.stderr == ""
        ended = script.stdout.count("ended")
        aftermath.deliver_all()
        aftermath.is_clean()
        rows = aftermath.connection.execute(
            "select status, error_message like 'terminated by SIGTERM' or error_message like"
            " 'the process died%%' from runs order by started_at"
        ).fetchall()
        assert rows[:ended] == [("success", None)] * ended
        assert rows[ended:] in ([], [("error", True)], [("success", None)]), (place, rows)
        lines += 1
    evidence(signals=lines, runs_left_open=len(aftermath.left_running()))
