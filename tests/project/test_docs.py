"""What the README and the docs say is run, and every link in them leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.recording import run_row

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page):
    """Relative links point to pages that exist."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_block_compiles(page):
    """Python in the docs is at least Python."""
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


def test_the_two_lines_of_the_readme(run_script, database, connection):
    """The README's first example records a run and its entry."""
    script = run_script(blocks(ROOT / "README.md", "python")[0], env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    rows = connection.execute(
        "select step, message, meta ->> 'count' from logs order by timestamp, id"
    )
    assert rows.fetchall()[1] == ("FETCH", "Fetched 150 contacts", "150")


def test_the_context_of_the_readme(run_script, database, connection):
    """The README's second example records counts and a step."""
    lead = "import logging, runlog\nlog = logging.getLogger()\nlog.setLevel(10)\n"
    lead += "log.addHandler(runlog.RunLogHandler())\n"
    script = run_script(
        lead + blocks(ROOT / "README.md", "python")[1], env={"RUNLOG_DSN": database}
    )
    assert script.exit_code == 0, script.stderr
    (run_id,) = connection.execute("select id from runs").fetchone()
    columns = ("sync_mode", "records_fetched", "records_inserted", "records_updated", "status")
    assert run_row(connection, run_id, *columns) == ("incremental", 150, 10, 140, "success")
    assert connection.execute("select step from logs where message like 'Search%'").fetchone() == (
        "FETCH",
    )


def test_the_tutorial_records_what_it_says(run_script, database, connection):
    """The tutorial's script makes one successful run with seven entries."""
    (source,) = blocks(ROOT / "docs" / "tutorial" / "first-run.md", "python")
    script = run_script(source, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    steps = [row[0] for row in connection.execute("select step from logs order by timestamp, id")]
    assert steps == ["START", "FETCH", "FETCH", "UPSERT", "UPSERT", "UPSERT", "END"]
    (run_id,) = connection.execute("select id from runs").fetchone()
    assert run_row(connection, run_id, "status", "records_fetched") == ("success", 3)


@pytest.mark.timeout(600)
def test_the_python_blocks_are_typed(tmp_path):
    """A checker as strict as people have one finds nothing in what the pages show."""
    for page in PAGES:
        shown = blocks(page, "python")
        if page.stem == "jupyter":
            # Cells of one notebook.
            shown = ["\n".join(shown)]
        for place, block in enumerate(shown):
            (tmp_path / f"{page.stem.replace('-', '_')}_{place}.py").write_text(block)
    lenient = ("--allow-untyped-defs", "--allow-untyped-calls", "--allow-untyped-decorators")
    strangers = ("--ignore-missing-imports", "--allow-subclassing-any", "--no-warn-unused-ignores")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *lenient, *strangers, *tmp_path.glob("*.py")],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
