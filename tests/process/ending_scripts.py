"""Scripts that end in every way, recorded in every way, and what their rows must then say.

`run_matrix` runs them in real processes, a few at a time, all against one database, and compares
each with the same script without runlog.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from kit.scripts import CHECKOUT, PASSED_ON

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = 2
DIED = "the process died without ending the run; last alive … UTC, last entry [FETCH] {last}"


@dataclass(frozen=True)
class End:
    """One way to end, and the row it must leave: ``exec`` sees programs from outside."""

    title: str
    source: str
    status: str
    message: str | None
    outcome: str
    by_exec: tuple[str | None, str] | None = None
    """Message and outcome with ``runlog exec`` where they are others."""

    def expected(self, way, count):
        is_exec = self.by_exec is not None and way == "exec"
        message, outcome = self.by_exec if is_exec else (self.message, self.outcome)
        last = f"line {count - 1:06d}"
        return self.status, message and message.format(last=last), outcome


HANG = "time.sleep(60)"
ENDS = {
    "end": End("falling off the end", "pass", "success", None, "finished"),
    "exit": End("`sys.exit()`", "sys.exit()", "success", None, "exited", (None, "finished")),
    "exit-0": End("`sys.exit(0)`", "sys.exit(0)", "success", None, "exited", (None, "finished")),
    "exception": End(
        "an exception", "raise ValueError('text')", "error", "ValueError: text", "failed"
    ),
    "exit-3": End("`sys.exit(3)`", "sys.exit(3)", "error", "exit code 3", "exited"),
    "exit-text": End(
        '`sys.exit("text")`',
        "sys.exit('text')",
        "error",
        "text",
        "exited",
        ("exit code 1: text", "exited"),
    ),
    "ctrl-c": End(
        "Ctrl-C",
        f"os.kill(os.getpid(), signal.SIGINT); {HANG}",
        "error",
        "KeyboardInterrupt",
        "interrupted",
    ),
    "sigterm": End(
        "SIGTERM",
        f"os.kill(os.getpid(), signal.SIGTERM); {HANG}",
        "error",
        "terminated by SIGTERM",
        "terminated",
    ),
    "sigkill": End(
        "SIGKILL, out of memory",
        f"os.kill(os.getpid(), signal.SIGKILL); {HANG}",
        "error",
        DIED,
        "died",
        ("killed by SIGKILL", "killed"),
    ),
    "os-exit": End(
        "`os._exit(5)`", "os._exit(5)", "error", DIED, "died", ("exit code 5", "exited")
    ),
}
IMPORTS = "import logging, os, signal, sys, time\n"
LOGGED = """
log = logging.getLogger("app")
def work():
    for number in range(int(sys.argv[1])):
        log.info("line %06d", number, extra={{"step": "FETCH"}})
    {end}
"""
PRINTED = """
def work():
    for number in range(int(sys.argv[1])):
        print(f"[FETCH] line {{number:06d}}", flush=True)
    {end}
"""
HANDLER = """
import runlog
logging.getLogger().addHandler(runlog.RunLogHandler())
logging.getLogger().setLevel(logging.INFO)
"""
PLAIN = IMPORTS + LOGGED + "work()\n"
SOURCES = {
    "with": IMPORTS + HANDLER + LOGGED + "with runlog.RunContext(sys.argv[2]):\n    work()\n",
    "decorator": IMPORTS + HANDLER + LOGGED + "runlog.RunContext(sys.argv[2])(work)()\n",
    "install": IMPORTS + "import runlog\nrunlog.install(sys.argv[2])\n" + LOGGED + "work()\n",
    "exec": IMPORTS + PRINTED + "work()\n",
    "run": PLAIN,
}
WAYS = tuple(SOURCES)
WRAPPED = ("exec", "run")
NEXT = "import runlog\nwith runlog.RunContext('next'):\n    pass\n"


@dataclass(frozen=True)
class Ended:
    """What is left of one script, and what the same script leaves without runlog."""

    way: str
    end: str
    count: int
    row: tuple[str, str | None, str]
    """status, error_message and outcome."""
    exit_code: int
    bare_exit_code: int
    output: tuple[str, str]
    bare_output: tuple[str, str]
    lines: list[str]


class Matrix:
    """Runs scripts that share a folder, a spool and a database."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder = folder
        self.dsn = dsn
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.env = passed_on | {
            "HOME": str(folder),
            "PYTHONPATH": str(CHECKOUT),
            "RUNLOG_DSN": dsn,
            "RUNLOG_SPOOL_DIR": str(folder / "spool"),
        }

    def run(self, ways, ends, counts) -> dict[tuple[str, str, int], Ended]:
        """Run every combination, then the next script; return what each has left."""
        cells = list(itertools.product(ways, ends, counts))
        bare = {(way == "exec", end, count) for way, end, count in cells}
        with ThreadPoolExecutor(WORKERS) as pool:
            done = dict(zip(cells, pool.map(lambda cell: self.one(*cell), cells), strict=True))
            alone = dict(zip(bare, pool.map(lambda cell: self.without(*cell), bare), strict=True))
        self.python(self.write("next", NEXT))
        with psycopg.connect(self.dsn) as connection:
            return {
                (way, end, count): Ended(
                    way,
                    end,
                    count,
                    self.row(connection, way, end, count),
                    done[way, end, count].returncode,
                    alone[way == "exec", end, count].returncode,
                    self.shown(done[way, end, count]),
                    self.shown(alone[way == "exec", end, count]),
                    self.lines(connection, way, end, count),
                )
                for way, end, count in cells
            }

    def write(self, name, source):
        path = self.folder / f"{name}.py"
        # In one step: a script of the same text may be starting from it in another worker.
        whole = self.folder / f"{name}.{threading.get_ident()}"
        whole.write_text(source)
        whole.replace(path)
        return path

    def python(self, *words, env=None):
        return subprocess.run(
            [sys.executable, *map(str, words)],
            env=self.env if env is None else env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def command(self, way, end, count):
        """The words after ``python`` that run one script, recorded this way."""
        name = f"{way}/{end}/{count}"
        # One file a way: the output of a script and of the same one alone names the same file.
        stem = end if way == "run" else f"printed-{end}" if way == "exec" else f"{way}-{end}"
        path = self.write(stem, SOURCES[way].format(end=ENDS[end].source))
        if way == "run":
            return ["-m", "runlog", "run", "--script", name, path, count]
        if way == "exec":
            wrapper = ["-m", "runlog", "exec", "--script", name, "--"]
            return [*wrapper, sys.executable, path, count]
        return [path, count, name]

    def one(self, way, end, count):
        return self.python(*self.command(way, end, count))

    def without(self, is_printed, end, count):
        source = SOURCES["exec" if is_printed else "run"].format(end=ENDS[end].source)
        path = self.write(f"printed-{end}" if is_printed else end, source)
        bare = {name: value for name, value in self.env.items() if not name.startswith("RUNLOG_")}
        return self.python(path, count, env=bare)

    @staticmethod
    def shown(done):
        return done.stdout, done.stderr

    @staticmethod
    def row(connection, *cell):
        way, end, count = cell
        rows = connection.execute(
            "select status, error_message, metadata -> 'runlog' ->> 'outcome'"
            " from runs where script_name = %s",
            [f"{way}/{end}/{count}"],
        ).fetchall()
        assert len(rows) == 1, f"{cell}: {rows}"
        status, message, outcome = rows[0]
        return (
            status,
            message and re.sub(r"alive [-\d]+ [:\d]+ UTC", "alive … UTC", message),
            outcome,
        )

    @staticmethod
    def lines(connection, way, end, count):
        rows = connection.execute(
            "select message from logs join runs on runs.id = run_id"
            " where script_name = %s and step = 'FETCH' order by timestamp, logs.id",
            [f"{way}/{end}/{count}"],
        )
        return [message for (message,) in rows]


def in_a_shell(code):
    """The exit code as a shell shows it."""
    return f"{128 - code}, {signal.Signals(-code).name}" if code < 0 else str(code)
