"""Runs of machines whose clock was ahead, as far as their rows tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._checks.asking import rows
from runlog._checks.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection


def find_ahead(connection: Connection[Any], schema: str, script: str | None = None) -> str | None:
    """Return what is told of runs that began in the future, of all or of ``script``; None: none."""
    for run_id, name, started_at, host, runs in rows(
        connection, "runs_ahead", schema, script=script
    ):
        which = (
            f"run {run_id} of {name!r}, on {host or 'an unknown machine'}, at {started_at:%Y-%m-%d}"
        )
        last = f"{runs} runs, the last of them {which}" if runs > 1 else which
        return f"the clock of a machine was ahead: {last}, began in the future"
    return None


def examine_clocks(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    """Return that runs began in the future: their windows and their order are that clock's."""
    if told := find_ahead(connection, schema):
        found = f'{told}; "runlog cursor show SCRIPT" tells where the next sync begins'
        yield Finding(check="clocks of runs", state="note", found=found)
