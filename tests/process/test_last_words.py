"""What other threads log while their process is ending: stored or waiting, never dropped."""

from __future__ import annotations

import signal

import pytest

SCRIPT = """
    import logging, os, sys, threading, time
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())

    def work(name):
        number = 0
        while True:
            log.info("%s %05d", name, number)
            # After the call: whatever is told here has to be found.
            os.write(1, b"%s %05d\\n" % (name.encode(), number))
            number += 1
            time.sleep(0.002)

    def run():
        for name in ("a", "b", "c"):
            threading.Thread(target=work, args=(name,), daemon=True).start()
        time.sleep(0.3)
        os.write(1, b"ready\\n")
        {ending}

    {begin}
"""
IN_A_BLOCK = 'with runlog.RunContext("busy", lifecycle_logs=False):\n        run()'
AT_THE_EXIT = 'runlog.RunContext("busy", lifecycle_logs=False).start()\n    run()'


def end(script, how):
    """End the script as the case says; wait until it is gone."""
    script.wait_for_line("ready")
    if how is not None:
        script.signal(how)
    return script.wait(timeout=30)


@pytest.mark.guarantee("survives-death", "conservation")
@pytest.mark.parametrize("database_is", ["forward", "hang", "refuse"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, None], ids=["term", "hup", "exit"])
def test_threads_that_log_until_the_end(start_script, proxy, aftermath, how, database_is):
    """Whatever ends the process, and however long its last delivery takes, each call that returned is stored in the end, and the run says how it ended."""
    aftermath.dsn = proxy.conninfo
    begin = AT_THE_EXIT if how is None else IN_A_BLOCK
    ending = "pass" if how is None else "time.sleep(60)"
    script = start_script(
        SCRIPT.replace("{ending}", ending).replace("{begin}", begin),
        env={"RUNLOG_DSN": proxy.conninfo, "RUNLOG_EXIT_TIMEOUT": "1"},
    )
    script.wait_for_line("ready")
    getattr(proxy, database_is)()
    assert end(script, how) == (0 if how is None else -how), script.stderr
    proxy.forward()
    aftermath.deliver_all()
    said = [line for line in script.stdout.splitlines() if line != "ready"]
    select = aftermath.connection.execute
    stored = {message for (message,) in select("select message from logs")}
    assert [line for line in said if line not in stored] == []
    assert "logged outside of any run" not in script.stderr
    assert select("select count(*) from runs").fetchall() == [(1,)]
