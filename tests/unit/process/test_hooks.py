"""The hooks of fork and exit: registered in one file each, called in the order that stands there."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

import runlog
from runlog._capture import calls, once
from runlog._process import exit as _exit
from runlog._process import fork, main_program
from runlog._process.ending import FINISHED
from runlog._process.fork import InChild
from runlog._process.state import process

PACKAGE = Path(runlog.__file__).parent
HOMES = {
    "os.register_at_fork": {"_process/fork.py"},
    "atexit.register": {"_process/exit.py"},
    "util.Finalize": {"_process/fork.py"},
    "threading._register_atexit": set(),
}


def calls_of(path):
    """What a file calls, as it is written there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_hooks_stand_in_one_file_each():
    """Nobody else asks the interpreter to be called, so there is one order."""
    found = {name: set() for name in HOMES}
    for path in PACKAGE.rglob("*.py"):
        for name in found.keys() & set(calls_of(path)):
            found[name].add(path.relative_to(PACKAGE).as_posix())
    assert found == HOMES


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_takes_every_step_in_order(monkeypatch):
    """Whatever one of them raises, and in whatever order they were entered."""
    taken = []

    def step(which):
        def take():
            taken.append(which)
            if which is InChild.RECORDERS:
                raise OSError("no memory")

        return take

    monkeypatch.setattr(fork, "_in_child", {which: step(which) for which in reversed(InChild)})
    monkeypatch.setattr(fork, "_gate", None)
    monkeypatch.setattr(fork, "_voice", None)
    with pytest.raises(OSError, match="no memory"):
        fork._after_in_child()
    assert taken == list(InChild)
    assert fork._gate is not None


def test_every_step_is_somebodys():
    """A step that nobody enters is a word too many."""
    from runlog._database import pool  # noqa: F401 - enters itself

    assert set(fork._in_child) == set(InChild)


def test_the_last_exit_hook_is_the_one_that_may_end_the_process():
    """Connections are closed before; later code would overwrite how Python means to end."""
    from runlog._database import pool

    assert pool.close_all in _exit.closings
    assert _exit.after_exit == [main_program.process_end.keep_death_by_ctrl_c]


def test_a_fresh_process_has_seen_nothing():
    """What waits, who has stored what, and how the main program ended are the process's."""
    with process.fresh():
        calls.waiting.calls[0] = once.marks.holders[0] = None
        once.marks.is_used = True
        main_program.process_end.know(FINISHED)
        with process.fresh():
            assert not calls.waiting.calls
            assert not once.marks.holders
            assert not once.marks.is_used
            assert main_program.seen.known is None
        assert main_program.seen.known is FINISHED
