"""SIGSTOP for longer than three heartbeats: swept by others, corrected by the process itself."""

from __future__ import annotations

import random
import signal

import pytest
from kit.waiting import eventually

from runlog._delivery.sweep import reap
from runlog._spool import folders

WORK = """
    import logging, os, signal, threading
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=0.01))
    done = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: done.set())
    with runlog.RunContext("frozen", lifecycle_logs=False) as run:
        os.write(1, f"{run.id}\\n".encode())
        number = 0
        while not done.wait(0.0005):
            log.info("line %06d", number)
            os.write(1, b"%06d\\n" % number)
            number += 1
"""
ENDINGS = {
    signal.SIGUSR1: (0, ("success", None, "finished")),
    signal.SIGTERM: (-signal.SIGTERM, ("error", "terminated by SIGTERM", "terminated")),
}


@pytest.mark.guarantee("true-run", "survives-death")
@pytest.mark.parametrize("ending", ENDINGS, ids=["ends-well", "is-terminated"])
@pytest.mark.storm(short=1, long=30)
def test_a_process_that_stood_still_corrects_the_sweep(
    start_script, database, aftermath, rounds, evidence, ending
):
    """Stopped three times at random, swept by another process, which cannot take its spool: the run goes on and its row tells its real end, with every line in order."""
    chance = random.Random(rounds)
    sweeps = 0
    for _ in range(rounds):
        script = _start(start_script, database)
        for line in sorted(chance.sample(range(200), 3)):
            script.wait_for_line(f"{line:06d}")
            _freeze(script, aftermath)
            sweeps += 1
            script.signal(signal.SIGCONT)
            eventually(lambda script=script: _is(aftermath, script, "running"), within=30)
        script.signal(ending)
        exit_code, row = ENDINGS[ending]
        assert script.wait() == exit_code, script.stderr
        aftermath.check(_run_id(script), _told(script), more_by_one=True)
        assert aftermath.status(_run_id(script)) == row
        assert aftermath.row(_run_id(script), "metadata -> 'runlog' ? 'swept_at'") == (False,)
        aftermath.is_clean()
    evidence(sweeps=sweeps, **aftermath.counted())


@pytest.mark.guarantee("true-run")
def test_an_end_corrects_the_sweep_before_the_next_heartbeat(start_script, database, aftermath):
    """A process that is told to end while it stands still tells its end, and not what the sweep said."""
    script = _start(start_script, database)
    script.wait_for_line("000010")
    _freeze(script, aftermath)
    script.signal(signal.SIGTERM)
    script.signal(signal.SIGCONT)
    assert script.wait() == -signal.SIGTERM, script.stderr
    assert aftermath.status(_run_id(script)) == ENDINGS[signal.SIGTERM][1]
    aftermath.check(_run_id(script), _told(script), more_by_one=True)
    aftermath.is_clean()


@pytest.mark.guarantee("true-run", "survives-death")
def test_a_process_that_is_killed_while_it_stands_still(start_script, database, aftermath):
    """Swept, then killed without having woken: its lines are delivered, and the row still says that it died."""
    script = _start(start_script, database)
    script.wait_for_line("000010")
    _freeze(script, aftermath)
    script.kill()
    aftermath.deliver_all()
    status, message, outcome = aftermath.status(_run_id(script))
    assert (status, outcome) == ("error", "died")
    assert message.startswith("the process died without ending the run; last alive")
    aftermath.check(_run_id(script), _told(script), more_by_one=True)
    aftermath.is_clean()


def _start(start_script, database):
    environment = {"RUNLOG_DSN": database, "RUNLOG_HEARTBEAT_INTERVAL": "0.1"}
    script = start_script(WORK, env=environment)
    script.wait_for_line("-")
    return script


def _freeze(script, aftermath):
    """Stop the process until another machine has swept its run; nobody may touch its spool.

    On its own machine its lock says that it lives, and it is left alone.
    """
    eventually(lambda: _is(aftermath, script, "running"), within=30)
    script.signal(signal.SIGSTOP)
    (folder,) = aftermath.folders()

    assert aftermath.deliver() == 0
    _is(aftermath, script, "running")

    def is_swept():
        reap(aftermath.connection, "public")
        _is(aftermath, script, "error")

    eventually(is_swept, within=30)
    assert aftermath.status(_run_id(script))[2] == "died"
    assert aftermath.folders() == [folder]
    assert folders.adopt(folder) is None


def _is(aftermath, script, status):
    row = aftermath.status(_run_id(script))
    assert row is not None
    assert row[0] == status


def _run_id(script):
    return script.stdout.split()[0]


def _told(script):
    return [f"line {line}" for line in script.stdout.split()[1:]]
