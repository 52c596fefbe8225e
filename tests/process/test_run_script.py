"""``runlog run``: a script is what it is under plain Python, and its run says how it ended."""

from __future__ import annotations

import pickle
import subprocess
import sys
import zipfile

import pytest

from runlog._exec import children

TELLING = """
import sys
print(sys.argv, __name__, __file__, __package__, __spec__ and __spec__.name, sys.path[0])
print(sorted(globals()), sys.modules["__main__"].__dict__ is globals())
"""


@pytest.fixture
def compare(commands):
    """``compare(words…)``: run it bare and recorded; both must do the same; return stdout."""

    def both(*words):
        bare = commands.python(*words)
        recorded = commands.run("run", *words)
        assert recorded == bare
        return bare[1].decode()

    return both


@pytest.fixture
def rows(connection):
    """``rows()``: script_name, status, error_message and outcome of all runs."""
    return lambda: connection.execute(
        "select script_name, status, error_message, metadata -> 'runlog' ->> 'outcome'"
        " from runs order by started_at"
    ).fetchall()


@pytest.mark.parametrize("words", [[], ["--mode", "full", "-m", "--help"]])
def test_what_a_script_sees_of_itself(compare, commands, rows, words):
    """Its arguments, its name, its place, the first entry of the path, its module."""
    commands.write("jobs/job.py", TELLING)
    assert "True" in compare("jobs/job.py", *words)
    assert rows() == [("job", "success", None, "finished")]


def test_a_script_behind_a_link(compare, commands):
    """The path begins where the file really lies, as Python has it."""
    target = commands.write("real/job.py", TELLING)
    commands.write("real/beside.py", "")
    (commands.folder / "link.py").symlink_to(target)
    commands.write("real/job.py", TELLING + "import beside\n")
    compare("link.py", "x")


@pytest.mark.parametrize("words", [["-m", "pack", "x"], ["-m", "pack.part", "-v"]])
def test_a_module(compare, commands, words):
    """A package's ``__main__``, and a module in it; relative imports work."""
    commands.write("pack/__init__.py", "")
    commands.write("pack/other.py", "")
    commands.write("pack/__main__.py", TELLING + "from . import other\n")
    commands.write("pack/part.py", TELLING + "from . import other\n")
    compare(*words)


def test_a_folder_and_a_zip_file(compare, commands):
    """What has a ``__main__.py`` can be run."""
    commands.write("app/__main__.py", TELLING + "import beside\n")
    commands.write("app/beside.py", "")
    with zipfile.ZipFile(commands.folder / "app.zip", "w") as archive:
        archive.writestr("__main__.py", TELLING)
    compare("app", "x")
    compare("app.zip", "x")


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("def f():\n    raise ValueError('text')\nf()", ("ValueError: text", "failed")),
        (
            "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('x') from e",
            ("KeyError: 'x'", "failed"),
        ),
        ("raise SystemExit(4)", ("exit code 4", "exited")),
        ("raise SystemExit('text')", ("text", "exited")),
        ("import sys\nsys.exit((1, 2))", ("(1, 2)", "exited")),
        ("def f(:\n", ("SyntaxError: invalid syntax (job.py, line 1)", "failed")),
        ("raise KeyboardInterrupt", ("KeyboardInterrupt", "interrupted")),
        (
            "import sys\nsys.excepthook = lambda *a: print(a[0], a[2].tb_lineno, a[2].tb_next)\n1/0",
            ("ZeroDivisionError: division by zero", "failed"),
        ),
        ("raise ExceptionGroup('two', [ValueError(1), KeyError(2)])", None),
    ],
)
def test_an_end(compare, commands, rows, source, row):
    """Traceback, exit code and signal are the bare script's, with no line of runlog's in them."""
    commands.write("job.py", source)
    compare("job.py")
    if row is not None:
        assert rows() == [("job", "error", *row)]


def test_success_by_system_exit(compare, commands, rows):
    """Known on every version of Python."""
    commands.write("job.py", "raise SystemExit(0)")
    compare("job.py")
    assert rows() == [("job", "success", None, "exited")]


def test_the_stack_begins_with_the_script(commands, connection):
    """In the ERROR entry too."""
    commands.write("job.py", "import sys\nsys.exit(3)")
    assert commands.run("run", "job.py")[0] == 3
    (stack,) = connection.execute(
        "select meta ->> 'stack' from logs where step = 'ERROR'"
    ).fetchone()
    assert stack.splitlines()[1].strip().startswith(f'File "{commands.folder}/job.py", line 2')


def test_records_become_entries(commands, connection):
    """Of an unconfigured script too; what it prints stays as it was."""
    commands.write(
        "job.py",
        "import logging\n"
        "logging.getLogger('app').info('from below', extra={'step': 'FETCH'})\n"
        "logging.warning('shown')\n",
    )
    assert commands.run("run", "--script", "nightly", "job.py") == (0, b"", b"WARNING:root:shown\n")
    stored = connection.execute("select step, message from logs order by timestamp, id").fetchall()
    assert stored == [
        ("START", "Starting nightly"),
        ("FETCH", "from below"),
        ("LOG", "shown"),
        ("END", "nightly completed successfully"),
    ]


def test_pickles_and_children_of_multiprocessing(compare, commands, rows):
    """``__main__`` is the script, for pickle and for children that import it again."""
    commands.write(
        "job.py",
        """
import multiprocessing, pickle
class Thing: pass
def double(value): return value * 2
if __name__ == "__main__":
    print(type(pickle.loads(pickle.dumps(Thing()))) is Thing)
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(double, [1, 2]))
            pool.close()
            pool.join()
""",
    )
    assert compare("job.py") == "True\n[2, 4]\n[2, 4]\n"
    assert rows() == [("job", "success", None, "finished")]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_are_recorded(commands, rows, connection, method):
    """However a pool starts its processes: what they log is an entry of the script's run."""
    commands.write(
        "job.py",
        """
import logging, multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
logging.basicConfig(level=logging.INFO, format="%(message)s")
def work(number):
    logging.getLogger("work").info("part %d", number)
if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        list(pool.map(work, range(4)))
""",
    )
    done = commands.run("run", "job.py", method)
    assert (done[0], b"runlog:" in done[2]) == (0, False), done[2]
    assert rows() == [("job", "success", None, "finished")]
    parts = "select message from logs where message like 'part %' order by message"
    assert connection.execute(parts).fetchall() == [(f"part {number}",) for number in range(4)]


def test_a_child_that_cannot_find_runlog_runs_all_the_same():
    """What is sent to a child that starts anew is of Python alone, and swallows what fails."""
    pickled = pickle.dumps(children._Joining())
    source = f"import sys, pickle; sys.modules['runlog'] = None; pickle.loads({pickled!r})"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_goes_on_after_the_last_line(compare, commands, rows, connection):
    """Threads and exit handlers find their module, and what they log belongs to the run."""
    commands.write(
        "job.py",
        """
import atexit, logging, threading, time
def name(): return __name__
def late():
    time.sleep(0.2)
    print("thread", name())
    logging.getLogger().warning("from the thread")
logging.basicConfig(format="%(message)s")
threading.Thread(target=late).start()
atexit.register(lambda: print("exit", name()))
""",
    )
    assert compare("job.py") == "thread __main__\nexit __main__\n"
    assert rows() == [("job", "success", None, "finished")]
    stored = connection.execute("select message from logs where level = 'WARNING'").fetchall()
    assert stored == [("from the thread",)]


def test_a_script_with_a_run_of_its_own(compare, commands, connection):
    """It is a run within the run: two rows of one batch."""
    commands.write("job.py", "import runlog\nwith runlog.RunContext('inner'): pass\n")
    assert commands.run("run", "job.py") == (0, b"", b"")
    runs = connection.execute(
        "select script_name, batch_id = min(batch_id::text) over ()::uuid from runs order by 1"
    ).fetchall()
    assert runs == [("inner", True), ("job", True)]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nope.py"], 2, b"can't open file"),
        (["-m", "nope"], 1, b"no module named 'nope'"),
        (["folder"], 1, b"can't find '__main__' module in 'folder'"),
    ],
)
def test_what_cannot_be_run(commands, rows, words, code, told):
    """The exit codes are Python's, and the run is there, failed."""
    (commands.folder / "folder").mkdir()
    exit_code, stdout, stderr = commands.run("run", *words)
    assert (exit_code, stdout) == (code, b"")
    assert told in stderr
    ((_, status, message, _),) = rows()
    assert status == "error"
    assert told.decode() in message


def test_without_a_database_the_script_runs(commands, rows):
    """Switched off, it is plain Python."""
    commands.write("job.py", "print('hello')\nraise SystemExit(3)")
    assert commands.run("run", "job.py", env={"RUNLOG_ENABLED": "0"}) == (3, b"hello\n", b"")
    assert rows() == []
