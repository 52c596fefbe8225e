"""Who is alive: by the lock of the spool where it can be asked, by the heartbeat where not."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from kit.asking import add_run, runs_of
from kit.recording import messages, run_row
from kit.waiting import until
from psycopg.errors import DeadlockDetected

import runlog
from runlog import Skipped
from runlog._delivery import complaints, housekeeping
from runlog._delivery.sweep import reap
from runlog._process import origin
from runlog._process.notices import notices
from runlog._spool import places

FILES = Path("/proc/self/fd")
SILENT = """
    update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', '"2020-01-01T00:00:00Z"')
"""


@pytest.fixture
def silent(recording, database, connection, own_environment):
    """A run whose process lives on this machine, and could not tell so for years."""
    made = recording(database, own_environment, heartbeat_interval=3600)
    assert made.recorder.catch_up(10)
    connection.execute(SILENT)
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,host}', to_jsonb(%s::text))",
        [origin.host()],
    )
    return made


@pytest.fixture
def spools(own_environment):
    return places.root(str(own_environment), os.environ)


@pytest.mark.guarantee("true-run", "outage")
def test_a_held_lock_is_a_sign_of_life(silent, connection, spools):
    """The lock of the spool is held: no sweep closes the run, however old its heartbeat; when the lock is free, it is closed."""
    run_id = silent.run.id_text
    assert reap(connection, "public", spools=spools) == []
    assert run_row(connection, run_id, "status") == "running"
    silent.recorder.forget_run(silent.run)
    silent.recorder.close(10)
    assert [str(run.id) for run in reap(connection, "public", spools=spools)] == [run_id]


@pytest.mark.guarantee("true-run")
def test_the_same_name_on_another_host_is_not_asked(silent, connection, spools):
    """A spool of that name on another host says nothing of this one: there the heartbeat counts."""
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,host}', '\"elsewhere\"')"
    )
    assert [str(run.id) for run in reap(connection, "public", spools=spools)] == [
        silent.run.id_text
    ]


@pytest.mark.guarantee("true-run", "outage")
def test_overlap_asks_the_lock_before_the_heartbeat(silent, database, connection, monkeypatch):
    """After an outage in which no heartbeat could be written the second run does not begin beside the first."""
    monkeypatch.setenv("RUNLOG_DSN", database)
    with pytest.raises(Skipped), runlog.RunContext("test-script", overlap="skip"):
        pass
    assert runs_of(connection, "test-script") == ["running"]


def test_by_heartbeat_where_there_is_no_lock(connection, database, monkeypatch):
    """A run of another host is in the way while it beats, and is not once it is silent."""
    monkeypatch.setenv("RUNLOG_DSN", database)
    add_run(connection, "sync", beat=1, about={"host": "elsewhere", "spool": "x"})
    with pytest.raises(Skipped), runlog.RunContext("sync", overlap="skip"):
        pass
    connection.execute(SILENT)
    with runlog.RunContext("sync", overlap="skip"):
        assert runs_of(connection).count("running") >= 1


@pytest.mark.guarantee("true-run", "outage")
def test_after_an_outage_the_others_get_a_moment(recording, proxy, connection, monkeypatch):
    """This process has seen the database away: when it answers, runs of other hosts that could not beat either are not closed at once."""
    monkeypatch.setattr(housekeeping, "_REAP_INTERVAL", 0.0)
    made = recording(proxy.conninfo, retry_interval_max=1800)
    assert made.recorder.catch_up(10)
    proxy.refuse()
    made.log("during")
    until(lambda: made.recorder._shipper._failures)
    run_id = add_run(connection, "sync", beat=500, about={"host": "elsewhere"})
    proxy.forward()
    made.log("after", levelno=logging.ERROR)
    until(lambda: made.recorder.catch_up(5))
    assert messages(connection) == ["during", "after"]
    assert run_row(connection, run_id, "status") == "running"
    # The moment is over.
    made.recorder._shipper.delivery._housekeeping._next_reap = 0.0
    until(lambda: made.recorder.catch_up(5))
    until(lambda: run_row(connection, run_id, "status") == "error")


@pytest.mark.guarantee("outage")
def test_a_rush_hour_is_told_only_when_it_lasts(recording, database, connection, monkeypatch):
    """A passing "too many clients" or lost deadlock is nothing to tell; what lasts is, with its remedy."""
    made = recording(database)
    assert made.recorder.flush(10)
    said = made.recorder._shipper._complaints
    topic = made.recorder._session.shown()
    said.tell(OSError("FATAL:  sorry, too many clients already"))
    assert not notices.is_in(topic, "failing")
    said.tell(DeadlockDetected("deadlock detected"))
    assert not notices.is_in(topic, "failing")
    monkeypatch.setattr(complaints, "_PASSING_SECONDS", 0.0)
    said.tell(OSError("FATAL:  sorry, too many clients already"))
    assert notices.is_in(topic, "failing")


@pytest.mark.guarantee("survives-death")
@pytest.mark.skipif(not FILES.exists(), reason="no /proc here")
def test_a_forked_child_keeps_nothing_of_an_orphan(leave_orphan, recording, database):
    """Forked while an orphan is being delivered, a child lets go of its lock and its files."""
    made = recording(database)
    assert made.recorder.catch_up(10)
    orphan, seen = leave_orphan(database, 5), []
    orphans = made.recorder._shipper.delivery._orphans

    def deliver(adopted, _):
        adopted.entries.read(100)
        child = os.fork()
        if not child:
            orphans.forget_in_child()
            links = [_link(path) for path in FILES.iterdir()]
            os._exit(any(str(orphan.folder) in link for link in links))
        seen.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return False

    with made.recorder._shipper._passing:
        orphans.look_again()
        orphans.bury_all(deliver)
    assert seen == [0]


def _link(path):
    try:
        return str(path.readlink())
    except OSError:
        return ""
