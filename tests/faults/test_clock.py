"""Clocks that jump: ids increase, durations are true, the database's clock counts for signs of life."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import struct
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from kit.recording import messages
from kit.waiting import until

HOUR, YEAR = 3600, 365 * 86_400
SHIM = Path(__file__).with_name("wall_clock.c")


@pytest.fixture(scope="session")
def clock_library(tmp_path_factory):
    """A library that moves the wall clock of one process, where a compiler is."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the clock of one process cannot be moved")
    folder = tmp_path_factory.mktemp("clock")
    library = folder / "clock.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the library does not compile here: {done.stderr[:200]}")
    return library


@pytest.fixture
def moved(clock_library, tmp_path):
    """The environment of a script that can move its own clock: ``jump(seconds)``."""
    place = tmp_path / "offset"
    place.write_bytes(struct.pack("l", 0))
    return {"LD_PRELOAD": str(clock_library), "FAKE_CLOCK": str(place)}


START = """
    import logging, os, struct, sys, time
    import runlog

    def jump(seconds):
        with open(os.environ["FAKE_CLOCK"], "r+b", buffering=0) as file:
            file.write(struct.pack("l", int(seconds)))

    real = time.time()
    jump(-3600)
    assert real - time.time() > 3500, "the clock does not move"
    jump(0)
    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=0.05, heartbeat_interval=0.05))
"""
JUMPS = f"""{START}
    with runlog.RunContext("jumping", lifecycle_logs=False) as run:
        print(run.id, flush=True)
        number = 0
        for seconds in map(float, sys.argv[1:]):
            jump(seconds)
            until = time.monotonic() + 0.15
            while time.monotonic() < until:
                log.info("line %06d", number)
                number += 1
                time.sleep(0.01)
            print("delivered", runlog.flush(10), flush=True)
    print("logged", number, flush=True)
"""
FAULTS = {
    "an hour back": [0, -HOUR],
    "a year ahead": [0, YEAR],
    "a year ahead and back": [0, YEAR, 0],
    "to 1970": [0, -1_790_000_000],
    "to and fro": [0, 40, -40, HOUR, -YEAR, 0, 100 * YEAR, 0],
}


@pytest.mark.guarantee("order", "true-run")
@pytest.mark.parametrize("jumps", FAULTS.values(), ids=FAULTS)
def test_the_clock_jumps_under_a_run(run_script, database, connection, moved, jumps, evidence):
    """The wall clock of a process jumps: every line arrives, ids increase in the order of the calls, the duration is the true one, signs of life are the database's."""
    script = run_script(JUMPS, *jumps, env={"RUNLOG_DSN": database, **moved})
    assert script.exit_code == 0, script.stderr
    lines = script.stdout.splitlines()
    assert lines[1:-1] == ["delivered True"] * len(jumps)
    logged = [f"line {n:06d}" for n in range(int(lines[-1].split()[1]))]
    stored = connection.execute("select message from logs order by id").fetchall()
    out_of_order = sum(row[0] != line for row, line in zip(stored, logged, strict=True))
    assert out_of_order == 0
    status, duration, beat_is_of_the_database = connection.execute(
        "select status, duration_ms, (metadata #>> '{runlog,heartbeat_at}')::timestamptz"
        " between now() - interval '10 minutes' and now() from runs"
    ).fetchone()
    assert (status, beat_is_of_the_database) == ("success", True)
    assert 150 * len(jumps) <= duration < HOUR * 1000
    evidence(jumps=len(jumps) - 1, entries=len(stored), out_of_order=out_of_order)


@pytest.mark.guarantee("order", "true-run")
def test_a_run_never_ends_before_it_began(run_script, database, connection, moved):
    """The clock is set back during the run: ``finished_at`` is not before ``started_at``."""
    script = run_script(JUMPS, 0, -HOUR, env={"RUNLOG_DSN": database, **moved})
    assert script.exit_code == 0, script.stderr
    assert connection.execute("select finished_at >= started_at from runs").fetchone() == (True,)


KILLED = f"""{START}
    jump(float(sys.argv[1]))
    run = runlog.RunContext("swept", lifecycle_logs=False).start()
    log.info("begun")
    runlog.flush(10)
    jump(float(sys.argv[2]))
    log.info("before the kill")
    runlog.flush(10)
    print("ready", flush=True)
    import signal
    os.kill(os.getpid(), signal.SIGKILL)
"""
NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False):
        pass
"""


@pytest.mark.guarantee("order", "true-run")
@pytest.mark.parametrize(
    ("first", "then"), [(0, -HOUR), (YEAR, 0), (YEAR, YEAR + HOUR), (-YEAR, 0), (0, YEAR)]
)
def test_the_sweep_of_a_run_with_a_wrong_clock(
    run_script, database, connection, moved, first, then
):
    """A run whose process died with its clock wrong is closed with an end not before its start, and no negative duration."""
    script = run_script(KILLED, first, then, env={"RUNLOG_DSN": database, **moved})
    assert script.exit_code == -signal.SIGKILL, script.stderr
    assert run_script(NEXT, env={"RUNLOG_DSN": database}).exit_code == 0
    row = connection.execute(
        "select status, finished_at >= started_at, duration_ms >= 0 from runs"
        " where script_name = 'swept'"
    ).fetchone()
    assert row == ("error", True, True)
    # By id: timestamps are what the wrong clock said.
    stored = connection.execute("select message from logs order by id").fetchall()
    assert stored == [("begun",), ("before the kill",)]


@pytest.mark.guarantee("order")
def test_a_reaper_with_a_wrong_clock_reaps_nobody(
    start_script, run_script, database, connection, moved
):
    """A process a year ahead takes no living run for dead: what counts is the database's clock."""
    alive = start_script(
        """
        import signal, time
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        import runlog
        with runlog.RunContext("alive", lifecycle_logs=False):
            runlog.flush(10)
            print("begun", flush=True)
            signal.sigwait({signal.SIGUSR1})
        """,
        env={"RUNLOG_DSN": database, "RUNLOG_SPOOL_DIR": moved["FAKE_CLOCK"] + ".spool"},
    )
    alive.wait_for_line("begun")
    ahead = f"{START}\n    jump({YEAR})\n" + NEXT
    assert run_script(ahead, env={"RUNLOG_DSN": database, **moved}).exit_code == 0
    status = connection.execute("select status from runs where script_name = 'alive'").fetchone()
    assert status == ("running",)
    alive.signal(signal.SIGUSR1)
    assert alive.wait() == 0
    status = connection.execute("select status from runs where script_name = 'alive'").fetchone()
    assert status == ("success",)


ODD = [float("nan"), float("inf"), float("-inf"), -1.0, -2.0, 0.0, 1e18, 253_402_300_800.0, -1e300]


@pytest.mark.guarantee("order", "never-raises")
@pytest.mark.parametrize("said", ODD)
def test_a_record_whose_time_is_nonsense(recording, database, connection, said):
    """A record says that it was made at no time at all: it is stored with the time that is, its message whole, and the run ends well."""
    made = recording(database)
    run_id = made.run.id_text
    for number, level in enumerate((logging.INFO, logging.ERROR)):
        made.recorder.record(run_id, said, level, None, "LOG", f"nonsense {number}", None)
    made.log("after")
    made.finish()
    assert made.close()
    rows = connection.execute("select message, timestamp::text from logs order by id").fetchall()
    assert [message for message, _ in rows] == ["nonsense 0", "nonsense 1", "after"]
    assert {moment[:2] for _, moment in rows} <= {"20", "19" if said == 0.0 else "20"}
    assert made.stats().dead_letters == 0


@pytest.mark.guarantee("order", "never-raises")
@pytest.mark.parametrize("said", [float("nan"), float("inf"), -2.0, 1e18])
def test_a_clock_that_says_nonsense(recording, database, connection, monkeypatch, said):
    """``time.time`` itself gives what is no time: messages are stored whole all the same."""
    made = recording(database)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: said)
        made.log("nonsense")
        assert made.recorder.flush(10)
    made.finish()
    assert made.close()
    assert messages(connection) == ["nonsense"]


@pytest.mark.guarantee("order")
@pytest.mark.parametrize("step", [-HOUR, YEAR, -1_790_000_000])
def test_ids_and_times_in_this_process(recording, database, connection, monkeypatch, step):
    """The module's own clock is moved: ids of before and after stand in the order of the calls, timestamps are what was told."""
    made = recording(database)
    began = time.time()
    made.log("before")
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + step)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + step * 10**9)
    made.log_many(50)
    monkeypatch.undo()
    made.log("after")
    made.finish()
    assert made.close()
    rows = connection.execute("select id, message, timestamp from logs order by id").fetchall()
    numbered = [f"line {number:06d}" for number in range(50)]
    assert [row[1] for row in rows] == ["before", *numbered, "after"]
    assert abs(rows[1][2].timestamp() - (began + step)) < HOUR
    duration = connection.execute("select duration_ms from runs").fetchone()[0]
    assert 0 <= duration < HOUR * 1000


@pytest.mark.guarantee("order")
def test_ids_say_about_what_the_clock_says(run_script, database, connection, moved):
    """After jumps the time in an id is between the earliest and the latest that the clock has said, and follows it ahead."""
    script = run_script(JUMPS, 0, HOUR, 0, env={"RUNLOG_DSN": database, **moved})
    assert script.exit_code == 0, script.stderr
    rows = connection.execute("select id, now() from logs order by id").fetchall()
    drifts = [moment_of(row[0]) - row[1] for row in rows]
    assert all(timedelta(minutes=-10) < drift < timedelta(hours=1, minutes=10) for drift in drifts)
    assert drifts[-1] > timedelta(minutes=50)


def moment_of(entry_id):
    return datetime.fromtimestamp((entry_id.int >> 80) / 1000).astimezone()


@pytest.mark.guarantee("order")
def test_unfinished_folders_under_a_wrong_clock(recording, database, connection, tmp_path):
    """A folder that was never finished is taken over by age of its own, also when its date is to come."""
    made = recording(database)
    place = made.recorder._spool.folder.parent
    made.close()
    odd = place / ".new-20990101T000000-1-abcdef"
    odd.mkdir(mode=0o700)
    (odd / "lock").touch()
    os.utime(odd, (time.time() + YEAR, time.time() + YEAR))
    second = recording(database)
    second.log("line")
    assert second.close()
    os.utime(odd, (0, 0))
    third = recording(database)
    until(lambda: third.recorder.flush(10) and not odd.exists())
    assert messages(connection, second.run.id_text) == ["line"]
