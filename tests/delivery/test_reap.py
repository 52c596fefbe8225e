"""Runs whose process went silent are closed, on whichever host they were; all others are not."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, timedelta

import psycopg
import pytest
from kit.asking import QUICK, add_run, runs_of
from kit.waiting import eventually

import runlog
from runlog import RunContext
from runlog._database.statements import statement
from runlog._delivery.sweep import close_run, reap

DIED = "the process died without ending the run"


def log(connection, run_id, step, message, offset=0):
    connection.execute(
        "insert into logs (run_id, timestamp, level, step, message)"
        " values (%s, now() + %s * interval '1 second', 'INFO', %s, %s)",
        [run_id, offset, step, message],
    )


def beat_of(connection, run_id):
    return connection.execute(
        "select (metadata #>> '{runlog,heartbeat_at}')::timestamptz from runs where id = %s",
        [run_id],
    ).fetchone()[0]


@pytest.mark.guarantee("true-run")
def test_a_silent_run_ends_when_it_was_last_heard_of(connection):
    """Status, message, end, duration and outcome tell the truth, and the rest of the row stays."""
    run_id = add_run(connection, beat=91, about={"host": "gone"}, records_fetched=7)
    log(connection, run_id, "FETCH", "page 1")
    log(connection, run_id, "UPSERT", "page 2" + "x" * 500, offset=1)
    beat = beat_of(connection, run_id)
    connection.execute(
        "update runs set started_at = %s where id = %s", [beat - timedelta(seconds=5), run_id]
    )
    (closed,) = reap(connection, "public")
    assert (closed.id, closed.script_name, closed.last_alive) == (run_id, "sync", beat)
    columns = "status, finished_at, duration_ms, records_fetched, metadata #>> '{runlog,outcome}'"
    assert runs_of(connection, columns=columns) == [("error", beat, 5000, 7, "died")]
    facts = "metadata #>> '{runlog,host}', metadata #> '{runlog}' ? 'swept_at', error_message"
    alive = f"{beat.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    assert runs_of(connection, columns=facts) == [
        (
            "gone",
            True,
            f"{DIED}; last alive {alive} UTC, last entry [UPSERT] page 2{'x' * 194}",
        )
    ]
    assert reap(connection, "public") == []


@pytest.mark.guarantee("true-run")
@pytest.mark.parametrize(
    "run",
    [
        {},
        {"metadata": None},
        {"metadata": '{"runlog": 5}'},
        {"metadata": '{"runlog": {"heartbeat_at": "soon"}}'},
        {"metadata": '{"heartbeat_at": "2020-01-01T00:00:00Z"}'},
        {"beat": 80},
        {"beat": 1200, "every": 600},
        {"beat": 500, "status": "success"},
        {"beat": 500, "status": "error"},
    ],
)
def test_what_is_not_silent_stays(connection, run):
    """Runs of other programs, live runs by their own interval and ended runs are not touched."""
    add_run(connection, **run)
    before = runs_of(connection, columns="runs::text")
    assert reap(connection, "public") == []
    assert runs_of(connection, columns="runs::text") == before


def test_ones_own_runs_are_not_asked_about(connection):
    """A process that was frozen itself does not close its own runs when it wakes."""
    run_id = add_run(connection, beat=500)
    assert reap(connection, "public", [str(run_id)]) == []
    assert [run.id for run in reap(connection, "public", [])] == [run_id]


def test_a_row_that_is_being_written_is_alive(connection, database):
    """A run whose row another session holds is skipped, not waited for."""
    held, free = add_run(connection, beat=500), add_run(connection, beat=500)
    with psycopg.connect(database) as writer:
        writer.execute("update runs set records_fetched = 1 where id = %s", [held])
        assert [run.id for run in reap(connection, "public")] == [free]


@pytest.mark.guarantee("true-run")
def test_a_run_that_is_heard_of_before_it_is_closed(connection):
    """Between the look and the closing lies no lock: a heartbeat in between keeps the run open, for a person as for a sweep."""
    heard, silent = add_run(connection, beat=500), add_run(connection, beat=500)

    def beat():
        connection.execute(
            "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', to_jsonb(now()))"
            " where id = %s",
            [heard],
        )

    assert [run.id for run in reap(connection, "public", before_each=beat)] == [silent]
    assert not close_run(
        connection, "public", heard, status="error", error_message=None, is_forced=False
    )
    assert sorted(runs_of(connection)) == ["error", "running"]


@pytest.mark.guarantee("order")
def test_a_start_after_the_last_heartbeat(connection):
    """Clocks that disagree make no negative duration, and a long life fits the column."""
    add_run(connection, "ahead", beat=100, started_at="2100-01-01")
    add_run(connection, "ancient", beat=100, started_at="1900-01-01")
    assert len(reap(connection, "public")) == 2
    columns = "duration_ms, finished_at >= started_at"
    assert runs_of(connection, "ahead", columns) == [(0, True)]
    assert runs_of(connection, "ancient", columns) == [(2147483647, True)]


@pytest.mark.guarantee("true-run")
def test_many_at_once_share_the_work(connection, database):
    """Processes that reap at the same time close each run once, and none waits for another."""
    ids = {add_run(connection, beat=500) for _ in range(40)}
    closed = []

    def work():
        with psycopg.connect(database, autocommit=True) as own:
            closed.extend(run.id for run in reap(own, "public"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(closed) == sorted(ids)
    assert set(runs_of(connection)) == {"error"}


def test_a_run_that_was_only_frozen_is_opened_again(here, connection):
    """The next heartbeat of its process takes the sweep back, and its end is recorded."""
    here(HEARTBEAT_INTERVAL=0.1)
    with RunContext("sync") as run:
        assert runlog.flush(10)
        eventually(lambda: _closed(connection, run.id))

        def is_running_again():
            assert runs_of(connection, columns="status, error_message, finished_at") == [
                ("running", None, None)
            ]

        eventually(is_running_again)
    assert runlog.flush(10)
    columns = "status, error_message, metadata #>> '{runlog,outcome}'"
    assert runs_of(connection, columns=columns) == [("success", None, "finished")]


def _closed(connection, run_id):
    # Each time: what the process tells of its run the first time puts its own interval back.
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_interval}', '0')"
    )
    assert [run.id for run in reap(connection, "public")] == [run_id]


@pytest.mark.guarantee("true-run")
def test_the_end_of_a_swept_run_corrects_the_sweep(here, connection):
    """A process that ends before its next heartbeat still tells how it ended."""
    with RunContext("sync") as run:
        assert runlog.flush(10)
        connection.execute(
            "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', %s)",
            ['"2020-01-01T00:00:00+00:00"'],
        )
        assert len(reap(connection, "public")) == 1
        run.count(fetched=3)
    assert runlog.flush(10)
    assert runs_of(connection, columns="status, error_message, records_fetched") == [
        ("success", None, 3)
    ]


WORK = """
    import signal, threading
    import runlog

    done = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: done.set())
    with runlog.RunContext("sync") as run:
        print(run.id, flush=True)
        done.wait()
"""
NEXT = """
    import runlog
    with runlog.RunContext("next"):
        pass
"""


@pytest.fixture
def silent(start_script, run_script, database, connection, tmp_path):
    """A run on another host, stopped by a signal, that the processes here have swept."""

    def stop(number):
        env = {**QUICK, "RUNLOG_DSN": database, "RUNLOG_HEARTBEAT_INTERVAL": "0.2"}
        elsewhere = {"RUNLOG_SPOOL_DIR": str(tmp_path / "elsewhere")}
        script = start_script(WORK, env={**env, **elsewhere})
        script.wait_for_line("-")
        eventually(lambda: _are(connection, ["running"]))
        script.signal(number)

        def is_swept():
            run_script(NEXT, env=env)
            _are(connection, ["error"])

        eventually(is_swept, within=30)
        return script

    return stop


def _are(connection, statuses):
    assert runs_of(connection) == statuses


def test_the_next_process_anywhere_closes_the_dead(silent, connection):
    """A run whose host is gone is closed by whichever process begins after three heartbeats."""
    silent(signal.SIGKILL)
    told = "error_message like 'the process died%%', metadata #>> '{runlog,outcome}'"
    assert runs_of(connection, columns=told) == [(True, "died")]


@pytest.mark.guarantee("true-run")
def test_a_frozen_process_corrects_the_sweep(silent, connection):
    """A process that stood still for longer than that runs on: its row says so, and how it ended."""
    script = silent(signal.SIGSTOP)
    script.signal(signal.SIGCONT)
    eventually(lambda: _are(connection, ["running"]), within=30)
    script.signal(signal.SIGUSR1)
    assert script.wait() == 0
    assert runs_of(connection, columns="status, error_message") == [("success", None)]


def test_reaping_looks_at_running_runs_only(connection):
    """The statement finds its rows through the index of running runs, however long the history."""
    connection.execute(
        "insert into runs (script_name, status) select 'old', 'success' from generate_series(1, 5000)"
    )
    connection.execute("analyze runs")
    plan = connection.execute(
        b"explain " + statement("sweep/list_silent_runs", "public"), {"own": []}
    ).fetchall()
    assert any("idx_runs_running" in line or "idx_runs_status" in line for (line,) in plan)
