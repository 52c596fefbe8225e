"""The examples of the pages about syncs and overlap run, and do what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kit.asking import QUICK, add_run, runs_of

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"


def examples(name):
    text = (HOW_TO / name).read_text()
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("page", "number", "script_name", "fetched"),
    [
        ("incremental-sync.md", 0, "hubspot-sync-incremental", [3, 2]),
        ("incremental-sync.md", 2, "orders", [None, None]),
        ("overlap.md", 0, "hubspot-sync-incremental", [150, 150]),
        ("batches.md", 0, "hubspot-deals", [20, 20]),
        ("batches.md", 1, "whole", [11, 11]),
    ],
)
def test_the_examples_run_twice(
    run_script, database, connection, page, number, script_name, fetched
):
    """The first time from the beginning, the second time from where the first one ended."""
    for _ in range(2):
        script = run_script(examples(page)[number], env={**QUICK, "RUNLOG_DSN": database})
        assert script.exit_code == 0, script.stderr
    columns = "status, records_fetched"
    assert runs_of(connection, script_name, columns) == [("success", count) for count in fetched]


def test_the_example_is_skipped(run_script, database, connection):
    """While another run is alive the script of the page ends with code 0 and no row."""
    add_run(connection, "hubspot-sync-incremental", beat=1)
    script = run_script(examples("overlap.md")[0], env={**QUICK, "RUNLOG_DSN": database})
    assert script.exit_code == 0
    assert runs_of(connection, "hubspot-sync-incremental") == ["running"]
