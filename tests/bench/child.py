"""One contender in a process of its own, so that none inherits another's imports, threads or heap.

The parent calls ``in_child(module, function, …)``; this file, run as a script, is the other end. The
child's environment is clean and its spool folder its own. It ends without the exit of a script: what
is measured there is the subject of ``startup``.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_READY = "ready"
_NOWHERE = "host=127.0.0.1 port=1 dbname=not-named-by-the-contender"


def environment(spool_dir: str, **further: str) -> dict[str, str]:
    """Return the environment of a child: nothing of the caller's but where programs are.

    A contender that names no database finds none: without this it would start the embedded one.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    path = os.pathsep.join((str(ROOT), str(HERE.parent)))
    own = {"PYTHONPATH": path, "RUNLOG_SPOOL_DIR": spool_dir, "RUNLOG_DSN": _NOWHERE}
    return {**kept, **own, **further}


def spool_folder() -> AbstractContextManager[str]:
    """Return a spool folder that goes away, with whatever was not delivered."""
    return tempfile.TemporaryDirectory(prefix="runlog-bench-", ignore_cleanup_errors=True)


def in_child(
    module: str, function: str, *, when_ready: Callable[[], None] = lambda: None, **arguments: Any
) -> Any:
    """Call ``module.function(**arguments)`` in a new process and return what it returned.

    Args:
        module: a file beside this one.
        function: in it; arguments and result go through JSON.
        when_ready: called while the child waits in ``tell_ready``.
        arguments: of the function.
    """
    command = [sys.executable, __file__, module, function]
    with spool_folder() as spool_dir, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, env=environment(spool_dir), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        with process:
            result = _converse(process, json.dumps(arguments), when_ready)
        if process.returncode or result is None:
            errors.seek(0)
            raise RuntimeError(f"{module}.{function}({arguments}) failed: {errors.read()}")
        return json.loads(result)


def _converse(
    process: subprocess.Popen[str], arguments: str, when_ready: Callable[[], None]
) -> str | None:
    assert process.stdin is not None
    assert process.stdout is not None
    said = None
    for text in _said_after(process, arguments):
        if text == _READY:
            when_ready()
            process.stdin.write("\n")
            process.stdin.flush()
        else:
            said = text
    return said


def _said_after(process: subprocess.Popen[str], arguments: str) -> Iterator[str]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(arguments + "\n")
    process.stdin.flush()
    for line in process.stdout:
        yield line.rstrip("\n")


def tell_ready() -> None:
    """In the child: tell the parent that it may change the world now, and wait until it has."""
    print(_READY, flush=True)
    sys.stdin.readline()


def _main() -> None:
    function = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    result = function(**json.loads(sys.stdin.readline()))
    print(json.dumps(result), flush=True)
    os._exit(0)


if __name__ == "__main__":
    _main()
