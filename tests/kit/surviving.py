"""Scripts that log where it hurts, run under a watchdog that shows the stacks."""

from __future__ import annotations

import pytest
from kit.recording import messages

START = """
    import faulthandler
    faulthandler.dump_traceback_later(40, exit=True)
    import atexit, gc, logging, logging.config, os, signal, sys, threading, time
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
"""
PLAIN = """
    logging.getLogger().addHandler(runlog.RunLogHandler())
"""
NEXT = """
    import runlog
    runlog.RunContext("next", lifecycle_logs=False).start().finish()
"""
QUICK = {"RUNLOG_FLUSH_INTERVAL": "0.01"}


@pytest.fixture
def survive(run_script, database, connection):
    """Run a script to a good end, then a next one, and return the messages of the first."""

    def survive(source, *, said=(), **env):
        script = run_script(START + source, env={"RUNLOG_DSN": database, **QUICK, **env})
        assert script.exit_code == 0, script.stdout + script.stderr
        assert [line for line in said if line not in script.stderr] == []
        assert said or "Traceback" not in script.stderr, script.stderr
        run_script(NEXT, env={"RUNLOG_DSN": database})
        statuses = connection.execute("select distinct status from runs").fetchall()
        assert statuses == [("success",)]
        return messages(connection)

    return survive


def numbered(text, count):
    return [f"{text} {number}" for number in range(count)]
