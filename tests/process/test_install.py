"""``install`` in real processes: what the script does is unchanged, and how it ends is known.

The table of endings is in test_endings; here is what is particular to a run without a block.
"""

from __future__ import annotations

import sys

import pytest
from kit.recording import messages

HEAD = """
import logging, os, signal, sys, time
from sys import exit as leave
import runlog
runlog.install("job")
log = logging.getLogger("app")
log.info("logged")
"""
SEES_SYSTEM_EXIT = sys.version_info >= (3, 12)


@pytest.fixture
def script(run_script, database):
    """``script(source)`` → an ended script."""
    return lambda source, head=HEAD, **env: run_script(
        head + source, env={"RUNLOG_DSN": database, **env}
    )


@pytest.fixture
def rows(connection):
    """``rows()``: script_name, status, error_message, outcome in the order of the starts."""
    return lambda: connection.execute(
        "select script_name, status, error_message, metadata -> 'runlog' ->> 'outcome'"
        " from runs order by started_at"
    ).fetchall()


@pytest.mark.parametrize(
    ("source", "code", "row"),
    [
        ("leave(5)", 5, ("error", "exit code 5", "exited")),
        ("exit(6)", 6, ("error", "exit code 6", "exited")),
        ("quit()", 0, ("success", None, "exited")),
        ("try: sys.exit(9)\nexcept SystemExit: pass", 0, ("success", None, "finished")),
        (
            "import argparse; argparse.ArgumentParser().parse_args(['--nope'])",
            2,
            ("error", "exit code 2", "exited"),
        ),
        (
            "sys.excepthook = lambda *_: None\n1 / 0",
            1,
            ("error", "ZeroDivisionError: division by zero", "failed"),
        ),
        ("def deep():\n    sys.exit(3)\ndeep()", 3, ("error", "exit code 3", "exited")),
        (
            "import threading\nt = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()",
            0,
            ("success", None, "finished"),
        ),
        ("import atexit\natexit.register(log.info, 'at exit')", 0, ("success", None, "finished")),
        (
            "import asyncio\nasync def main(): sys.exit(3)\nasyncio.run(main())",
            3,
            ("error", "exit code 3", "exited"),
        ),
        (
            "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)",
            -2,
            ("error", "KeyboardInterrupt", "interrupted"),
        ),
    ],
)
def test_an_end(script, rows, connection, source, code, row):
    """However the script leaves, its run says so, and its exit code is its own."""
    ended = script(source)
    assert ended.exit_code == code, ended.stderr
    assert rows() == [("job", *row)]
    assert "logged" in messages(connection)


@pytest.mark.parametrize(("code", "status"), [(0, "success"), (4, "error")])
def test_a_raised_system_exit(script, rows, code, status):
    """Python 3.12 shows the code; 3.11 shows it to nobody, and the row says what to do."""
    ended = script(f"raise SystemExit({code})")
    assert ended.exit_code == code
    ((_, stored, message, outcome),) = rows()
    assert outcome == "exited"
    if SEES_SYSTEM_EXIT:
        assert (stored, message) == (status, f"exit code {code}" if code else None)
    else:
        assert stored == "error"
        assert message.endswith("use sys.exit(code)")


def test_what_the_script_prints_is_unchanged(run_script, script):
    """Logging that is left alone prints warnings and nothing else, as without runlog."""
    source = """
import logging
log = logging.getLogger("app")
log.info("hidden")
log.warning("shown")
logging.basicConfig(format="%(levelname)s %(message)s")
log.info("still hidden")
log.error("formatted")
print(logging.getLogger().level, log.isEnabledFor(logging.WARNING))
"""
    bare = run_script("\n" + source)
    installed = script(source, head="import runlog; runlog.install('job')\n")
    assert installed.stderr == bare.stderr == "shown\nERROR formatted\n"


def test_a_second_call_is_the_same_run(script, rows):
    """A library and a script may both call it."""
    ended = script("assert runlog.install('other') is runlog.current_run()")
    assert ended.exit_code == 0, ended.stderr
    assert [row[0] for row in rows()] == ["job"]


def test_the_run_is_there_for_counts(script, connection):
    """What ``install`` returns takes counts until the end."""
    script("runlog.current_run().count(fetched=3); runlog.current_run().sync_mode = 'full'")
    row = connection.execute("select records_fetched, sync_mode from runs").fetchone()
    assert row == (3, "full")


def test_its_name_is_the_scripts(run_script, database, rows):
    """Without a name the run is called after the file."""
    run_script("import runlog\nrunlog.install()", env={"RUNLOG_DSN": database})
    assert [row[0] for row in rows()] == ["script_1"]


def test_from_a_thread(script, rows):
    """Called in a thread it records the process, not the thread."""
    ended = script(
        "import threading\n"
        "t = threading.Thread(target=runlog.install, args=('job',)); t.start(); t.join()\n"
        "sys.exit(3)",
        head="import sys\nimport runlog\n",
    )
    assert ended.exit_code == 3
    assert rows() == [("job", "error", "exit code 3", "exited")]


SPAWN = """
import logging, multiprocessing
import runlog
runlog.install("job")
def work(number):
    logging.getLogger("app").info("child %d", number)
if __name__ == "__main__":
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        pool.map(work, range(4), chunksize=1)
        pool.close()
        pool.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_join(run_script, database, rows, connection, method):
    """Also where they import the script again, ``install`` and all: one run, with their entries."""
    ended = run_script(SPAWN.format(method=method), env={"RUNLOG_DSN": database})
    assert ended.exit_code == 0, ended.stderr
    assert rows() == [("job", "success", None, "finished")]
    assert sorted(messages(connection)) == [
        "Starting job",
        *(f"child {number}" for number in range(4)),
        "job completed successfully",
    ]


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("pass", ("success", None, "finished")),
        ("raise ValueError('text')", ("error", "ValueError: text", "failed")),
        ("sys.exit(3)", ("error", "exit code 3", "exited")),
    ],
)
def test_in_a_child_of_multiprocessing(run_script, database, rows, source, row):
    """Such a child skips ``atexit``; its run ends with it all the same."""
    ended = run_script(
        f"""
import multiprocessing, sys
import runlog
def work():
    runlog.RunContext("child").start()
    {source}
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
""",
        env={"RUNLOG_DSN": database},
    )
    assert ended.exit_code == 0, ended.stderr
    assert rows() == [("child", *row)]


@pytest.mark.parametrize(
    ("source", "code", "row"),
    [
        ("run.finish()\nsys.exit(3)", 3, ("success", None, "finished")),
        ("run.finish(ValueError('text'))", 0, ("error", "ValueError: text", "failed")),
        ("pass", 0, ("success", None, "finished")),
        ("raise ValueError('text')", 1, ("error", "ValueError: text", "failed")),
        ("sys.exit(3)", 3, ("error", "exit code 3", "exited")),
    ],
)
def test_start_without_a_block(script, rows, source, code, row):
    """``start`` and ``finish``; a run that is never finished ends as the process does."""
    ended = script(
        source, head="import sys\nimport runlog\nrun = runlog.RunContext('job').start()\n"
    )
    assert ended.exit_code == code, ended.stderr
    assert rows() == [("job", *row)]


def test_a_block_that_is_never_left(script, rows):
    """In a daemon thread, which the end of the process stops somewhere: no success."""
    ended = script(
        """
def work():
    with runlog.RunContext("job"):
        begun.set()
        time.sleep(60)
begun = threading.Event()
threading.Thread(target=work, daemon=True).start()
begun.wait()
""",
        head="import threading, time\nimport runlog\n",
    )
    assert ended.exit_code == 0, ended.stderr
    expected = "the process ended while the run was still open"
    assert rows() == [("job", "error", expected, "abandoned")]


def test_death_by_ctrl_c_survives_a_late_import(script, rows):
    """What a delivery at the exit imports must not turn death by SIGINT into exit code 1."""
    ended = script(
        "import atexit\n"
        "@atexit.register\n"
        "def late():\n"
        "    import collections; collections.namedtuple('Late', 'a b')\n"
        "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
    )
    assert ended.exit_code == -2
    assert rows() == [("job", "error", "KeyboardInterrupt", "interrupted")]
