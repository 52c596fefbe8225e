"""Whether a run may begin while another of its script is alive, decided by the database."""

from __future__ import annotations

import asyncio
import threading

import pytest
from kit.asking import add_run, runs_of
from kit.waiting import eventually

import runlog
from runlog import RunContext
from runlog.errors import DatabaseUnavailableError, OverlapError, SchemaError, SettingError


def test_skip_leaves_a_line_and_an_entry(here, connection, capfd):
    """The body never runs, no row is written, stderr names the run that is alive, the code is 0.

    In that run's log stands that another start was skipped: watchers tell of it.
    """
    alive = add_run(connection, beat=1, about={"host": "elsewhere", "pid": 77})
    bodies = []
    with pytest.raises(runlog.Skipped) as skipped, RunContext("sync", overlap="skip"):
        bodies.append("ran")
    assert bodies == []
    assert (skipped.value.code, skipped.value.run_id) == (0, str(alive))
    assert runs_of(connection) == ["running"]
    assert runlog.flush(10)
    logged = connection.execute("select run_id, level, step, message from logs").fetchall()
    assert logged == [(alive, "WARNING", "SKIP", "another start of 'sync' was skipped")]
    told = [line for line in capfd.readouterr().err.splitlines() if "skipped" in line]
    assert len(told) == 1
    assert f"run {alive} on elsewhere (pid 77)" in told[0]
    assert "last heartbeat" in told[0]
    assert runlog.current_run() is None


def test_skip_in_a_decorator(here, connection):
    """A decorated function is not called while another run is alive."""
    add_run(connection, beat=1)
    calls = []

    @RunContext("sync", overlap="skip")
    def plain():
        calls.append("plain")

    @RunContext("sync", overlap="skip")
    async def coroutine():
        calls.append("async")

    with pytest.raises(runlog.Skipped):
        plain()
    with pytest.raises(runlog.Skipped):
        asyncio.run(coroutine())
    assert calls == []
    assert runs_of(connection) == ["running"]


def test_fail_raises_an_error_that_names_the_run(here, connection):
    """``fail`` is an error with the facts as attributes and the remedy in the text."""
    alive = add_run(connection, beat=1)
    with pytest.raises(OverlapError, match=f"runlog close {alive}") as raised:
        RunContext("sync", overlap="fail").start()
    assert (raised.value.script_name, raised.value.run_id) == ("sync", str(alive))
    assert runs_of(connection) == ["running"]


def test_allow_never_asks(here, connection):
    """With ``allow`` both run."""
    add_run(connection, beat=1)
    with RunContext("sync"):
        pass
    assert runlog.flush(10)
    assert sorted(runs_of(connection)) == ["running", "success"]


@pytest.mark.parametrize(
    "other",
    [
        {"script_name": "other", "beat": 1},
        {"status": "success", "beat": 1},
        {"beat": 91},
        {"beat": 4, "every": 1},
        {},
        {"metadata": None},
        {"metadata": '{"runlog": {"heartbeat_at": "soon"}}'},
    ],
    ids=[
        "other script",
        "ended",
        "dead",
        "dead by its own interval",
        "other program",
        "null",
        "odd",
    ],
)
def test_what_does_not_stand_in_the_way(here, connection, other):
    """Other scripts, ended runs, dead runs and runs of programs without heartbeats block nobody."""
    add_run(connection, **other)
    with RunContext("sync", overlap="fail") as run:
        assert connection.execute("select status from runs where id = %s", [run.id]).fetchone()


def test_each_run_is_judged_by_its_own_interval(here, connection):
    """A run that beats every ten minutes is alive after twenty, whatever the asker's interval."""
    here(HEARTBEAT_INTERVAL=1)
    alive = add_run(connection, beat=1200, every=600)
    with pytest.raises(OverlapError) as raised:
        RunContext("sync", overlap="fail").start()
    assert raised.value.run_id == str(alive)


def test_the_claimed_row_is_the_rows_of_any_run(here, connection):
    """The row is there when the body begins, and stays one row with all its columns."""
    with RunContext("sync", overlap="fail", sync_mode="full", metadata={"fields": 35}) as run:
        claimed = runs_of(
            connection, columns="id, status, sync_mode, metadata #>> '{fields}', started_at"
        )
        assert claimed == [(run.id, "running", "full", "35", run.started_at)]
    assert runlog.flush(10)
    ended = runs_of(connection, columns="id, status, metadata #>> '{fields}', started_at")
    assert ended == [(run.id, "success", "35", run.started_at)]


def test_one_after_the_other_in_one_process(here, connection):
    """A run that has ended here is not in the way of the next, delivered or not."""
    here(FLUSH_INTERVAL=60)

    @RunContext("sync", overlap="skip")
    def work():
        return "done"

    assert [work() for _ in range(5)] == ["done"] * 5
    assert runlog.flush(10)
    assert runs_of(connection) == ["success"] * 5


def test_wait_begins_when_the_other_has_ended(here, connection, capfd):
    """``wait`` says whom it waits for, and the second run begins after the first has ended."""
    first = RunContext("sync", overlap="wait").start()
    begun = threading.Event()

    def second():
        with RunContext("sync", overlap="wait"):
            begun.set()

    thread = threading.Thread(target=second)
    thread.start()

    def says_that_it_waits():
        assert f"'sync' waits: run {first.id}" in capfd.readouterr().err

    eventually(says_that_it_waits)
    assert not begun.is_set()
    first.finish()
    thread.join(30)
    assert begun.is_set()
    assert runlog.flush(10)
    (first_end, _), (_, second_start) = runs_of(connection, columns="finished_at, started_at")
    assert first_end <= second_start


def test_waiting_in_a_task_lets_others_go_on(here, connection):
    """``async with`` waits without holding up the event loop."""
    alive = add_run(connection, beat=1)

    async def main():
        async def second():
            async with RunContext("sync", overlap="wait"):
                return "began"

        task = asyncio.create_task(second())
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not task.done()
        connection.execute("update runs set status = 'success' where id = %s", [alive])
        return await asyncio.wait_for(task, 30)

    assert asyncio.run(main()) == "began"


def test_waiting_can_be_limited(here, connection):
    """With ``overlap_timeout`` waiting ends in an error that names the run."""
    here(OVERLAP_TIMEOUT=0.1)
    alive = add_run(connection, beat=1, every=600)
    with pytest.raises(OverlapError, match=str(alive)):
        RunContext("sync", overlap="wait").start()


def test_waiting_for_oneself_fails(here, connection):
    """A run inside a run of the same script would wait for ever, so it is an error at once."""
    with RunContext("sync") as outer:
        assert runlog.flush(10)
        with pytest.raises(OverlapError, match=str(outer.id)):
            RunContext("sync", overlap="wait").start()


def test_a_typo_is_told_at_once(here):
    """An unknown word must not let two runs begin."""
    with pytest.raises(SettingError, match="use allow, skip, wait or fail"):
        RunContext("sync", overlap="sikp")


@pytest.mark.parametrize("overlap", ["skip", "wait", "fail"])
def test_no_answer_is_an_error(here, proxy, connection, overlap):
    """While the database is away nobody can know; the error names question and address."""
    proxy.refuse()
    here(DSN=proxy.conninfo)
    with pytest.raises(DatabaseUnavailableError, match="another run of 'sync' is alive") as raised:
        RunContext("sync", overlap=overlap).start()
    assert f"127.0.0.1:{proxy.port}" in str(raised.value)
    assert runlog.current_run() is None
    with RunContext("sync", overlap="allow"):
        pass


def test_a_silent_server_is_an_error_too(here, proxy):
    """A server that accepts and never answers is given up after the statement's time."""
    here(DSN=proxy.conninfo, STATEMENT_TIMEOUT=1)
    proxy.hang()
    with pytest.raises(DatabaseUnavailableError):
        RunContext("sync", overlap="skip").start()


def test_a_lost_answer_is_asked_again(here, proxy, connection):
    """When the claim commits and its answer is lost the run has one row and begins."""
    here(DSN=proxy.conninfo)
    proxy.cut_after_commit(lambda sql: "insert into" in sql and "runs" in sql)
    with RunContext("sync", overlap="fail") as run:
        assert proxy.counters.cuts == 1
        assert runs_of(connection, columns="id") == [run.id]


def test_switched_off_it_does_not_ask(here, connection):
    """With ``enabled`` off the script runs, whatever else is running."""
    here(ENABLED=0)
    add_run(connection, beat=1)
    with RunContext("sync", overlap="fail"):
        pass
    assert runs_of(connection) == ["running"]


def test_no_database_named(here, monkeypatch):
    """Without a database the question has no answer, which is an error that names the ways."""
    monkeypatch.delenv("RUNLOG_DSN")
    monkeypatch.setattr("runlog.embedded.is_installed", lambda: False)
    with pytest.raises(DatabaseUnavailableError, match="RUNLOG_DSN or DATABASE_URL"):
        RunContext("sync", overlap="skip").start()


def test_missing_tables(here, empty_database):
    """Missing tables are named, with the remedy."""
    here(DSN=empty_database)
    with pytest.raises(SchemaError, match="runlog migrate"):
        RunContext("sync", overlap="skip").start()


def test_each_run_takes_one_number(here, connection):
    """``legacy_id`` counts runs: a start that is told twice takes no second one."""
    numbers = []
    for overlap in ("allow", "skip", "fail", "allow"):
        with RunContext("sync", overlap=overlap) as run:
            numbers.append(run.legacy_id)
    assert numbers == list(range(numbers[0], numbers[0] + 4))
