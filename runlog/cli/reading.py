"""``runlog runs`` and ``runlog show``: the list of runs, and one run with its steps."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import click

from runlog import queries
from runlog._readable import plural
from runlog.cli._database import connected, find_run, short_ids
from runlog.cli._options import (
    limit_option,
    run_argument,
    script_option,
    status_option,
    time_options,
)
from runlog.cli._times import moment_of
from runlog.cli.show.output import (
    Output,
    names_of,
    output_options,
    page_options,
    record_of,
)
from runlog.cli.show.run_columns import run_columns, run_line
from runlog.cli.show.run_page import RunPage, page_lines
from runlog.queries._following import follow_runs
from runlog.queries._rows import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from uuid import UUID

    from runlog._database.driver import Connection

_ERRORS_SHOWN = 5
_BACKFILLS_COUNTED = 1000


def _filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what tells runs apart besides script, state and time."""
    for option in (
        click.option("--by", metavar="WHAT", help="Only those started by cron, manual …"),
        click.option(
            "--mode",
            metavar="MODE",
            help="Only this sync_mode: full …; backfill and cursor are left out otherwise.",
        ),
        click.option("--batch", type=click.UUID, help="Only the runs of this batch."),
        click.option("--host", metavar="NAME", help="Only those of this machine."),
        click.option(
            "--grep", metavar="TEXT", help="Only what holds TEXT in name, error or metadata."
        ),
    ):
        function = option(function)
    return function


@click.command("runs")
@limit_option(20, "At most so many.")
@script_option
@status_option
@time_options(None, "Started within, or since")
@_filter_options
@click.option("-f", "--follow", is_flag=True, help="Go on as runs begin and end; Ctrl-C ends it.")
@output_options
def runs_command(
    *,
    limit: int,
    script: str | None,
    status: str | None,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    by: str | None,
    mode: str | None,
    batch: UUID | None,
    host: str | None,
    grep: str | None,
    follow: bool,
    output: Output,
) -> None:
    """List runs, newest first.

    \b
    runlog runs --status error --since 24h
    runlog runs --script 'hubspot-*' --json
    runlog runs -f
    """  # noqa: D301 - click reads this mark
    filters: dict[str, Any] = {
        "script": script,
        "status": status,
        "since": since,
        "until": moment_of(until),
        "triggered_by": by,
        "sync_mode": mode,
        "batch_id": batch,
        "host": host,
        "text": grep,
    }
    with connected() as connection:
        rows = queries.last_runs(connection, limit=limit, **filters)
        if follow:
            _follow(connection, rows, filters, output)
            return
        hidden = _count_left_out(connection, rows, limit, filters)
    is_filtered = any(value is not None for value in filters.values())
    empty = (
        "no run is like this" if is_filtered else 'no runs yet; "runlog demo" makes the first two'
    )
    columns = run_columns(short_ids([row.id for row in rows]), utc=output.utc)
    output.rows(rows, Run, columns, empty=empty)
    if hidden and (output.is_for_people or not rows):
        told = plural(hidden, "backfill is", "backfills are")
        click.echo(f"{told} left out; --mode backfill lists them", err=not rows)


def _count_left_out(
    connection: Connection[Any], rows: list[Run], limit: int, filters: dict[str, Any]
) -> int:
    """Count the backfills among what is listed, which a list leaves out."""
    if filters["sync_mode"] is not None or filters["batch_id"] is not None:
        return 0
    asked = {**filters, "sync_mode": "backfill"}
    if len(rows) == limit:
        asked["since"] = rows[-1].started_at
    return len(queries.last_runs(connection, limit=_BACKFILLS_COUNTED, **asked))


def _follow(
    connection: Connection[Any], rows: list[Run], filters: dict[str, Any], output: Output
) -> None:
    if output.format == "json":
        raise click.UsageError("following has no end, and JSON has one; use --format jsonl")
    with_header = True
    for run in itertools.chain(reversed(rows), follow_runs(connection, filters, rows)):
        _print(run, output, with_header=with_header)
        with_header = False


def _print(run: Run, output: Output, *, with_header: bool) -> None:
    if output.is_for_people:
        click.echo(run_line(run, utc=output.utc))
    else:
        output.records([record_of(run)], names_of(Run), with_header=with_header)


@click.command("show")
@run_argument()
@page_options
def show_command(run: str, *, output: Output) -> None:
    """Show one run: its row, its steps with their durations, its last errors.

    RUN is an id, its first digits, "last" (the default), or the name of a script: its last run.
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
