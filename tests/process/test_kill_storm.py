"""kill -9 at random moments: what was logged before the kill is there, once, and no run stays open."""

from __future__ import annotations

import random

import pytest
from kit.waiting import eventually

SCRIPT = """
    import logging, os
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=0.01))
    with runlog.RunContext("victim", lifecycle_logs=False) as run:
        os.write(1, f"{run.id}\\n".encode())
        for number in range(5000):
            log.info("line %06d", number)
            os.write(1, b"%06d\\n" % number)
"""
NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False):
        pass
"""


@pytest.mark.guarantee("survives-death", "exactly-once")
@pytest.mark.storm(short=5, long=200, fixed=True)
def test_kills_at_random_moments(start_script, run_script, database, aftermath, rounds, evidence):
    """Every line whose call had returned is stored, none twice, in order; the run is closed."""
    chance = random.Random(rounds)
    environment = {"RUNLOG_DSN": database}
    before_the_end = 0

    def is_delivered():
        assert run_script(NEXT, env=environment).exit_code == 0
        # What the killed process held may be locked for a moment longer.
        assert aftermath.folders() == []

    for _ in range(rounds):
        script = start_script(SCRIPT, env=environment)
        script.wait_for_line(f"{chance.randrange(1000):06d}")
        script.kill()
        told = script.stdout.splitlines()
        logged = [f"line {line}" for line in told[1:] if len(line) == 6]
        before_the_end += len(logged) < 5000
        eventually(is_delivered, within=60)
        aftermath.check(told[0], logged, more_by_one=True)
        assert aftermath.left_running() == []
    assert before_the_end > 0
    evidence(kills=rounds, **aftermath.counted())
