"""``runlog runs`` and ``runlog show``: the list of runs, and one run with its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runlog import queries
from runlog.cli._database import connected, find_run, short_ids
from runlog.cli._options import limit_option, script_option, since_option, status_option
from runlog.cli.show.output import Output, output_options
from runlog.cli.show.run_columns import run_columns
from runlog.cli.show.run_page import RunPage, page_lines
from runlog.queries._rows import Run

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from psycopg import Connection

_ERRORS_SHOWN = 5


@click.command("runs")
@limit_option(20, "At most so many.")
@script_option
@status_option
@since_option(None, "Started within, or since")
@output_options
def runs_command(
    *,
    limit: int,
    script: str | None,
    status: str | None,
    since: datetime | timedelta | None,
    output: Output,
) -> None:
    """List runs, newest first.

    \b
    runlog runs --status error --since 24h
    runlog runs --script 'hubspot-*' --json
    """  # noqa: D301 - click reads this mark
    with connected() as connection:
        rows = queries.last_runs(connection, limit=limit, script=script, status=status, since=since)
    is_filtered = script or status or since
    empty = (
        "no run is like this" if is_filtered else 'no runs yet; "runlog demo" makes the first two'
    )
    columns = run_columns(short_ids([row.id for row in rows]), utc=output.utc)
    output.rows(rows, Run, columns, empty=empty)


@click.command("show")
@click.argument("run", default="last")
@output_options
def show_command(run: str, *, output: Output) -> None:
    """Show one run: its row, its steps with their durations, its last errors.

    RUN is an id, its first digits, "last" (the default) or "last:SCRIPT".
    """
    with connected() as connection:
        page = _get_page(connection, find_run(connection, run))
    if output.is_for_people:
        for line in page_lines(page, output):
            click.echo(line)
    elif output.format in {"json", "jsonl"}:
        output.document(page.as_record())
    else:
        output.rows([page.run], type(page.run), [], empty="")


def _get_page(connection: Connection[Any], found: Run) -> RunPage:
    run = queries.find_run(connection, run_id=found.id)
    assert run is not None  # noqa: S101 - found a moment ago
    errors = queries.newest_entries_of_run(
        connection, run_id=run.id, level="ERROR", limit=_ERRORS_SHOWN
    )
    steps = queries.steps_of_run(connection, run_id=run.id)
    return RunPage(run, steps, list(reversed(errors)))
