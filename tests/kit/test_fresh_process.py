"""The kit's own: what one test leaves behind in the process is not there in the next one."""

from __future__ import annotations

import subprocess
import sys

from kit.scripts import CHECKOUT

TESTS = """
import os
import runlog
from runlog._recorder import open_runs as _binding, registry as _process
from runlog._run import batch as _batch
from runlog._process.notices import notices

def test_leaves_everything_open(tmp_path):
    runlog.configure(dsn="host=127.0.0.1 port=1", spool_dir=str(tmp_path))
    runlog.RunContext("left open").start()
    _batch.Export(runlog.current_run().id)
    notices.settle("database", "failing")
    _binding.step_variable.set("LEFT")

def test_begins_anew():
    assert _process.current() is None
    assert runlog.current_run() is None
    assert _batch.inherited() is None
    assert _batch.VARIABLE not in os.environ
    assert not notices.is_in("database", "failing")
    assert _binding.step_variable.get() is None
"""


def test_a_test_begins_in_a_fresh_process(tmp_path):
    """A test that leaves recorder, run, batch and step open says nothing to the next, nor among the dots."""
    path = tmp_path / "test_two.py"
    path.write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-c", CHECKOUT / "pyproject.toml"]
    plugins = ["-p", "kit.fresh_process", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, *plugins, path], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "runlog:" not in done.stdout + done.stderr
