"""A script that ends while the disk takes no more: it ends as ever, and what is lost is told."""

from __future__ import annotations

import re

import pytest
from kit.recording import messages

SCRIPT = """
    import logging, sys
    import runlog
    from runlog._recorder import registry as _process

    log = logging.getLogger("app")
    log.setLevel(logging.DEBUG)
    log.addHandler(runlog.RunLogHandler(retry_interval=0.05))
    with runlog.RunContext("full", lifecycle_logs=False) as run:
        print(run.id, flush=True)
        for number in range(int(sys.argv[1])):
            log.info("line %06d %s.", number, "x" * int(sys.argv[2]))
    stats = _process.current().stats()
    print(stats.appended, stats.waiting, stats.shed, stats.committed, stats.dead_letters)
"""
NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False):
        pass
"""
LIMITED = """
    import resource, signal
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""


@pytest.mark.guarantee("disk", "never-raises")
def test_an_exit_with_the_disk_full_tells_what_is_lost(tiny_disk, run_script, proxy, connection):
    """Disk full, database away and the script at its end: exit code 0, and one line says how many entries go with the memory."""
    disk = tiny_disk(256)
    (disk / "spool").mkdir()
    proxy.refuse()
    environment = {
        "RUNLOG_DSN": proxy.conninfo,
        "RUNLOG_SPOOL_DIR": str(disk / "spool"),
        "RUNLOG_EXIT_TIMEOUT": "0.5",
    }
    script = run_script(SCRIPT, 1000, 400, env=environment)
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr
    lost = int(re.search(r"up to (\d+) of them are in memory and lost", script.stderr)[1])
    proxy.forward()
    run_script(NEXT, env={**environment, "RUNLOG_EXIT_TIMEOUT": "10"})
    stored = messages(connection, script.stdout.split()[0])
    assert 0 < len(stored) < 1000, script.stderr
    assert len(stored) + lost == 1000
    assert all(re.fullmatch(r"line \d{6} x{400}\.", message) for message in stored)


@pytest.mark.guarantee("disk", "never-raises")
@pytest.mark.parametrize("is_away", [False, True])
def test_a_limit_of_the_file_size(run_script, proxy, connection, is_away):
    """RLIMIT_FSIZE cuts a write in the middle: no signal, no torn row; shed is counted."""
    if is_away:
        proxy.refuse()
    environment = {"RUNLOG_DSN": proxy.conninfo, "RUNLOG_EXIT_TIMEOUT": "2"}
    script = run_script(LIMITED + SCRIPT, 1000, 400, env=environment)
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr
    appended, waiting, shed, committed, dead = map(int, script.stdout.split()[1:])
    assert appended - waiting - shed - committed - dead == 0
    assert dead == 0
    proxy.forward()
    run_script(NEXT, env={"RUNLOG_DSN": proxy.conninfo})
    told = messages(connection, script.stdout.split()[0])
    stored = [it for it in told if not it.startswith("runlog shed")]
    assert all(re.fullmatch(r"line \d{6} x{400}\.", message) for message in stored)
    assert len(stored) == len(set(stored)) > 100
