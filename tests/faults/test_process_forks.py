"""Forked children that end in every way, while threads of the parent log."""

from __future__ import annotations

import pytest
from kit.recording import messages

STORM = """
    import logging, multiprocessing, os, signal, sys, threading
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=0.02))
    stop = threading.Event()

    def chatter(number):
        count = 0
        while not stop.wait(0.001):
            log.info("chatter %d %06d", number, count)
            os.write(1, b"chatter %d %06d\\n" % (number, count))
            count += 1

    def leave():
        os._exit(0)

    def deliver_and_leave():
        runlog.flush(30)
        os._exit(0)

    def fail():
        sys.stderr = None
        raise ValueError("in a child")

    def exit():
        sys.exit(0)

    def be_killed():
        os.kill(os.getpid(), signal.SIGKILL)

    def exec():
        os.execv("/bin/true", ["true"])

    def fork_again():
        if os.fork() == 0:
            log.info("child %04d line 10", number)
            os._exit(0)
        os.wait()
        os._exit(0)

    def have_a_run():
        with runlog.RunContext("of a child", lifecycle_logs=False):
            log.info("own run of child %04d", number)
        runlog.flush(30)
        os._exit(0)

    ENDS = (leave, deliver_and_leave, fail, exit, be_killed, exec, fork_again, have_a_run)
    CODES = (0, 0, 1, 0, -9, 0, 0, 0)
    with runlog.RunContext("storm", lifecycle_logs=False) as run:
        threads = [threading.Thread(target=chatter, args=[n]) for n in range(3)]
        [thread.start() for thread in threads]
        pids = []
        for number in range(int(sys.argv[1])):
            pid = os.fork()
            if pid == 0:
                for line in range(10):
                    log.info("child %04d line %02d", number, line)
                ENDS[number % 8]()
            pids.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        stop.set()
        [thread.join() for thread in threads]
        assert codes == [CODES[number % 8] for number in range(len(pids))], codes
        os.write(1, f"run {run.id}\\n".encode())
"""


@pytest.mark.guarantee("fork-threads", "survives-death", "true-run")
@pytest.mark.storm(short=16, long=800)
def test_a_storm_of_forks(run_script, database, aftermath, rounds, evidence):
    """Children that leave, fail, exit, are killed, exec, fork again or have a run of their own, forked while three threads log: every line of each is stored once, in order, and no run is ended by another's child."""
    script = run_script(STORM, rounds, env={"RUNLOG_DSN": database}, timeout=300)
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr
    *told, last = script.stdout.splitlines()
    aftermath.deliver_all(60)
    stored = messages(aftermath.connection, last.split()[1])
    expected = [f"child {n:04d} line {line:02d}" for n in range(rounds) for line in range(10)]
    expected += [f"child {n:04d} line 10" for n in range(6, rounds, 8)]
    aftermath.count([*told, *expected], stored)
    assert sorted(stored) == sorted([*told, *expected])
    for origin in {line[: len("child 0000")] for line in stored}:
        lines = [line for line in stored if line.startswith(origin)]
        assert lines == sorted(lines)
    rows = aftermath.connection.execute(
        "select script_name, status, count(*) from runs group by 1, 2 order by 1"
    ).fetchall()
    assert rows == [("of a child", "success", len(range(7, rounds, 8))), ("storm", "success", 1)]
    aftermath.is_clean()
    evidence(forks=rounds, **aftermath.counted())
