"""What runlog costs a script that hardly does anything: its import, and a whole short life.

Wall clock, in fresh interpreters. The stamps inside a script are of the clock that the parent reads
too, so they tell where the time of the whole process goes.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from child import environment, spool_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measures import Bench
    from rounds import Sample

_IMPORT = """\
import logging, time
began = time.perf_counter()
import {module}
print((time.perf_counter() - began) * 1000)
"""
_SCRIPT = """\
import time
stamps = [time.perf_counter()]
import logging
{imports}
stamps.append(time.perf_counter())
logging.basicConfig(level=logging.INFO)
{install}
stamps.append(time.perf_counter())
log = logging.getLogger("sync")
for number in range(20):
    log.info("Fetched %d contacts", number, extra={{"step": "FETCH", "meta": {{"count": number}}}})
    time.sleep({pause})
stamps.append(time.perf_counter())
print(*stamps)
"""
LINES = 20
_WORK_SECONDS = 0.3
_PHASES = ("start_ms", "import_ms", "install_ms", "lines_ms", "end_ms")
_TOLD = ("runlog", "psycopg", "psycopg_pool", "orjson", "logging")


@contextlib.contextmanager
def imports(_: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield the import of runlog and of psycopg, each after that of logging."""
    yield {name: partial(_import, name) for name in ("runlog", "psycopg")}


def _import(module: str) -> Sample:
    with spool_folder() as spool_dir:
        command = [sys.executable, "-c", _IMPORT.format(module=module)]
        said = subprocess.run(
            command, env=environment(spool_dir), capture_output=True, text=True, check=True
        )
    return {"import_ms": float(said.stdout)}


@contextlib.contextmanager
def process(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield a script of 20 lines, with runlog and without, that ends at once and that works."""
    with tempfile.TemporaryDirectory(prefix="runlog-bench-") as folder:
        yield {
            name: partial(_with_runlog, bench, path) if is_recorded else partial(_run, path, {})
            for name, is_recorded, path in _scripts(Path(folder))
        }


def _scripts(folder: Path) -> Iterator[tuple[str, bool, Path]]:
    """Write the scripts; yield the name of each, whether runlog is in it, and where it is."""
    for suffix, pause in (("", 0.0), (" working", _WORK_SECONDS / LINES)):
        for name, imports, install in (
            ("runlog", "import runlog", 'runlog.install("bench")'),
            ("plain", "", ""),
        ):
            # Not by the name alone: a script called runlog.py would import itself.
            path = folder / f"script with {name}{suffix}.py"
            path.write_text(_SCRIPT.format(imports=imports, install=install, pause=pause))
            yield f"{name}{suffix}", bool(imports), path


def _with_runlog(bench: Bench, script: Path) -> Sample:
    bench.server.clear()
    address = {"RUNLOG_DSN": bench.server.dsn}
    sample = _run(script, address)
    bench.server.expect_entries(LINES + 2)
    return {**sample, **_modules(script, address)}


def _run(script: Path, variables: dict[str, str]) -> Sample:
    with spool_folder() as spool_dir:
        began = time.perf_counter()
        said = subprocess.run(
            [sys.executable, script], env=environment(spool_dir, **variables),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        ended = time.perf_counter()
    stamps = [began, *map(float, said.stdout.split()), ended]
    spent = [(later - earlier) * 1000 for earlier, later in pairwise(stamps)]
    return {"wall_ms": (ended - began) * 1000, **dict(zip(_PHASES, spent, strict=True))}


def _modules(script: Path, variables: dict[str, str]) -> Sample:
    """Run once more, with the interpreter telling what each import cost, imports of its own included."""
    with spool_folder() as spool_dir:
        said = subprocess.run(
            [sys.executable, "-X", "importtime", script],
            env=environment(spool_dir, **variables), capture_output=True, text=True, check=True,
        )  # fmt: skip
    found: Sample = {}
    for line in said.stderr.splitlines():
        parts = [part.strip() for part in line.removeprefix("import time:").split("|")]
        if len(parts) == 3 and parts[2] in _TOLD:
            found[f"import {parts[2]}_ms"] = int(parts[1]) / 1000
    return found
