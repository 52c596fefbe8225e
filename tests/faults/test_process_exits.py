"""Exits while the database is away, and thousands of short runs in a row."""

from __future__ import annotations

import random

import pytest

EXIT = """
    import logging, os, sys
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    # Whoever waited for any of these would not end in time.
    log.addHandler(runlog.RunLogHandler(
        exit_timeout=0.5, retry_interval=60, retry_interval_max=600, statement_timeout=600,
        connect_timeout=600, flush_interval=0.01,
    ))
    with runlog.RunContext("exit", lifecycle_logs=False) as run:
        os.write(1, f"{run.id}\\n".encode())
        for number in range(300):
            log.info("line %06d", number)
        os.write(1, b"logged\\n")
        if sys.argv[1] == "go on":
            for number in range(300, 600):
                log.info("line %06d", number)
"""
FAULTS = ("refuse", "hang", "half_open", "reset", "cut_after_commit", "cut_before_commit")


@pytest.mark.guarantee("bounded", "survives-death", "exactly-once")
@pytest.mark.storm(short=6, long=300)
def test_exits_while_the_database_goes_away(start_script, proxy, aftermath, rounds, evidence):
    """The database refuses, hangs, loses answers or cuts at some moment before the exit: the script ends in time and well, and the next one delivers the rest."""
    chance = random.Random(rounds)
    aftermath.dsn = proxy.conninfo
    for number in range(rounds):
        proxy.forward()
        fault = getattr(proxy, FAULTS[number % len(FAULTS)])
        is_early = chance.random() < 0.5
        if is_early:
            fault()
        script = start_script(EXIT, "go on", env={"RUNLOG_DSN": proxy.conninfo})
        script.wait_for_line("logged")
        if not is_early:
            fault()
        assert script.wait(timeout=30) == 0, script.stderr
        proxy.forward()
        aftermath.deliver_all()
        run_id = script.stdout.split()[0]
        aftermath.check(run_id, [f"line {line:06d}" for line in range(600)])
        assert aftermath.status(run_id) == ("success", None, "finished")
        aftermath.is_clean()
    evidence(exits=rounds, **aftermath.counted())


MANY = """
    import logging, os, sys, threading
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=0.02))

    def held():
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    def one_run(number):
        if number % 5 == 3:
            run = runlog.RunContext("many", lifecycle_logs=False).start()
            log.info("run %05d", number)
            run.finish()
            return
        with runlog.RunContext("many", lifecycle_logs=False):
            log.info("run %05d", number)
            if number % 5 == 1:
                with runlog.RunContext("inner", lifecycle_logs=False):
                    pass
            if number % 5 == 2:
                raise ValueError("this one")

    total = int(sys.argv[1])
    for number in range(total):
        try:
            one_run(number)
        except ValueError:
            pass
        if number == total // 2:
            assert runlog.flush(60)
            before = held()
    assert runlog.flush(60)
    print(held() == before, held(), before, len(runlog._recorder.open_runs.runs.open), flush=True)
"""


@pytest.mark.guarantee("true-run", "bounded")
@pytest.mark.storm(short=300, long=5000)
def test_many_short_runs_in_one_process(run_script, database, aftermath, rounds, evidence):
    """Hundreds of runs one after the other, nested and failed ones among them: each row is true, and no descriptor, thread or folder is left over."""
    script = run_script(MANY, rounds, env={"RUNLOG_DSN": database}, timeout=300)
    assert script.exit_code == 0, script.stderr
    assert script.stdout.split()[0] == "True", script.stdout
    assert script.stdout.split()[-1] == "0"
    rows = aftermath.connection.execute(
        "select message, script_name, status, error_message from logs join runs on runs.id = run_id"
        " order by logs.id"
    ).fetchall()
    good, bad = ("many", "success", None), ("many", "error", "ValueError: this one")
    assert rows == [
        (f"run {number:05d}", *(bad if number % 5 == 2 else good)) for number in range(rounds)
    ]
    inner = aftermath.connection.execute(
        "select count(*) from runs where script_name = 'inner' and status = 'success'"
    ).fetchone()
    assert inner == (len(range(1, rounds, 5)),)
    aftermath.is_clean()
    evidence(runs=rounds, runs_left_open=len(aftermath.left_running()))


SHORT = """
    import sys
    import runlog
    with runlog.RunContext(sys.argv[1]):
        if sys.argv[2] == "fail":
            sys.exit(3)
"""


@pytest.mark.guarantee("true-run", "survives-death")
@pytest.mark.storm(short=8, long=2000)
def test_many_short_scripts(start_script, database, aftermath, rounds, evidence):
    """Script after script, two at a time: each row is true as soon as its script has ended, and no folder is left over."""
    for number in range(0, rounds, 2):
        ends = ["well", "fail"]
        pair = [start_script(SHORT, f"{number} {end}", end, env={"RUNLOG_DSN": database})
                for end in ends]  # fmt: skip
        assert [script.wait() for script in pair] == [0, 3], [script.stderr for script in pair]
        rows = aftermath.connection.execute(
            "select script_name, status, error_message from runs where script_name = any(%s)"
            " order by script_name desc",
            [[f"{number} {end}" for end in ends]],
        ).fetchall()
        assert rows == [
            (f"{number} well", "success", None), (f"{number} fail", "error", "exit code 3"),
        ]  # fmt: skip
        assert [script.stderr for script in pair] == ["", ""]
    aftermath.is_clean()
    evidence(scripts=rounds, runs_left_open=len(aftermath.left_running()))
