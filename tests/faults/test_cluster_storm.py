"""A Citus cluster that loses a worker, and one that moves its shards, while scripts write to it.

Only with ``RUNLOG_TEST_CITUS_DSN``; the workers have to be on this machine, of a user whose processes
this one may end and start. Its ``wal_level`` has to be ``logical``.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from kit import cluster
from kit.aftermath import Aftermath
from kit.asking import QUICK
from kit.waiting import eventually
from psycopg.conninfo import make_conninfo

from runlog import migrate

if cluster.GIVEN is None:
    pytest.skip(cluster.REASON, allow_module_level=True)

WRITERS = 4
SCRIPT = """
    import logging, pathlib, sys, time
    import runlog

    stop = pathlib.Path(sys.argv[1])
    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())
    lines = 0
    while not stop.exists():
        with runlog.RunContext("writer", lifecycle_logs=False) as run:
            first = lines
            for _ in range(500):
                log.info("line %06d", lines)
                lines += 1
                time.sleep(0.001)
        print(run.id, first, lines, flush=True)
"""


@dataclass
class Worker:
    """The server of one worker."""

    dsn: str
    pid: int
    folder: str
    command: list[str]
    user: int

    @classmethod
    def of(cls, dsn):
        with psycopg.connect(dsn) as connection:
            (pid, folder, command) = connection.execute(
                "select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::int,"
                " current_setting('data_directory'), pg_read_file('postmaster.opts')"
            ).fetchone()
        return cls(dsn, pid, folder, shlex.split(command), Path(folder).stat().st_uid)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def start(self):
        # Not a child of this process, which it outlives.
        command = ["sh", "-c", '"$@" >/dev/null 2>&1 </dev/null &', "sh", *self.command]

        def is_up():
            # At first it cannot: the sessions of before notice one after the other.
            subprocess.run(
                command, user=self.user, cwd=self.folder, start_new_session=True, check=True
            )
            for _ in range(20):
                with contextlib.suppress(psycopg.OperationalError):
                    psycopg.connect(self.dsn, connect_timeout=5).close()
                    return
                time.sleep(0.1)
            raise AssertionError("the worker's server does not start")

        eventually(is_up, 60)


@pytest.fixture
def writing(start_script, tmp_path, own_environment, evidence):
    """``writing(disturb)``: writers before, during and after ``disturb(dsn)``; nothing is lost or doubled."""
    with cluster.new_cluster_database() as dsn:
        migrate.migrate(dsn, layout="citus")

        def write(disturb):
            stop = tmp_path / "stop"
            env = {**QUICK, "RUNLOG_DSN": dsn, "RUNLOG_EXIT_TIMEOUT": "30"}
            scripts = [start_script(SCRIPT, stop, env=env) for _ in range(WRITERS)]
            with psycopg.connect(dsn, autocommit=True) as connection:
                grows(connection)
                began = time.monotonic()
                disturb(dsn)
                took = time.monotonic() - began
                grows(connection)
                stop.touch()
                assert [script.wait(timeout=120) for script in scripts] == [0] * WRITERS
                aftermath = Aftermath(dsn, str(own_environment), connection)
                aftermath.deliver_all(60)
                for script in scripts:
                    for run_id, first, end in map(str.split, script.stdout.splitlines()):
                        lines = [f"line {number:06d}" for number in range(int(first), int(end))]
                        aftermath.check(run_id, lines)
                aftermath.is_clean()
                evidence(seconds=round(took), **aftermath.counted())
            assert not any(prepared(dsn, node) for node in cluster.nodes())

        yield write


def prepared(dsn, node):
    """What a commit over several nodes has left half done on this one, once it was looked after."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select recover_prepared_transactions()")
    place = make_conninfo(dsn, host=node[0], port=node[1])
    with psycopg.connect(place) as connection:
        left = "select gid from pg_prepared_xacts where database = current_database()"
        return connection.execute(left).fetchall()


def grows(connection):
    """Wait until more is stored, on every node."""
    count = "select count(*) from logs"
    (before,) = connection.execute(count).fetchone()

    def is_more():
        assert connection.execute(count).fetchone()[0] > before + 1000

    eventually(is_more, 120)


@pytest.mark.guarantee("outage", "exactly-once", "conservation")
@pytest.mark.timeout(600)
def test_a_worker_is_killed_while_writing(writing):
    """kill -9 of a worker's server, a few seconds without it: the runs on other nodes go on, and in the end each line is there once."""

    def kill(dsn):
        host, port = cluster.nodes()[-1]
        worker = Worker.of(make_conninfo(dsn, host=host, port=port))
        worker.kill()
        try:

            def is_missed():
                with psycopg.connect(dsn) as connection, pytest.raises(psycopg.Error):
                    connection.execute("select count(*) from logs")

            eventually(is_missed, 30)
            time.sleep(5)  # the outage itself, in which all writers meet it
        finally:
            worker.start()

    writing(kill)


@pytest.mark.guarantee("outage", "exactly-once")
@pytest.mark.timeout(600)
def test_shards_move_while_writing(writing):
    """All shards of a worker move to the other nodes under the writers: each line is there once."""
    nodes = cluster.nodes()
    if len(nodes) < 3:
        pytest.skip("there is no second worker to move shards to")

    def drain(dsn):
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("select citus_drain_node(%s, %s, 'force_logical')", nodes[-1])
            (left,) = connection.execute(
                "select count(*) from citus_shards where table_name in ('runs'::regclass, 'logs'::regclass)"
                " and nodename = %s and nodeport = %s",
                nodes[-1],
            ).fetchone()
        assert left == 0

    writing(drain)
