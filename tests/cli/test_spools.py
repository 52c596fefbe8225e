"""``flush`` and ``spool``: what processes that are gone have left, and dead letters."""

import json
import signal

import pytest
from psycopg.conninfo import make_conninfo

# The script logs and is killed before its shipper has delivered anything.
KILLED = """
    import logging, os, signal, sys
    import runlog
    from runlog._delivery import shipper as _shipper
    _shipper.Shipper._attempt = lambda self: True
    log = logging.getLogger("app")
    log.setLevel("INFO")
    log.addHandler(runlog.RunLogHandler())
    runlog.RunContext("killed").start()
    for number in range(30):
        log.info("line %d", number, extra={"step": "FETCH"})
    os.kill(os.getpid(), signal.SIGKILL)
"""
ALIVE = """
    import sys, time
    import runlog
    from runlog._delivery import shipper as _shipper
    _shipper.Shipper._attempt = lambda self: True
    runlog.RunContext("alive").start()
    print("started", flush=True)
    sys.stdin.read()
    time.sleep(60)
"""


@pytest.fixture
def killed(run_script, database):
    """A script that was killed with 31 entries in its spool, for the test's database."""
    script = run_script(KILLED, env={"RUNLOG_DSN": database})
    assert script.exit_code == -signal.SIGKILL


def test_flush_delivers_what_the_dead_left(shell, connection, killed):
    """Every entry arrives, the run is closed as died, and the exit code is 0."""
    said = shell("flush")
    assert (said.code, said.out) == (0, "delivered 31 of 31 waiting entries\n")
    assert connection.execute("select count(*) from logs").fetchone() == (31,)
    status, outcome = connection.execute(
        "select status, metadata #>> '{runlog,outcome}' from runs"
    ).fetchone()
    assert (status, outcome) == ("error", "died")
    assert shell("flush").out == "delivered 0 of 0 waiting entries\n"


def test_flush_tells_what_still_waits(shell, connection, killed):
    """What cannot be delivered stays, is told, and makes the exit code 1."""
    connection.execute("alter table logs rename message to elsewhere")
    try:
        said = shell("flush", "--timeout", "2")
    finally:
        connection.execute("alter table logs rename elsewhere to message")
    assert (said.code, said.out) == (1, "delivered 0 of 31 waiting entries\n")
    assert "31 entries still wait in " in said.err
    assert shell("flush").code == 0


def test_flush_tells_programs(shell, killed, own_environment):
    """As JSON: what waited, was delivered and still waits, and where."""
    [done] = json.loads(shell("flush", "--json").out)
    folder = done.pop("folder")
    assert done == {"waited": 31, "delivered": 31, "waiting": 0}
    assert folder.startswith(str(own_environment))
    assert shell("flush", "--csv").out == f"waited,delivered,waiting,folder\n0,0,0,{folder}\n"


def test_flush_without_database_keeps_everything(shell, database, killed, own_environment):
    """With the server away nothing is touched, and the exit code is 3."""
    said = shell("flush", RUNLOG_DSN=make_conninfo(database, port=1))
    assert said.code == 3
    assert len(list(own_environment.glob("*/*/logs-*.copy"))) == 1


def test_spool_shows_the_living_and_the_dead(shell, start_script, database, killed):
    """Each process's folder is listed with what waits in it and whether its process lives."""
    start_script(ALIVE, env={"RUNLOG_DSN": database}).wait_for_line("started")
    spools = json.loads(shell("spool", "--json").out)["spools"]
    told = sorted((spool["process"], spool["entries"], spool["events"]) for spool in spools)
    assert told == [("alive", 1, 1), ("gone", 31, 1)]
    assert all(spool["bytes"] > 0 for spool in spools)
    assert len(shell("spool").rows) == 2
    # Looking takes nothing over: the dead one's can still be delivered, the living one's stays.
    assert shell("flush").out == "delivered 31 of 31 waiting entries\n"
    assert [spool["process"] for spool in json.loads(shell("spool", "--json").out)["spools"]] == [
        "alive"
    ]


def test_nothing_waits(shell):
    """An empty spool is told, with its folder, and is no failure."""
    said = shell("spool", "--format", "table")
    assert (said.code, said.out) == (0, "")
    assert "nothing waits in " in said.err


@pytest.fixture
def refused(run_script, connection, database):
    """Two entries that the database refused: one word is forbidden in it."""
    connection.execute(
        "alter table logs add constraint no_curses check (message not like '%%curse%%')"
    )
    script = run_script(
        """
        import runlog, logging
        log = logging.getLogger("app")
        log.addHandler(runlog.RunLogHandler())
        with runlog.RunContext("sailor"):
            log.error("a curse\\twith a tab\\nand a line", extra={"meta": {"tab": "\\t"}})
            log.error("a kind word")
            log.error("another curse")
        """,
        env={"RUNLOG_DSN": database},
    )
    assert script.exit_code == 0


def messages(connection):
    query = "select message from logs where level = 'ERROR' order by timestamp, id"
    return [row[0] for row in connection.execute(query)]


def test_dead_letters_are_listed_with_their_reason(shell, refused):
    """What the database refused is counted, with the SQLSTATE and the reason of the last."""
    [letter] = json.loads(shell("spool", "--json").out)["dead_letters"]
    assert (letter["letters"], letter["last_sqlstate"]) == (2, "23514")
    assert "no_curses" in letter["last_reason"]
    assert "2 dead letters in " in shell("spool").err


def test_retry_after_the_cause_is_gone(shell, connection, refused, own_environment):
    """Mended, every letter arrives as it was logged, in its place, and the file is gone."""
    connection.execute("alter table logs drop constraint no_curses")
    said = shell("spool", "retry")
    assert (said.code, said.out) == (0, "put back 2 dead letters; delivered 2 entries\n")
    assert messages(connection) == [
        "a curse\twith a tab\nand a line",
        "a kind word",
        "another curse",
    ]
    query = "select meta ->> 'tab' from logs where message like 'a curse%%'"
    assert connection.execute(query).fetchone() == ("\t",)
    assert list(own_environment.glob("*/dead-letters*")) == []
    assert connection.execute("select status from runs").fetchone() == ("success",)
    assert shell("spool", "retry").out == "put back 0 dead letters; delivered 0 entries\n"
    [done] = json.loads(shell("spool", "retry", "--json").out)
    assert done == {"put_back": 0, "delivered": 0, "remaining": 0}


def test_retry_while_the_cause_is_there(shell, connection, refused):
    """Refused again, the letters are letters again, none is lost, and the exit code is 1."""
    said = shell("spool", "retry")
    assert (said.code, said.out) == (1, "put back 2 dead letters; delivered 0 entries\n")
    assert "2 letters remain" in said.err
    assert "no_curses" in said.err
    connection.execute("alter table logs drop constraint no_curses")
    assert shell("spool", "retry").code == 0
    assert len(messages(connection)) == 3


def test_retry_goes_on_after_a_crash(shell, connection, refused, own_environment):
    """A retry that ended in the middle is taken up, and what is no letter stays."""
    connection.execute("alter table logs drop constraint no_curses")
    [letters] = own_environment.glob("*/dead-letters.jsonl")
    first, second = letters.read_bytes().splitlines(keepends=True)
    letters.with_name("dead-letters.jsonl.retrying").write_bytes(first)
    letters.write_bytes(second + b"no letter\n")
    said = shell("spool", "retry")
    assert (said.code, said.out) == (1, "put back 2 dead letters; delivered 2 entries\n")
    assert letters.read_bytes() == b"no letter\n"
    assert len(messages(connection)) == 3
