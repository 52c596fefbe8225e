"""kill -9 in hard places: in a COPY, in an adoption, at the exit, among threads, between two files."""

from __future__ import annotations

import random
import signal
import time

import psycopg
import pytest
from kit.recording import messages, numbered
from kit.waiting import eventually

START = """
    import logging, os, sys, threading
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=0.01, retry_interval=0.01, retry_interval_max=0.02))
"""
BACKLOG = f"""{START}
    with runlog.RunContext("victim", lifecycle_logs=False) as run:
        os.write(1, f"{{run.id}}\\n".encode())
        for number in range(int(sys.argv[1])):
            log.info("line %06d", number)
        os.write(1, b"logged\\n")
        if sys.argv[2] == "stay":
            threading.Event().wait()
    os.write(1, b"ended\\n")
"""
COPYING = """
    import logging, os, threading
    import runlog
    from runlog._recorder import registry as _process

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())
    with runlog.RunContext("victim", lifecycle_logs=False) as run:
        os.write(1, f"{run.id}\\n".encode())
        # Keeps the shipper from delivering the first lines alone, which would not be a COPY.
        with _process.active()._shipper._passing:
            for number in range(5000):
                log.info("line %06d", number)
        runlog.flush(60)
        threading.Event().wait()
"""
THREADS = f"""{START}
    def chatter(number):
        count = 0
        while True:
            for _ in range(60):
                log.info("%d %06d %s", number, count, padding)
                os.write(1, b"told %d %06d\\n" % (number, count))
                count += 1
            # So that nothing has to be shed for want of room.
            barrier.wait()

    padding = "x" * int(sys.argv[2])
    barrier = threading.Barrier(int(sys.argv[1]), action=runlog.flush)
    with runlog.RunContext("victim", lifecycle_logs=False) as run:
        os.write(1, f"{{run.id}}\\n".encode())
        for number in range(int(sys.argv[1])):
            threading.Thread(target=chatter, args=[number], daemon=True).start()
        threading.Event().wait()
"""


HASTY = {"RUNLOG_EXIT_TIMEOUT": "0"}


class Hold:
    """Holds the table of entries, so that whoever writes to it waits inside the server."""

    def __init__(self, dsn, connection):
        self._connection = connection
        self._holder = psycopg.connect(dsn)
        self._holder.execute("lock table logs in share mode")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._holder.close()

    def wait_for(self, statement):
        """Return once such a statement waits for the table."""

        def is_waiting():
            assert self._connection.execute(
                "select 1 from pg_stat_activity where application_name like 'runlog:%%'"
                " and wait_event_type = 'Lock' and query ilike %s",
                [f"%{statement} %logs%"],
            ).fetchall()

        eventually(is_waiting, 30)

    def kill(self, script, chance):
        """Kill before the statement goes on, or a random moment after that."""
        if chance.random() < 0.5:
            assert script.kill() == -signal.SIGKILL
            self._holder.rollback()
        else:
            self._holder.rollback()
            time.sleep(chance.random() * 0.05)
            script.kill()


@pytest.fixture
def hold(database, connection):
    """How to hold the table of entries for a while."""
    return lambda: Hold(database, connection)


@pytest.mark.guarantee("survives-death", "exactly-once")
@pytest.mark.storm(short=2, long=100)
def test_kills_in_the_middle_of_a_copy(start_script, database, hold, aftermath, rounds, evidence):
    """Killed while a backlog of thousands of lines is being copied: all of them are stored, once."""
    chance = random.Random(rounds)
    for _ in range(rounds):
        with hold() as held:
            script = start_script(COPYING, env={"RUNLOG_DSN": database})
            held.wait_for("copy")
            held.kill(script, chance)
        run_id = script.stdout.split()[0]
        aftermath.deliver_all()
        aftermath.check(run_id, numbered(5000))
        assert aftermath.status(run_id)[::2] == ("error", "died")
        aftermath.is_clean()
    evidence(kills=rounds, **aftermath.counted())


@pytest.mark.guarantee("survives-death", "exactly-once")
@pytest.mark.storm(short=2, long=100)
def test_kills_in_the_middle_of_an_adoption(
    run_script, start_script, proxy, hold, aftermath, rounds, evidence
):
    """Killed while it delivers what a dead process left: the one after it delivers both, once."""
    chance = random.Random(rounds)
    aftermath.dsn = proxy.conninfo
    for _ in range(rounds):
        proxy.refuse()
        dead = run_script(BACKLOG, 3000, "end", env={**HASTY, "RUNLOG_DSN": proxy.conninfo})
        run_id = dead.stdout.split()[0]
        with hold() as held:
            proxy.forward()
            adopter = start_script(BACKLOG, 0, "stay", env={"RUNLOG_DSN": proxy.conninfo})
            held.wait_for("insert")
            held.kill(adopter, chance)
        aftermath.deliver_all()
        aftermath.check(run_id, numbered(3000))
        assert aftermath.status(run_id) == ("success", None, "finished")
        assert aftermath.status(adopter.stdout.split()[0])[::2] == ("error", "died")
        aftermath.is_clean()
    evidence(kills=rounds, **aftermath.counted())


@pytest.mark.guarantee("survives-death", "true-run")
@pytest.mark.storm(short=2, long=100)
def test_kills_while_the_exit_delivers(start_script, database, hold, aftermath, rounds, evidence):
    """Killed in its last delivery: every line is stored, and the row keeps the end that it had told."""
    chance = random.Random(rounds)
    for _ in range(rounds):
        with hold() as held:
            script = start_script(BACKLOG, 300, "end", env={"RUNLOG_DSN": database})
            script.wait_for_line("ended")
            held.wait_for("insert")
            held.kill(script, chance)
        run_id = script.stdout.split()[0]
        aftermath.deliver_all()
        aftermath.check(run_id, numbered(300))
        assert aftermath.status(run_id) == ("success", None, "finished")
        aftermath.is_clean()
    evidence(kills=rounds, **aftermath.counted())


@pytest.mark.guarantee("survives-death", "fork-threads")
@pytest.mark.parametrize(
    ("threads", "padding", "spool"),
    [(8, 10, "512M"), (4, 3000, "1M")],
    ids=["eight-threads", "between-two-files"],
)
@pytest.mark.storm(short=2, long=100)
def test_kills_among_threads(
    start_script, database, aftermath, rounds, evidence, threads, padding, spool
):
    """Killed while threads log, also into files of ten lines: each thread's lines, in its order."""
    chance = random.Random(rounds)
    environment = {"RUNLOG_DSN": database, "RUNLOG_SPOOL_MAX_BYTES": spool}
    for _ in range(rounds):
        script = start_script(THREADS, threads, padding, env=environment)
        script.wait_for_line(f"told {threads - 1} ")
        time.sleep(chance.random() * 0.1)
        assert script.kill() == -signal.SIGKILL
        told = [line.split()[1:] for line in script.stdout.splitlines() if line[:4] == "told"]
        aftermath.deliver_all()
        run_id = script.stdout.split()[0]
        stored = [line.split()[:2] for line in messages(aftermath.connection, run_id)]
        aftermath.count(list(map(tuple, told)), list(map(tuple, stored)))
        # Killed in the middle of a write: half of a line that was not told, and that is not stored.
        assert len(stored) - len(told) + len(aftermath.new_letters()) <= threads
        for number in range(threads):
            counted = [int(count) for thread, count in stored if thread == str(number)]
            logged = [int(count) for thread, count in told if thread == str(number)]
            assert counted == list(range(len(counted)))
            # One more can be stored than told: killed between the two writes.
            assert len(counted) - len(logged) in {0, 1}
        assert aftermath.status(run_id)[::2] == ("error", "died")
        aftermath.is_clean()
    evidence(kills=rounds, **aftermath.counted())
