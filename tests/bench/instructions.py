"""What a call and an import cost in instructions: the same figure on a machine however busy.

Needs valgrind. Callgrind counts what each thread executes; ``os.getloadavg`` marks where a part
begins and ends, for callgrind can write and forget its counters at the beginning of a C function.
The database is absent. Of runlog the thread that logs is counted, of the queue its listener too.
Clocks tick by counting: valgrind makes a program fifty times slower, and time passes all the same.
"""

from __future__ import annotations

import itertools
import logging
import logging.handlers
import os
import queue
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from child import environment, spool_folder
from lines import make_logger, write_lines

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 600
_LEAD_IN = 200
_IDS = [f"0192f0c0-{number:04x}-7000-8000-{number:012x}" for number in range(CALLS)]


def _write_varied(logger: logging.Logger, calls: int) -> None:
    for number in range(calls // 3):
        meta = {"contact": number, "deal": number * 7, "changed": True}
        logger.info(
            "%s -> %s", f"contact-{number}", f"deal-{number}", extra={"step": "MAP", "meta": meta}
        )
        logger.info(f"Processed {number} in {number / 7:.2f} s", extra={"step": "TRANSFORM"})
        logger.info("Waiting for the rate limit to pass before the next page is asked for")


def _write_sync(logger: logging.Logger, calls: int) -> None:
    for number in range(calls):
        url = f"https://api.hubapi.com/crm/v3/objects/contacts/{_IDS[number]}?page={number}"
        meta = {"id": _IDS[number], "at": "2026-01-02T03:04:05.123Z", "seconds": number / 1000}
        logger.info(
            "GET %s -> %d in %.3f s", url, 200, number / 1000, extra={"step": "FETCH", "meta": meta}
        )


def _write_prose(logger: logging.Logger, calls: int) -> None:
    for _ in range(calls):
        logger.info("Waiting for the rate limit to pass before the next page is asked for")


MIXES: dict[str, Callable[[logging.Logger, int], None]] = {
    "numbers": write_lines,
    "varied": _write_varied,
    "a URL and an id": _write_sync,
    "prose": _write_prose,
}
IMPORTS = ("runlog", "psycopg")


def tell_instructions() -> str:
    """Return the table: instructions a call over the mixes, and of imports beyond logging's."""
    null, queued, ours = (_count(name) for name in ("null", "queue", "runlog"))
    rows = [f"{'instructions a call':24}{'runlog':>10}{'queue':>10}  ratio"]
    for at, mix in enumerate(MIXES):
        net, theirs = ours[at] - null[at], queued[at] - null[at]
        rows.append(f"{mix:24}{net / CALLS:10,.0f}{theirs / CALLS:10,.0f}   {net / theirs:.2f}")
    rows += [f"import {name:17}{_count(f'import {name}')[0] / 1e6:10.1f} M" for name in IMPORTS]
    return "\n".join(rows)


def _count(subject: str) -> list[int]:
    """Run this file under callgrind; return the instructions of each of its parts."""
    # Of several threads only the one that marks begins a part anew; counted together they all do.
    is_apart = "yes" if subject == "runlog" else "no"
    with spool_folder() as spool_dir, tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [
            "valgrind", "--tool=callgrind", f"--separate-threads={is_apart}", "--dump-before=getloadavg",
            f"--callgrind-out-file={out}", sys.executable, __file__, subject,
        ]  # fmt: skip
        variables = environment(spool_dir, PYTHONHASHSEED="0")
        subprocess.run(command, env=variables, check=True, capture_output=True)
        suffix = "-01" if subject == "runlog" else ""
        count = 1 if subject.startswith("import") else len(MIXES)
        # The odd ones are what is before, between and after.
        return [_total(Path(f"{out}.{2 * part}{suffix}")) for part in range(1, count + 1)]


def _total(out: Path) -> int:
    (total,) = (line for line in out.read_text().splitlines() if line.startswith("totals:"))
    return int(total.split()[1])


def _measure(subject: str) -> None:
    if subject.startswith("import"):
        os.getloadavg()
        import_module(subject.split()[1])
        os.getloadavg()
        return
    time.time = itertools.count(1_800_000_000.0, 5e-6).__next__
    time.perf_counter_ns = itertools.count(1_000_000_000, 5_000).__next__
    logger = make_logger(logging.NullHandler())
    if subject == "runlog":
        import runlog

        logger.handlers = [runlog.RunLogHandler(exit_timeout=0)]
        with runlog.RunContext("bench", lifecycle_logs=False):
            runlog.flush(1)
            _write_mixes(logger)
    elif subject == "queue":
        waiting: queue.Queue[logging.LogRecord] = queue.Queue()
        logger.handlers = [logging.handlers.QueueHandler(waiting)]
        listener = logging.handlers.QueueListener(waiting, logging.NullHandler())
        listener.start()
        _write_mixes(logger, drain=waiting.join)
    else:
        _write_mixes(logger)


def _write_mixes(logger: logging.Logger, drain: Callable[[], None] = lambda: None) -> None:
    for write in MIXES.values():
        write(logger, _LEAD_IN)
        drain()
        os.getloadavg()
        write(logger, CALLS)
        drain()
        os.getloadavg()


if __name__ == "__main__":
    _measure(sys.argv[1])
    os._exit(0)
