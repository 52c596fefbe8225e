"""The thread that delivers: tried again where it cannot start, and nothing but its stop ends it."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from kit.recording import messages, run_row
from kit.waiting import eventually, until

from runlog._delivery import shipper as _shipper
from runlog._process import exit as _exit
from runlog._process.notices import notices


@pytest.fixture
def refused(monkeypatch):
    """The system refuses threads while this list holds something."""
    start, refusals = threading.Thread.start, [True]

    def refuse_or_start(thread):
        if refusals and thread.name == "runlog-shipper":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_or_start)
    monkeypatch.setattr(_shipper, "_A_MOMENT", 0.01)
    return refusals


@pytest.mark.guarantee("outage", "never-raises")
def test_a_thread_that_cannot_start_is_tried_again(recording, database, connection, refused):
    """A refused thread is told once; once there may be threads, the next quiet record starts it, without an error or an end to wake it."""
    made = recording(database)
    made.log("while there was none")
    assert notices.is_in("shipper", "none")
    assert messages(connection) == []
    refused.clear()

    def is_delivered():
        made.log("again")
        assert "while there was none" in messages(connection)

    eventually(is_delivered)
    assert notices.is_in("shipper", "ok")
    assert run_row(connection, made.run.id_text, "status") == "running"


@pytest.mark.guarantee("outage")
def test_a_clock_of_the_programs_stops_no_delivery(recording, database, connection, monkeypatch):
    """freezegun and mocks put a clock that stands still in the place of time's, and take it away with a jump: what is logged afterwards is delivered as ever."""
    with monkeypatch.context() as frozen:
        frozen.setattr(time, "monotonic", lambda: 1.6e9)
        frozen.setattr(time, "sleep", lambda _: None)
        made = recording(database)
        made.log("while it stands still")
        assert made.recorder.flush(10)
    made.log("afterwards")

    def are_delivered():
        assert messages(connection) == ["while it stands still", "afterwards"]

    eventually(are_delivered)


@pytest.mark.guarantee("outage")
def test_a_surprise_is_not_the_end_of_the_thread(recording, database, connection, monkeypatch):
    """Whatever is raised where nothing is expected to be, in a pass or around it, the thread goes on and it is told."""
    monkeypatch.setattr(_shipper, "_A_MOMENT", 0.01)
    made = recording(database)
    assert made.recorder.flush(10)
    shipper, surprises = made.recorder._shipper, [MemoryError(), OSError(24, "Too many files")]
    thread = shipper._thread
    pause, touch = shipper._pause, made.recorder._spool.touch

    def surprise(real, *args):
        if surprises:
            raise surprises.pop()
        return real(*args)

    monkeypatch.setattr(shipper, "_pause", partial(surprise, pause))
    monkeypatch.setattr(made.recorder._spool, "touch", partial(surprise, touch))
    until(lambda: not surprises)
    made.log("after it")
    until(lambda: made.recorder.flush(5))
    assert messages(connection) == ["after it"]
    assert shipper._thread is thread
    assert thread.is_alive()


@pytest.mark.guarantee("outage", "true-run")
def test_an_event_that_cannot_be_made_stops_no_other(recording, database, connection, monkeypatch):
    """One open run's events cannot be made: it is told, the other runs have their heartbeat and their rows again, and the thread goes on."""
    made = recording(database, heartbeat_interval=0.05)

    def fail(*_):
        raise ValueError("from the test")

    monkeypatch.setattr(made.run, "progress_event", fail)
    monkeypatch.setattr(made.run, "start_event", fail)
    other = recording(database).run
    made.recorder.start_run(other)
    other.add("records_fetched", 7)

    def is_told():
        assert made.recorder.flush(5)
        assert run_row(connection, other.id_text, "records_fetched") == 7

    eventually(is_told)
    made.recorder._shipper._tell_starts_again()
    assert notices.is_in(f"events of {made.run.id_text}", "lost")
    assert made.recorder._shipper._thread.is_alive()


@pytest.mark.guarantee("bounded")
def test_an_end_has_its_time_once(recording, proxy):
    """However often something is delivered at an end, together it may take ``exit_timeout``: what is logged after that time waits in the spool at once."""
    made = recording(proxy.conninfo, exit_timeout=60)
    assert made.recorder.flush(10)
    _exit.begin()
    assert 0 < _exit.left_of(60) <= 60
    _exit.state.ending_since -= 60
    assert _exit.left_of(60) == 0
    proxy.hang()
    made.log("late")
    ended = threading.Event()
    closing = threading.Thread(target=lambda: (made.recorder.close(), ended.set()))
    closing.start()
    # Far less than the minute that it would wait without.
    assert ended.wait(30)
    closing.join()
    assert made.stats().waiting == 1
    assert made.is_lawful()


def test_what_is_known_of_started_runs_has_a_limit(recording, database):
    """A process that begins runs for ever does not keep the id of each."""
    made = recording(database)
    store = made.recorder._shipper.delivery._store
    with made.recorder._shipper._passing:
        for number in range(30_000):
            store.note_started(str(number))
    assert len(store._started) <= 10_000
    assert "29999" in store._started


REFUSED = """
    import atexit, time
    tries = []
    atexit.register(lambda: print(len(tries)))
    import psycopg, runlog
    from runlog._recorder import registry

    connect = psycopg.Connection.connect.__func__

    def counted(kind, *args, **kwargs):
        tries.append(kind)
        return connect(kind, *args, **kwargs)

    psycopg.Connection.connect = classmethod(counted)
    with runlog.RunContext("refused"):
        while not registry.current()._shipper._failures:
            time.sleep(0.01)
"""


@pytest.mark.guarantee("conservation")
def test_who_is_refused_does_not_ask_again_and_again(run_script, database):
    """Servers count wrong passwords: the start is a try, the end of the run, and that of the process."""
    script = run_script(REFUSED, env={"RUNLOG_DSN": f"{database} dbname=nothing"})
    assert script.exit_code == 0, script.stderr
    assert int(script.stdout) <= 3
