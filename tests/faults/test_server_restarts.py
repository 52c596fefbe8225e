"""The server goes and comes back while a script logs: restarts, killed sessions, failover, poolers."""

from __future__ import annotations

import random
import shutil
import subprocess
from functools import partial

import psycopg
import pytest
from kit.chatter import Chatter
from kit.pooler import CONFIG, _command, _free_port
from kit.recording import messages, run_row
from kit.servers import DATABASE, PASSWORD, ROLE
from kit.waiting import eventually
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runlog._delivery.store import Store

pytestmark = pytest.mark.guarantee("outage", "exactly-once")


def is_delivered(made):
    assert made.recorder.flush(5)


def has_failed_before(made):
    assert made.recorder._shipper._failures > 0


def has_recovered(made):
    """What is delivered is counted before the pass that did it is over."""
    assert made.recorder._shipper._failures == 0


def has_logged(chatter, count):
    assert len(chatter.lines) >= count


def finish_and_compare(made, server, logged):
    """The end of the story: all stored once and in order; returns the counts for ``evidence``."""
    eventually(partial(is_delivered, made), 30)
    made.finish()
    assert made.close()
    assert made.is_lawful()
    assert made.stats().waiting == made.stats().dead_letters == made.stats().shed == 0
    with server.connect() as connection:
        stored = messages(connection)
        assert run_row(connection, made.run.id_text, "status") == "success"
    assert stored == logged
    lost, doubled = len(set(logged) - set(stored)), len(stored) - len(set(stored))
    return {"entries": len(logged), "lost": lost, "doubled": doubled}


@pytest.mark.storm(short=2, long=20)
@pytest.mark.parametrize("way", ["stop", "crash"])
def test_restarts_while_a_script_logs(recording, server, capsys, rounds, evidence, way):
    """Stopped fast or killed, and started again, under a script that logs: nothing lost or doubled, two lines a restart."""
    made = recording(server.dsn)
    with Chatter(made) as chatter:
        for number in range(rounds):
            eventually(partial(has_logged, chatter, 100 * number + 100))
            getattr(server, way)()
            eventually(partial(has_failed_before, made))
            so_far = len(chatter.lines)
            eventually(partial(has_logged, chatter, so_far + 50))
            server.start()
            eventually(partial(is_delivered, made), 30)
            eventually(partial(has_recovered, made))
    counts = finish_and_compare(made, server, chatter.lines)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 * rounds, told
    assert all("cannot write to" in line for line in told[::2])
    assert all("answers again" in line for line in told[1::2])
    evidence(restarts=rounds, **counts)


@pytest.mark.storm(short=3, long=60)
@pytest.mark.parametrize("way", ["stop", "crash"])
def test_restarts_in_the_middle_of_a_backlog(recording, server, rounds, evidence, monkeypatch, way):
    """The server ends at some moment of a COPY of 20,000 entries: each is there once, in order."""
    chance = random.Random(rounds)
    begun, interrupted = [], []
    real_copy = Store._copy

    def counting(self, block):
        begun.append(len(block))
        try:
            return real_copy(self, block)
        except psycopg.Error as error:
            interrupted.append(error)
            raise

    def has_begun(count):
        assert len(begun) >= count

    monkeypatch.setattr(Store, "_copy", counting)
    made = recording(server.dsn, flush_interval=60)
    logged = []
    for number in range(rounds):
        assert made.recorder.flush(30)
        # Some of it may be under way before the last line is logged.
        wanted = len(begun) + chance.randint(1, 2)
        made.log_many(20_000, f"round {number:02d}")
        logged += [f"round {number:02d} {line:06d}" for line in range(20_000)]
        made.recorder.wake()
        eventually(partial(has_begun, wanted))
        getattr(server, way)()
        server.start()
        eventually(partial(is_delivered, made), 30)
    counts = finish_and_compare(made, server, logged)
    evidence(restarts=rounds, copies_interrupted=len(interrupted), **counts)


@pytest.mark.storm(short=30, long=1000)
def test_sessions_killed_again_and_again(recording, server, rounds, evidence):
    """The shipper's session is killed while it writes, over and over: nothing lost, doubled or out of order."""
    chance = random.Random(rounds)
    made = recording(server.dsn, flush_interval=0.001, retry_interval=0.001)
    kills = 0
    with Chatter(made) as chatter:
        while kills < rounds:
            so_far = len(chatter.lines)
            eventually(partial(has_logged, chatter, so_far + chance.randrange(20)))
            kills += server.kill_writers()
    evidence(kills=kills, **finish_and_compare(made, server, chatter.lines))


@pytest.mark.guarantee("own-connection")
def test_sessions_ended_for_idling_are_no_outage(recording, server, capsys, evidence):
    """With ``idle_session_timeout`` each batch finds its session ended: delivered on a new one, and nothing is said."""
    server.configure(idle_session_timeout="50ms")
    made = recording(server.dsn, flush_interval=60)
    logged = []
    for number in range(4):
        made.log(f"line {number:06d}")
        logged.append(f"line {number:06d}")
        assert made.recorder.flush(10)

        def is_ended():
            assert server.writers() == 0

        eventually(is_ended)
    evidence(sessions_ended=4, **finish_and_compare(made, server, logged))
    assert capsys.readouterr().err == ""


def test_failover_to_a_standby(recording, server, standby, capsys, evidence):
    """The primary dies, the standby takes no writes yet: entries wait, that is told, and its promotion delivers them."""
    both = make_conninfo(
        server.dsn, host="127.0.0.1,127.0.0.1", port=f"{server.port},{standby.port}"
    )
    made = recording(both)
    made.log_many(500, "before")
    assert made.recorder.flush(10)
    sent = server.execute("select pg_current_wal_lsn()::text")[0][0]

    def has_caught_up():
        arrived = standby.execute(f"select pg_last_wal_replay_lsn() >= '{sent}'")[0][0]
        assert arrived

    eventually(has_caught_up)
    server.crash()
    made.log_many(500, "during")
    told = ""

    def is_told():
        nonlocal told
        told += capsys.readouterr().err
        assert "read-only transaction" in told

    eventually(is_told)
    assert "target_session_attrs=read-write" in told
    assert not made.recorder.flush(0.2)
    assert made.stats().waiting == 500
    standby.execute("select pg_promote()")
    made.log_many(500, "after")
    logged = [f"{when} {line:06d}" for when in ("before", "during", "after") for line in range(500)]
    evidence(failovers=1, **finish_and_compare(made, standby, logged))


class Pooler:
    """PgBouncer in transaction mode in front of the server, to be ended and started again."""

    def __init__(self, server, folder):
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            pytest.skip("pgbouncer is not installed")
        folder.chmod(0o755)
        self.port = _free_port()
        config, log = folder / "pgbouncer.ini", folder / "pgbouncer.log"
        known = {"host": "127.0.0.1", "port": server.port, "user": ROLE, "password": PASSWORD}
        # It waits 15 seconds for a server that was away unless it is told not to.
        text = CONFIG.format(listen_port=self.port, log=log, **known)
        config.write_text(f"{text}server_login_retry = 0.5\n")
        log.touch()
        log.chmod(0o666)
        self.dsn = make_conninfo(server.dsn, port=self.port)
        self._started = _command(program, config)
        self.start()

    def start(self):
        devnull = subprocess.DEVNULL
        self._process = subprocess.Popen(
            self._started, stdin=devnull, stdout=devnull, stderr=devnull
        )
        eventually(self._answers)

    def _answers(self):
        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            raise AssertionError(str(error)) from error

    def kill(self):
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def own_pooler(server):
    from kit.postgres import open_folder

    with open_folder() as folder:
        pooler = Pooler(server, folder)
        yield pooler
        pooler.kill()


@pytest.mark.guarantee("own-connection")
@pytest.mark.storm(short=3, long=40)
def test_a_transaction_pooler_restarts(recording, server, own_pooler, rounds, evidence):
    """PgBouncer in transaction mode is killed and started again under a script that logs: nothing lost or doubled."""
    assert conninfo_to_dict(own_pooler.dsn)["dbname"] == DATABASE
    made = recording(own_pooler.dsn)
    with Chatter(made) as chatter:
        for number in range(rounds):
            eventually(partial(has_logged, chatter, 100 * number + 100))
            own_pooler.kill()
            eventually(partial(has_failed_before, made))
            own_pooler.start()
            eventually(partial(is_delivered, made), 30)
    evidence(restarts=rounds, **finish_and_compare(made, server, chatter.lines))


@pytest.mark.guarantee("own-connection")
def test_the_server_restarts_behind_a_pooler(recording, server, own_pooler, evidence):
    """The pooler stays and answers while its server is away: entries wait until it can pass them on."""
    made = recording(own_pooler.dsn)
    with Chatter(made) as chatter:
        eventually(partial(has_logged, chatter, 100))
        server.crash()
        eventually(partial(has_failed_before, made))
        server.start()
        eventually(partial(is_delivered, made), 60)
    evidence(restarts=1, **finish_and_compare(made, server, chatter.lines))
