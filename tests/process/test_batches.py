"""Runs that belong together: nested runs, batches, child processes, and parts of one run."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from decimal import Decimal

import psycopg
from kit.asking import QUICK, add_run, runs_of
from kit.recording import messages
from psycopg.conninfo import make_conninfo

import runlog
from runlog import RunContext

VARIABLE = "RUNLOG_BATCH_ID"
CHILD = """
    import logging, sys
    import runlog

    logging.basicConfig(level=logging.INFO)
    logging.getLogger().addHandler(runlog.RunLogHandler())
    with runlog.RunContext("child", sync_mode="incremental", metadata={"fields": 35}) as run:
        logging.info("in the child", extra={"step": "FETCH"})
        run.count(fetched=int(sys.argv[1]), api_cost="0.25")
        print(run.id, runlog.current_run() is run, flush=True)
        if sys.argv[2:] == ["fail"]:
            raise ValueError("broken")
"""


def batch_of(run):
    return str(run.batch_id)


def test_a_run_alone_is_a_batch_of_its_own(here, monkeypatch):
    """Its batch is its own id, in the environment too while it runs, and gone afterwards."""
    with RunContext("alone") as run:
        assert run.batch_id == run.id
        assert os.environ[VARIABLE] == str(run.id)
    assert VARIABLE not in os.environ


def test_nested_runs_share_the_batch(here, connection):
    """Contacts, deals and calls inside a full sync are found by its batch."""
    with RunContext("full") as outer, RunContext("contacts") as inner, RunContext("deals") as third:
        assert inner.batch_id == third.batch_id == outer.id
    assert runlog.flush(10)
    found = connection.execute("select distinct batch_id from runs").fetchall()
    assert found == [(outer.id,)]


def test_a_batch_groups_runs_that_follow_each_other(here):
    """Inside ``runlog.batch()`` every run has its id; before and after it none has."""
    with RunContext("before") as before:
        pass
    with runlog.batch() as batch_id:
        with RunContext("one") as one:
            pass
        with RunContext("two") as two:
            assert os.environ[VARIABLE] == str(batch_id)
    with RunContext("after") as after:
        pass
    assert one.batch_id == two.batch_id == batch_id
    assert len({batch_id, before.batch_id, after.batch_id}) == 3


def test_the_innermost_counts(here):
    """A batch inside a run, a run inside a batch, and a run with a batch of its own."""
    given, inside = uuid.uuid4(), uuid.uuid4()
    with runlog.batch() as outer, RunContext("run") as run:
        with runlog.batch(inside), RunContext("first") as first:
            pass
        with RunContext("second", batch_id=str(given)) as second, RunContext("third") as third:
            assert os.environ[VARIABLE] == str(given)
        with runlog.batch() as joined:
            pass
    assert (run.batch_id, first.batch_id, joined) == (outer, inside, outer)
    assert (second.batch_id, third.batch_id) == (given, given)
    assert VARIABLE not in os.environ


def test_a_batch_from_outside(here, monkeypatch):
    """RUNLOG_BATCH_ID of a parent process counts, and is there again at the end."""
    given = uuid.uuid4()
    monkeypatch.setenv(VARIABLE, str(given))
    with RunContext("run") as run, runlog.batch() as batch_id:
        assert run.batch_id == batch_id == given
    assert os.environ[VARIABLE] == str(given)


def test_nothing_from_outside(here, monkeypatch, capfd):
    """An empty variable is as good as none."""
    monkeypatch.setenv(VARIABLE, "")
    with RunContext("run") as run:
        assert run.batch_id == run.id
    assert "batch_id" not in capfd.readouterr().err


def test_nonsense_from_outside_is_told_and_ignored(here, monkeypatch, capfd):
    """What is no UUID is no batch; the run is one of its own."""
    monkeypatch.setenv(VARIABLE, "nightly")
    with RunContext("run") as run:
        assert run.batch_id == run.id
    assert "batch_id='nightly' is no UUID; ignored" in capfd.readouterr().err


def test_threads_belong_to_the_run_that_started_them(here):
    """Runs in worker threads are of the batch of the run in the main thread."""
    found = []

    def work():
        with RunContext("part") as run:
            found.append(run.batch_id)

    with RunContext("whole") as whole:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert os.environ[VARIABLE] == str(whole.id)
    assert found == [whole.id] * 4


def test_tasks_beside_each_other_are_no_batch(here):
    """Runs of independent tasks that overlap in time, as in a web worker, are not of one batch."""
    found = {}

    async def request(name, mine, others):
        async with RunContext(name) as run:
            mine.set()
            await others.wait()
            found[name] = (run.id, run.batch_id)

    async def main():
        one, two = asyncio.Event(), asyncio.Event()
        await asyncio.gather(request("one", one, two), request("two", two, one))

    asyncio.run(main())
    assert all(run_id == batch_id for run_id, batch_id in found.values())
    assert VARIABLE not in os.environ


def test_child_processes_share_the_batch(here, run_script, database, connection):
    """A script that is started inside a run finds its batch in the environment."""
    script = run_script(
        """
        import os, subprocess, sys
        import runlog
        child = "import runlog\\nwith runlog.RunContext('child'): pass"
        with runlog.RunContext("parent"):
            subprocess.run([sys.executable, "-c", child], check=True)
        """,
        env={**QUICK, "RUNLOG_DSN": database},
    )
    assert script.exit_code == 0, script.stderr
    (parent,) = runs_of(connection, "parent", "id")
    assert runs_of(connection, "child", "batch_id") == [parent]


def run_child(run_script, database, run_id, *arguments):
    env = {**QUICK, "RUNLOG_DSN": database, "RUNLOG_RUN_ID": str(run_id)}
    return run_script(CHILD, *arguments, env=env)


def test_a_child_joins_the_run_of_its_parent(here, run_script, database, connection):
    """No second row: its entries, counts, metadata and window are in the parent's run."""
    with RunContext("parent") as run:
        run.count(fetched=1)
        for amount in (10, 100):
            script = run_child(run_script, database, run.id, amount)
            assert (script.exit_code, script.stdout) == (0, f"{run.id} True\n"), script.stderr
        columns = "status, records_fetched, api_cost, sync_mode, metadata #> '{fields}'"
        assert runlog.flush(10)
        (shown,) = runs_of(connection, "parent", columns)
        assert (shown[0], *shown[2:]) == ("running", Decimal("0.50"), "incremental", 35)
    assert runlog.flush(10)
    assert runs_of(connection, "child") == []
    (ended,) = runs_of(connection, "parent", columns)
    assert ended == ("success", 111, Decimal("0.50"), "incremental", 35)
    assert messages(connection, str(run.id)) == [
        "Starting parent",
        "in the child",
        "in the child",
        "parent completed successfully",
    ]


def test_a_child_that_fails_does_not_end_the_run(here, run_script, database, connection):
    """Its error is an entry of the run; how the run ends is for the parent to say."""
    with RunContext("parent") as run:
        assert run_child(run_script, database, run.id, 10, "fail").exit_code == 1
        assert runlog.flush(10)
        assert runs_of(connection, "parent") == ["running"]
        steps = "select step, level, message from logs where level = 'ERROR'"
        assert connection.execute(steps).fetchall() == [("ERROR", "ERROR", "ValueError: broken")]
    assert runlog.flush(10)
    assert runs_of(connection, "parent", "status, records_fetched") == [("success", 10)]


def test_a_part_that_ends_after_the_run_still_counts(run_script, database, connection):
    """A child that outlives its parent adds to a row that has ended, and does not open it again."""
    run_id = add_run(connection, "parent", status="success", records_fetched=5)
    assert run_child(run_script, database, run_id, 10).exit_code == 0
    assert runs_of(connection, "parent", "status, records_fetched") == [("success", 15)]


def test_a_part_waits_for_the_run_to_appear(run_script, database, connection):
    """Parent and child recorded while the database was away: whoever comes first, all adds up."""
    env = {**QUICK, "RUNLOG_DSN": database}
    run_id = uuid.uuid4()
    joining = {"RUNLOG_RUN_ID": str(run_id), "RUNLOG_EXIT_TIMEOUT": "0.2"}
    script = run_script(CHILD, 10, env={**env, **joining})
    assert script.exit_code == 0
    add_run(connection, "parent", id=run_id, beat=1)
    assert run_script("import runlog\nwith runlog.RunContext('next'): pass", env=env).exit_code == 0
    assert runs_of(connection, "parent", "status, records_fetched") == [("running", 10)]
    assert messages(connection, run_id) == ["in the child"]


def test_the_writer_role_may_join(here, writer, empty_database, run_script):
    """A role with a writer's rights only, under row level security, adds to the run."""
    dsn = make_conninfo(writer.info.dsn, password="writes")
    here(DSN=dsn)
    with RunContext("parent") as run, psycopg.connect(empty_database) as owner:
        run.count(fetched=1)
        assert run_child(run_script, dsn, run.id, 10).exit_code == 0
        assert runs_of(owner, "parent", "status, api_cost") == [("running", Decimal("0.25"))]
    assert runlog.flush(10)
    with psycopg.connect(empty_database) as owner:
        assert runs_of(owner, "parent", "status, records_fetched") == [("success", 11)]
        assert messages(owner, str(run.id))[1:-1] == ["in the child"]


def test_a_run_inside_a_part_is_a_run_of_its_own(here, monkeypatch, connection):
    """Only the outermost run of the process joins; those inside are of the same batch."""
    parent = add_run(connection, "parent", beat=1)
    monkeypatch.setenv("RUNLOG_RUN_ID", str(parent))
    with RunContext("outer") as outer, RunContext("inner") as inner:
        assert outer.id == parent
        assert inner.id != parent
        assert inner.batch_id == outer.batch_id == parent
    assert runlog.flush(10)
    assert runs_of(connection, "parent") == ["running"]
    assert runs_of(connection, "outer") == []
    assert runs_of(connection, "inner") == ["success"]


def test_a_part_does_not_ask_for_overlap_and_uses_the_runs_cursor(here, monkeypatch, connection):
    """The run of the parent has the precedence already, and the cursor is that of its script."""
    add_run(
        connection, "parent", status="success", finished_at="2026-01-31", sync_end_date="2026-01-30"
    )
    parent = add_run(connection, "parent", beat=1)
    monkeypatch.setenv("RUNLOG_RUN_ID", str(parent))
    with RunContext("parent", overlap="fail") as run:
        assert f"{run.since:%Y-%m-%d}" == "2026-01-30"
    assert runs_of(connection, "parent") == ["success", "running"]


def test_a_run_hands_itself_down_but_does_not_join_itself(here, monkeypatch, connection):
    """RUNLOG_RUN_ID set inside a run is for its children: its own threads begin runs of their own."""
    found = []

    def work():
        with RunContext("thread") as run:
            found.append(run.id)

    with RunContext("parent") as run:
        monkeypatch.setenv("RUNLOG_RUN_ID", str(run.id))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found != [run.id]
    assert runlog.flush(10)
    assert runs_of(connection, "parent") + runs_of(connection, "thread") == ["success"] * 2


def test_decorated_functions_join_too(here, monkeypatch, connection):
    """Each call adds its counts; the figures of one call do not replace those of another."""
    parent = add_run(connection, "parent", beat=1)
    monkeypatch.setenv("RUNLOG_RUN_ID", str(parent))

    @RunContext("part")
    def work():
        runlog.current_run().count(inserted=2)

    for _ in range(3):
        work()
    assert runlog.flush(10)
    assert runs_of(connection, "parent", "status, records_inserted") == [("running", 6)]
