"""runlog.testing: what people get to test their own scripts with."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

import runlog
from runlog.testing import Capture, capture

ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger("sync")


def sync(contacts=2, error=None):
    """What a user's script does."""
    with runlog.RunContext("hubspot-sync", sync_mode="full") as run:
        log.info("Fetched %d", contacts, extra={"step": "FETCH", "meta": {"count": contacts}})
        run.count(fetched=contacts, api_cost="0.25")
        run.metadata["fields"] = 35
        if error:
            raise error


def test_a_run_and_its_entries_are_captured():
    """Without database or setting: the run as its row would be, its entries in order."""
    with capture() as captured:
        sync()
    run = captured.run
    assert (run.script_name, run.status, run.outcome) == ("hubspot-sync", "success", "finished")
    assert (run.records_fetched, run.records_updated, run.api_cost) == (2, None, Decimal("0.25"))
    assert run.metadata["fields"] == 35
    assert run.finished_at >= run.started_at == run.sync_end_date
    assert [(entry.step, entry.message) for entry in captured.entries] == [
        ("START", "Starting hubspot-sync"),
        ("FETCH", "Fetched 2"),
        ("END", "hubspot-sync completed successfully"),
    ]
    fetched = captured.entries[1]
    assert (fetched.run_id, fetched.level) == (run.id, "INFO")
    assert fetched.meta == {"count": 2, "logger": "sync"}


def test_a_failure_is_captured_and_raised():
    """The exception goes through the block; the run tells it."""
    with pytest.raises(ValueError, match="broken"), capture() as captured:
        sync(error=ValueError("broken"))
    assert (captured.run.status, captured.run.error_message) == ("error", "ValueError: broken")
    assert captured.entries[-1].step == "ERROR"


def test_while_the_block_lasts_the_state_is_visible():
    """`runs` and `entries` may be looked at in the middle of a run."""
    with capture() as captured:
        with runlog.RunContext("a", lifecycle_logs=False):
            assert captured.run.status == "running"
            log.warning("one")
            assert [entry.message for entry in captured.entries] == ["one"]
        assert captured.run.status == "success"


def test_what_would_be_stored_is_what_is_captured():
    """Secrets are hidden and odd values marked, as in the table."""
    with capture() as captured, runlog.RunContext("a", lifecycle_logs=False):
        log.info("at postgres://u:hunter2@h/db", extra={"token": "t", "when": {1, 2}})
    (entry,) = captured.entries
    assert entry.message == "at postgres://u:[redacted]@h/db"
    assert entry.meta == {"token": "[redacted]", "when": [1, 2], "logger": "sync"}


def test_existing_handlers_and_processors_are_captured_and_put_back():
    """Whatever database they were given: nothing goes there while the block lasts."""
    made = {"dsn": "host=127.0.0.1 port=1 dbname=production", "default_step": "MAIN"}
    handler, processor = runlog.RunLogHandler(**made), runlog.RunLogProcessor(**made)
    real = handler._recorder
    log.addHandler(handler)
    with capture() as captured, runlog.RunContext("a", lifecycle_logs=False):
        log.info("by handler")
        processor(None, "info", {"event": "by processor"})
        logging.getLogger("elsewhere").info("by nobody")
        runlog.configure(dsn="host=127.0.0.1 port=1 dbname=another")
    log.removeHandler(handler)
    assert [(entry.step, entry.message) for entry in captured.entries] == [
        ("MAIN", "by handler"),
        ("MAIN", "by processor"),
        ("LOG", "by nobody"),
    ]
    assert handler._recorder is processor._recorder is real
    assert real.stats().appended == 0


def test_captures_do_not_see_each_other():
    """A second block begins empty, the first keeps what it had, also one inside the other."""
    with capture() as outer:
        sync(1)
        with capture() as inner:
            sync(2)
        sync(3)
    assert [run.records_fetched for run in outer.runs] == [1, 3]
    assert [run.records_fetched for run in inner.runs] == [2]


def test_the_run_around_the_tests_is_left_alone(monkeypatch):
    """Under `runlog run pytest` the captured run is not the run of the tests."""
    monkeypatch.setenv("RUNLOG_RUN_ID", "01900000-0000-7000-8000-000000000000")
    monkeypatch.setenv("RUNLOG_BATCH_ID", "01900000-0000-7000-8000-000000000001")
    monkeypatch.setenv("RUNLOG_ENABLED", "0")
    with capture() as captured:
        log.warning("outside")
        sync()
    assert captured.run.batch_id == captured.run.id
    assert (captured.unbound, len(captured.entries)) == (1, 3)
    assert os.environ["RUNLOG_RUN_ID"].endswith("-000000000000")
    assert os.environ["RUNLOG_BATCH_ID"].endswith("-000000000001")


def test_install_is_captured_and_undone():
    """A script that calls `runlog.install()` is a run that ends with the block."""
    before = (logging.Logger.filter, sys.exit, sys.excepthook, logging.getLogger().level)
    for name in ("first", "second"):
        with capture() as captured:
            runlog.install(name)
            log.info("hello")
        assert (captured.run.script_name, captured.run.status) == (name, "success")
        assert [entry.message for entry in captured.entries][1] == "hello"
    after = (logging.Logger.filter, sys.exit, sys.excepthook, logging.getLogger().level)
    assert after == before
    assert "RUNLOG_INSTALLED_RUN_ID" not in os.environ


def test_what_was_said_in_a_capture_is_said_in_the_next(capfd):
    """The process's state is fresh in each: a test never depends on who ran before."""
    for _ in range(2):
        with capture(), runlog.RunContext("a") as run:
            run.count(fetched=10**30)
        assert "is more than the column holds" in capfd.readouterr().err


def test_threads_tasks_and_forked_children_are_captured():
    """Wherever in this process or its forks it is logged, it is an entry of the right run."""

    async def task():
        log.info("task")

    with capture() as captured, runlog.RunContext("a", lifecycle_logs=False) as run:
        thread = threading.Thread(target=log.info, args=["thread"])
        thread.start()
        thread.join()
        asyncio.run(task())
        if (pid := os.fork()) == 0:
            log.info("child")
            os._exit(0)
        os.waitpid(pid, 0)
    assert {(entry.run_id, entry.message) for entry in captured.entries} == {
        (run.id, "thread"),
        (run.id, "task"),
        (run.id, "child"),
    }


def test_the_only_run_is_asked_for_by_name():
    """`run` says what there is when there is not exactly one."""
    with capture() as captured:
        with pytest.raises(AssertionError, match="captured 0: none"):
            _ = captured.run
        sync()
        sync()
        with pytest.raises(AssertionError, match="captured 2: hubspot-sync, hubspot-sync"):
            _ = captured.run


def test_levels_below_are_not_captured_unless_asked():
    """INFO and above by default; `capture("DEBUG")` takes all; the root's level is put back."""
    counts = []
    for captured in (capture(), capture("DEBUG"), capture(logging.ERROR)):
        with captured as entries, runlog.RunContext("a", lifecycle_logs=False):
            log.debug("x")
            log.warning("x")
        counts.append(len(entries.entries))
    assert counts == [1, 2, 1]
    assert logging.getLogger().level == logging.WARNING


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    """The temporary folder goes with the block, however it ends."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit), capture() as captured:
        sync(error=SystemExit(3))
    assert captured.run.error_message == "exit code 3"
    assert list(tmp_path.iterdir()) == []


USER_TESTS = """
    import logging
    import subprocess
    import sys

    import runlog
    from runlog.testing import Capture, Database

    def sync():
        with runlog.RunContext("sync") as run:
            logging.getLogger("a").info("Fetched", extra={"step": "FETCH"})
            run.count(fetched=1)

    def test_without_database(runlog_capture: Capture):
        sync()
        assert runlog_capture.run.status == "success"
        assert [entry.step for entry in runlog_capture.entries] == ["START", "FETCH", "END"]

    def rows(database):
        query = "select script_name, status, records_fetched from runs"
        return database.connection.execute(query).fetchall()

    def test_with_database(runlog_database: Database):
        handler = runlog.RunLogHandler(dsn="host=production.invalid")
        logging.getLogger("a").addHandler(handler)
        logging.getLogger("a").setLevel("INFO")
        sync()
        assert runlog.flush()
        assert rows(runlog_database) == [("sync", "success", 1)]
        query = "select step from logs order by timestamp, id"
        steps = runlog_database.connection.execute(query).fetchall()
        assert steps == [("START",), ("FETCH",), ("END",)]

    def test_a_process_with_database(runlog_database: Database):
        code = "import runlog\\nwith runlog.RunContext('child'): pass"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert rows(runlog_database) == [("child", "success", None)]
"""


def test_the_fixtures_work_as_documented(postgres, tmp_path):
    """A project with `pytest_plugins = ["runlog.testing"]` in its conftest, in a process of its own."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["runlog.testing"]\n')
    lines = [line[4:] for line in USER_TESTS.splitlines()]
    (tmp_path / "test_sync.py").write_text("\n".join(lines))
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RUNLOG_TEST_DSN": postgres.dsn},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 passed" in result.stdout


def test_it_works_without_pytest():
    """`capture` needs nothing beside runlog itself; importing runlog does not import it."""
    code = """
import sys
sys.modules["pytest"] = None
import runlog
assert "runlog.testing" not in sys.modules
from runlog.testing import capture
with capture() as captured, runlog.RunContext("a"): pass
assert captured.run.status == "success"
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("inside", ["runlog.install('inside')", "runlog.RunContext('a').start()"])
def test_what_ends_a_process_is_seen_after_a_capture(inside, tmp_path):
    """A capture puts back what runlog had replaced; the run after it learns how the process ends."""
    code = f"""
import os, sys
import runlog
from runlog.testing import capture
with capture():
    {inside}
runlog.configure(dsn="postgresql://nobody@127.0.0.1:1/none", spool_dir={str(tmp_path)!r}, exit_timeout=0)
runlog.install("outside")
sys.exit(3)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    told = "".join(path.read_text() for path in tmp_path.rglob("runs*"))
    assert (done.returncode, told.count("exit code 3")) == (3, 1), told


def test_a_capture_is_typed():
    """What the context manager gives is the documented class."""
    with capture() as captured:
        assert isinstance(captured, Capture)
        assert (captured.runs, captured.entries, captured.unbound) == ([], [], 0)
