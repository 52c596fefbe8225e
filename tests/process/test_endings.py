"""The endings table, in real processes: each ending, recorded in each way, against plain Python.

The reference page is made from what is seen here (WRITE_DOCS=1 writes it).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from ending_scripts import DIED, ENDS, SOURCES, WAYS, WRAPPED, Matrix, in_a_shell
from kit.postgres import name_of, new_database
from kit.recording import numbered
from kit.waiting import eventually

from runlog._delivery import sweep

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "endings.md"
COUNTS = (1, 30)
HEAD = """# How a run ends

Made by `tests/process/test_endings.py` from real processes; do not edit. The same script was run
once without runlog and once for each way of recording it, and ended as the first column says.

The row in `runs` is the same in every way:

"""
MIDDLE = """
The exit code is the one that the shell sees without runlog; behind it, the signal that the process
really dies by. Did it hold, for a script that had logged {counts}
lines? Yes means: that row, that exit code, and every line in `logs` once and in order.

"""
FOOT = """
- `with` is `with RunContext(…):`, `async with` the same; `decorator` is `@RunContext(…)`; `install`
  is `runlog.install()`; `exec` and `run` are the commands.
- `runlog exec` sees a program from outside. It is the program that ends here, and the
  `error_message` is then another one in these cases:
{by_exec}
- When `runlog exec` itself is killed, the run is closed like any whose process has died.
- A process that died is told of by the next runlog process of the same user on that host, at once;
  by any other after three missed heartbeats. So too when the host is gone: what it had not delivered
  stays on its disk, and the last entry is the last one that was.
- `metadata.runlog.outcome` says it in a word.
- With `install` on Python 3.11, `raise SystemExit(code)` is recorded as an error, because that
  version shows the code to nobody: write `sys.exit(code)`, or use `runlog run`. From 3.12 on it is
  seen: Python then tells runlog of each frame that an exception leaves, which costs the program
  0.1 to 0.5 µs a frame. Only a loop that does little but raise and catch feels it (up to twice the
  time).
- Signals are only caught by runs of the main thread, and only where the script has no handler of
  its own: that one is called, never replaced. A second signal ends the process at once. A C call
  that holds Python's global lock delays the end until it returns.
- A run that was begun with `start()` and never finished ends as the process does. A `with` block
  that the process never leaves (in a daemon thread) is an error, `abandoned`.
"""


# The limit is each test's own: the fixtures run a hundred scripts, each of which has a minute.
pytestmark = pytest.mark.timeout(120, func_only=True)


@pytest.fixture(scope="module")
def matrix(postgres, template_database, tmp_path_factory):
    """Where scripts run that share a folder, a spool and a database of their own."""
    with new_database(postgres, template=name_of(template_database)) as dsn:
        yield Matrix(tmp_path_factory.mktemp("endings"), dsn)


@pytest.fixture(scope="module")
def ended(matrix):
    """All of them, ended: way, ending and count → what is left."""
    return matrix.run(WAYS, ENDS, COUNTS)


def holds(one):
    """Tell whether one script left what the table promises."""
    return (
        one.row == ENDS[one.end].expected(one.way, one.count)
        and one.exit_code == one.bare_exit_code
        and one.lines == numbered(one.count)
    )


@pytest.mark.guarantee("true-run")
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("way", WAYS)
def test_an_ending(ended, way, end, count):
    """The row says how it ended, the shell sees what it would, every line is there once, in order."""
    one = ended[way, end, count]
    assert one.row == ENDS[end].expected(way, count), one.output[1]
    assert one.exit_code == one.bare_exit_code
    assert one.lines == numbered(count)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("way", WRAPPED)
def test_a_wrapper_prints_what_the_program_prints(ended, way, end):
    """stdout and stderr, tracebacks among them, are those of the bare program."""
    one = ended[way, end, 30]
    assert one.output == one.bare_output


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("way", WAYS)
def test_the_endings_after_a_thousand_lines(matrix, way):
    """The same with a thousand lines: nothing depends on how much there is."""
    ended = matrix.run([way], ENDS, [1000])
    assert [cell for cell, one in ended.items() if not holds(one)] == []


@pytest.fixture(scope="module")
def gone(matrix):
    """Way → row and lines of a script whose host went away after it had delivered."""
    return {way: _lose_host(matrix, way) for way in WAYS}


def _lose_host(matrix, way):
    name = f"{way}/gone/30"
    path = matrix.write(f"gone-{way}", SOURCES[way].format(end="time.sleep(60)"))
    words = {
        "exec": ["-m", "runlog", "exec", "--script", name, "--", sys.executable, path, 30],
        "run": ["-m", "runlog", "run", "--script", name, path, 30],
    }.get(way, [path, 30, name])
    spool = matrix.folder / f"spool-{way}"
    with (
        subprocess.Popen(
            [sys.executable, *map(str, words)],
            env={**matrix.env, "RUNLOG_SPOOL_DIR": str(spool)},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        ) as process,
        psycopg.connect(matrix.dsn, autocommit=True) as connection,
    ):

        def delivered():
            assert matrix.lines(connection, way, "gone", 30) == numbered(30)

        try:
            eventually(delivered, 30)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        connection.execute(
            "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}',"
            " to_jsonb(now() - interval '10 minutes')) where script_name = %s",
            [name],
        )
        assert [run.script_name for run in sweep.reap(connection, "public")] == [name]
        row = matrix.row(connection, way, "gone", 30)
        return row, matrix.lines(connection, way, "gone", 30)


GONE = ("error", DIED.format(last="line 000029"), "died")


@pytest.mark.guarantee("true-run")
@pytest.mark.parametrize("way", WAYS)
def test_the_host_is_gone(gone, way):
    """No spool tells of it: after three missed heartbeats whoever looks closes the run."""
    assert gone[way] == (GONE, numbered(30))


@pytest.mark.guarantee("true-run", "survives-death")
def test_exec_itself_is_killed(matrix):
    """The program's lines are kept; the next process closes the run and says so."""
    path = matrix.write("lingering", SOURCES["exec"].format(end="time.sleep(60)"))
    name = "exec/killed/30"
    words = ["-m", "runlog", "exec", "--script", name, "--", sys.executable, path, "30"]
    with subprocess.Popen(
        [sys.executable, *map(str, words)],
        env=matrix.env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert [process.stdout.readline() for _ in range(30)][-1] == "[FETCH] line 000029\n"
        with psycopg.connect(matrix.dsn, autocommit=True) as connection:
            eventually(lambda: _is_spooled(matrix, connection), 30)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            os.killpg(process.pid, signal.SIGKILL)
            matrix.python(
                matrix.write("next", "import runlog\nwith runlog.RunContext('n'): pass\n")
            )
            assert matrix.lines(connection, "exec", "killed", 30) == numbered(30)
            status, _, outcome = matrix.row(connection, "exec", "killed", 30)
    assert (status, outcome) == ("error", "died")


def _is_spooled(matrix, connection):
    """The last line is printed before it is recorded: wait until it is in a spool or a row."""
    spooled = b"".join(path.read_bytes() for path in (matrix.folder / "spool").rglob("logs-*.copy"))
    stored = matrix.lines(connection, "exec", "killed", 30)
    assert b"\tline 000029\t" in spooled or "line 000029" in stored


def page(ended, gone):
    rows = ["| the script ends by | status | error_message | outcome |", "|---|---|---|---|"]
    held = [
        f"| the script ends by | exit code | {' | '.join(WAYS)} |",
        f"|---|---|{'---|' * len(WAYS)}",
    ]
    by_exec = []
    for name, end in ENDS.items():
        status, message, outcome = ended["with", name, 30].row
        told = f"`{message}`" if message else "null"
        rows.append(f"| {end.title} | {status} | {told} | {outcome} |")
        code = in_a_shell(ended["with", name, 30].bare_exit_code)
        cells = [
            "yes" if all(holds(ended[way, name, count]) for count in COUNTS) else "**no**"
            for way in WAYS
        ]
        held.append(f"| {end.title} | {code} | {' | '.join(cells)} |")
        seen = ended["exec", name, 30].row[1]
        if seen != message:
            by_exec.append(f"  - {end.title.split(',')[0]}: `{seen}`")
    cells = ["yes" if gone[way] == (GONE, numbered(30)) else "**no**" for way in WAYS]
    rows.append(f"| the host is gone | error | `{gone['with'][0][1]}` | died |")
    held.append(f"| the host is gone | none | {' | '.join(cells)} |")
    counts = f"{', '.join(map(str, COUNTS))} or 1000"
    return (
        HEAD
        + "\n".join(rows)
        + "\n"
        + MIDDLE.format(counts=counts)
        + "\n".join(held)
        + "\n"
        + FOOT.format(by_exec="\n".join(by_exec))
    )


def test_the_page_is_current(ended, gone):
    """docs/reference/endings.md shows what these processes did."""
    if "WRITE_DOCS" in os.environ:
        PAGE.write_text(page(ended, gone))
    assert page(ended, gone) == PAGE.read_text()


def test_the_page_says_yes_throughout():
    """No cell of the published table says no."""
    text = PAGE.read_text()
    assert len(re.findall(r"\| yes ", text)) == len(WAYS) * (len(ENDS) + 1)
    assert "**no**" not in text
