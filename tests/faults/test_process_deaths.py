"""Ways to die without a word: os._exit, abort, a crash in C, exec, the end of memory."""

from __future__ import annotations

import signal

import pytest
from kit.recording import numbered

START = """
    import ctypes, faulthandler, logging, os, resource, signal, sys, threading
    import runlog

    faulthandler.enable()
    # No core files, whatever the machine is set to.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())
    run = runlog.RunContext("victim", lifecycle_logs=False).start()
    os.write(1, f"{run.id}\\n".encode())

    def log_lines():
        for number in range(int(sys.argv[1])):
            log.info("line %06d", number)
"""
LANES = {
    "nothing-delivered": (30, "log_lines()"),
    "all-delivered": (30, "log_lines(); assert runlog.flush(30)"),
    "some-delivered": (5000, "log_lines(); runlog.flush(0.01)"),
}
DEATHS = {
    "os._exit": ("os._exit(5)", 5),
    "abort": ("os.abort()", -signal.SIGABRT),
    "segmentation fault": ("ctypes.string_at(0)", -signal.SIGSEGV),
    "exec": ("os.execv('/bin/true', ['true'])", 0),
    "cpu limit": (
        "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\n    while True: pass",
        -signal.SIGKILL,
    ),
}


@pytest.mark.guarantee("survives-death", "true-run")
@pytest.mark.parametrize("lane", LANES)
def test_os_exit(run_script, database, aftermath, evidence, lane):
    """A script that leaves by os._exit, however much was delivered: every line is stored, the run died."""
    count, log_lines = LANES[lane]
    script = run_script(
        f"{START}\n    {log_lines}; os._exit(5)", count, env={"RUNLOG_DSN": database}
    )
    assert (script.exit_code, script.stderr) == (5, "")
    _assert_died(script, aftermath, count)
    evidence(deaths=1, **aftermath.counted())


@pytest.mark.guarantee("survives-death", "true-run")
@pytest.mark.parametrize("death", [death for death in DEATHS if death != "os._exit"])
def test_a_death_in_c(run_script, database, aftermath, evidence, death):
    """Aborted, crashed, replaced by another program or over a limit: every line is stored, the run died."""
    source, exit_code = DEATHS[death]
    script = run_script(f"{START}\n    log_lines()\n    {source}", 30, env={"RUNLOG_DSN": database})
    assert script.exit_code == exit_code, script.stderr
    _assert_died(script, aftermath, 30)
    evidence(deaths=1, **aftermath.counted())


def _assert_died(script, aftermath, count):
    run_id = script.stdout.split()[0]
    aftermath.deliver_all()
    aftermath.check(run_id, numbered(count))
    status, message, outcome = aftermath.status(run_id)
    assert (status, outcome) == ("error", "died")
    assert message.endswith(f"last entry [LOG] line {count - 1:06d}")
    aftermath.is_clean()


EXHAUST = """
    {before}
    log_lines()
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**25, resource.RLIM_INFINITY))
    held, block = [], 2**24
    while block > 2**19:
        try:
            held.append(bytearray(block))
        except MemoryError:
            block //= 2
    for number in range(int(sys.argv[1]), 2 * int(sys.argv[1])):
        log.info("line %06d", number)
    {after}
"""


@pytest.mark.guarantee("survives-death", "never-raises")
@pytest.mark.parametrize("before", ["pass", "assert runlog.flush(30)"], ids=["early", "connected"])
@pytest.mark.parametrize(
    "after",
    ["held.append(bytearray(2**26))", "os.kill(os.getpid(), signal.SIGKILL)"],
    ids=["raises", "is-killed"],
)
def test_the_end_of_memory(run_script, database, aftermath, evidence, before, after):
    """With no memory left, also for the shipper, every call of logging returns and is stored; the script's own traceback is the only one, and its row says which end it found."""
    source = START.replace("faulthandler.enable()", "") + EXHAUST.format(before=before, after=after)
    script = run_script(source, 50, env={"RUNLOG_DSN": database})
    is_killed = "SIGKILL" in after
    assert script.exit_code == (-signal.SIGKILL if is_killed else 1), script.stderr
    assert script.stderr.count("Traceback") == (0 if is_killed else 1), script.stderr
    run_id = script.stdout.split()[0]
    aftermath.deliver_all()
    aftermath.check(run_id, numbered(100))
    status, message, outcome = aftermath.status(run_id)
    if is_killed:
        assert (status, outcome) == ("error", "died")
    else:
        assert (status, message, outcome) == ("error", "MemoryError", "failed")
    aftermath.is_clean()
    evidence(ends_of_memory=1, **aftermath.counted())
