"""Overlap between real processes: one wins, and a dead one blocks nobody."""

from __future__ import annotations

import signal
from itertools import pairwise

import pytest
from kit.asking import QUICK, add_run, runs_of
from kit.waiting import eventually

# Ready when psycopg is imported, so that all of them ask in the same moment.
RACE = """
    import pathlib, sys, time
    import psycopg_pool
    import runlog

    gate = pathlib.Path(sys.argv[1])
    print("ready", flush=True)
    while not gate.exists():
        time.sleep(0.001)
    try:
        with runlog.RunContext("sync", overlap=sys.argv[2]):
            print("began", flush=True)
            while not gate.with_suffix(".end").exists():
                time.sleep(0.001)
    except runlog.Skipped:
        print("skipped", flush=True)
"""
HOLD = """
    import logging, signal
    import runlog

    logging.basicConfig(level=logging.INFO)
    logging.getLogger().addHandler(runlog.RunLogHandler())
    with runlog.RunContext("sync", overlap="fail") as run:
        logging.info("at work", extra={"step": "FETCH"})
        print(run.id, flush=True)
        signal.pause()
"""
NEXT = """
    import sys
    import runlog
    with runlog.RunContext("sync", overlap=sys.argv[1]):
        print("began", flush=True)
"""


@pytest.fixture(params=["direct", "pooler"])
def address(request, database):
    """Conninfo of the database, and the same through a pooler in transaction mode."""
    return database if request.param == "direct" else request.getfixturevalue("pooler")


@pytest.mark.guarantee("true-run")
def test_of_many_that_begin_at_once_one_wins(start_script, tmp_path, address, connection):
    """Eight processes ask in the same moment: one begins, seven are skipped, one row is there."""
    gate = tmp_path / "gate"
    env = {**QUICK, "RUNLOG_DSN": address}
    racers = [start_script(RACE, gate, "skip", env=env) for _ in range(8)]
    for racer in racers:
        racer.wait_for_line("ready")
    gate.touch()
    # The winner stays until all others have asked.
    eventually(lambda: _has_ended(racers, 7), within=30)
    gate.with_suffix(".end").touch()
    assert [racer.wait() for racer in racers] == [0] * 8, [racer.stderr for racer in racers]
    said = sorted(line for racer in racers for line in racer.stdout.split())
    assert said == ["began"] + ["ready"] * 8 + ["skipped"] * 7
    assert runs_of(connection) == ["success"]


def test_those_that_wait_go_one_after_the_other(start_script, tmp_path, address, connection):
    """Three processes with ``wait`` all run, and no two at the same time."""
    gate = tmp_path / "gate"
    gate.touch()
    gate.with_suffix(".end").touch()
    env = {**QUICK, "RUNLOG_DSN": address}
    racers = [start_script(RACE, gate, "wait", env=env) for _ in range(3)]
    assert [racer.wait() for racer in racers] == [0] * 3, [racer.stderr for racer in racers]
    spans = runs_of(connection, columns="started_at, finished_at")
    assert len(spans) == 3
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


def test_skip_ends_the_script_quietly_and_well(run_script, database, connection):
    """A script that does not catch it ends with code 0 and one line; no traceback, no row."""
    alive = add_run(connection, beat=1)
    script = run_script(NEXT, "skip", env={**QUICK, "RUNLOG_DSN": database})
    assert (script.exit_code, script.stdout) == (0, "")
    assert script.stderr.startswith(f"runlog: 'sync' is skipped: run {alive}")
    assert script.stderr.count("\n") == 1
    assert runs_of(connection) == ["running"]


def test_fail_ends_the_script_badly(run_script, database, connection):
    """``fail`` ends the script with code 1 and a traceback that names the run."""
    alive = add_run(connection, beat=1)
    script = run_script(NEXT, "fail", env={**QUICK, "RUNLOG_DSN": database})
    assert (script.exit_code, script.stdout) == (1, "")
    assert f"OverlapError: 'sync' does not start: run {alive}" in script.stderr


@pytest.mark.guarantee("true-run", "survives-death")
@pytest.mark.parametrize("overlap", ["skip", "fail", "wait"])
def test_a_killed_run_on_this_host_blocks_nobody(
    run_script, start_script, database, connection, overlap
):
    """After kill -9 the next run begins at once, and the dead one is closed with its last entry."""
    env = {**QUICK, "RUNLOG_DSN": database}
    holder = start_script(HOLD, env=env)
    run_id = holder.wait_for_line("-")
    assert run_script(NEXT, "skip", env=env).stdout == ""
    holder.kill()
    script = run_script(NEXT, overlap, env=env)
    assert (script.exit_code, script.stdout) == (0, "began\n"), script.stderr
    assert "waits" not in script.stderr
    assert runs_of(connection) == ["error", "success"]
    told = "select error_message from runs where id = %s"
    message = connection.execute(told, [run_id]).fetchone()[0]
    assert message.endswith("last entry [FETCH] at work")


def test_a_dead_host_blocks_for_three_heartbeats(start_script, tmp_path, database, connection):
    """Where no spool tells that the process is gone, its silence does, and the waiting run begins."""
    env = {**QUICK, "RUNLOG_DSN": database, "RUNLOG_HEARTBEAT_INTERVAL": "0.3"}
    holder = start_script(HOLD, env={**env, "RUNLOG_SPOOL_DIR": str(tmp_path / "elsewhere")})
    holder.wait_for_line("-")
    waiting = start_script(NEXT, "wait", env=env)
    waiting.wait_for_line("'sync' waits")
    assert waiting.exit_code is None
    holder.kill()
    assert waiting.wait() == 0, waiting.stderr
    assert waiting.stdout == "began\n"


def test_a_run_that_waits_can_be_ended(start_script, database, connection):
    """SIGTERM ends a waiting script by that signal, and leaves no row."""
    add_run(connection, beat=1, every=600)
    waiting = start_script(NEXT, "wait", env={**QUICK, "RUNLOG_DSN": database})
    waiting.wait_for_line("'sync' waits")
    waiting.signal(signal.SIGTERM)
    assert waiting.wait() == -signal.SIGTERM
    assert runs_of(connection) == ["running"]


@pytest.mark.guarantee("own-connection", "fork-threads")
def test_asking_in_a_forked_child(run_script, database, connection):
    """Parent and forked child each ask over connections of their own, before and after the fork."""
    script = run_script(
        """
        import os, sys
        import runlog
        with runlog.RunContext("parent", overlap="fail") as run:
            first = run.legacy_id
            child = os.fork()
            if child == 0:
                with runlog.RunContext("child", overlap="fail") as own:
                    print(own.since, own.legacy_id != first, flush=True)
                runlog.flush()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            print(run.since, run.legacy_id == first, flush=True)
        """,
        env={**QUICK, "RUNLOG_DSN": database},
    )
    assert (script.exit_code, script.stdout) == (0, "None True\nNone True\n"), script.stderr
    assert runs_of(connection, "parent") + runs_of(connection, "child") == ["success"] * 2


def _has_ended(scripts, count):
    assert sum(script.exit_code is not None for script in scripts) == count
