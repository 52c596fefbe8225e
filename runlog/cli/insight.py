"""``runlog errors``, ``scripts``, ``stats`` and ``batch``: many runs together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from runlog import queries
from runlog._process.visible import visible
from runlog._readable import ago, duration, number, share
from runlog.cli._database import SHORT_ID, connected, find_run, settings, short_ids
from runlog.cli._failures import NotFoundError
from runlog.cli._options import (
    limit_option,
    run_argument,
    script_argument,
    script_option,
    time_options,
)
from runlog.cli._times import moment_of
from runlog.cli.show.output import Output, output_options
from runlog.cli.show.run_columns import run_columns
from runlog.cli.show.statistics import show_script, show_scripts
from runlog.cli.show.table import STATE_STYLES, Column
from runlog.queries._figures import ErrorGroup, ScriptHealth
from runlog.queries._rows import Run

if TYPE_CHECKING:
    from runlog._database.driver import Connection

Since = datetime | timedelta


@click.command("errors")
@time_options("24h", "How far back")
@script_option
@limit_option(50, "At most so many kinds of errors.")
@output_options
def errors_command(
    *, since: Since, until: Since | None, script: str | None, limit: int, output: Output
) -> None:
    """Group errors: how often, where, since when; the last seen first.

    Errors that differ in numbers and ids only are one. "runlog show RUN" tells more of the last run
    that had it. Exit code 0 with or without errors.
    """
    with connected() as connection:
        groups = queries.error_groups(
            connection, since=since, until=moment_of(until), script=script, limit=limit + 1
        )
    has_more, groups = len(groups) > limit, groups[:limit]
    output.rows(
        groups,
        ErrorGroup,
        _error_columns(),
        empty="no errors in this time; --since 7d looks further",
    )
    if has_more:
        click.echo(f"runlog: only the last {number(limit)} kinds; -n shows more", err=True)
    if groups and output.on_terminal:
        click.echo(
            f'\n"runlog show {str(groups[0].last_run_id)[:SHORT_ID]}" shows the last one', err=True
        )


def _error_columns() -> list[Column]:
    return [
        Column("ERRORS", lambda group: number(group.errors), right=True),
        Column("RUNS", lambda group: number(group.runs), right=True, is_optional=True),
        Column("LAST SEEN", lambda group: ago(group.last_seen, group.read_at)),
        Column("SINCE", lambda group: ago(group.first_seen, group.read_at), is_optional=True),
        Column("SCRIPT", _scripts, is_name=True),
        Column("STEP", lambda group: ", ".join(group.steps), is_optional=True),
        Column("LAST RUN", lambda group: str(group.last_run_id)[:SHORT_ID]),
        Column("MESSAGE", lambda group: group.message, style=lambda _: "red", is_flexible=True),
    ]


def _scripts(group: ErrorGroup) -> str:
    further = len(group.scripts) - 1
    return f"{group.last_script} +{further}" if further else group.last_script


@click.command("scripts")
@time_options("7d", "The period of the figures")
@script_option
@output_options
def scripts_command(
    *, since: Since, until: Since | None, script: str | None, output: Output
) -> None:
    """Show how each script is doing: state, success rate, durations, age of the last success."""
    with connected() as connection:
        rows = queries.script_health(connection, since=since, until=moment_of(until), script=script)
        late = _late(connection) if output.is_for_people else []
    empty = (
        "no script is called like this"
        if script
        else 'no runs yet; "runlog demo" makes the first two'
    )
    output.rows(rows, ScriptHealth, _health_columns(), empty=empty)
    for line in late:
        click.echo(visible(line))


def _late(connection: Connection[Any]) -> list[str]:
    """Return what watchers know beyond the runs: who did not start, and whether anybody watches."""
    from runlog.alerts import Care, is_watched

    care = Care(connection, settings().schema)
    if not care.is_there():
        return []
    words = [(due, "missed" if due.is_overdue else "late") for due in care.dues() if due.is_late]
    lines = [f"{word}: {due.script_name}, due by {due.schedule}" for due, word in words]
    watchers = care.watchers()
    if watchers and not is_watched(watchers):
        lines.append("nobody watches any more")
    return lines


def _health_columns() -> list[Column]:
    return [
        Column("SCRIPT", lambda row: row.script_name, is_name=True),
        Column("STATE", lambda row: row.state, style=lambda row: STATE_STYLES.get(row.state, "")),
        Column("LAST RUN", lambda row: ago(row.last_started_at, row.read_at)),
        Column("TOOK", lambda row: duration(row.last_duration_ms), right=True),
        Column(
            "USUALLY", lambda row: duration(row.median_duration_ms), right=True, is_optional=True
        ),
        Column("P95", lambda row: duration(row.p95_duration_ms), right=True, is_optional=True),
        Column("RUNS", lambda row: number(row.runs), right=True, is_optional=True),
        Column("SUCCESS", lambda row: share(row.success_rate), right=True),
        Column(
            "FETCHES",
            lambda row: number(row.usual_fetched and round(row.usual_fetched)),
            right=True,
            is_optional=True,
        ),
        Column("LAST SUCCESS", lambda row: ago(row.last_success_at, row.read_at) or "never"),
        Column(
            "ERROR",
            lambda row: row.last_error_message,
            style=lambda row: STATE_STYLES.get(row.state, ""),
            is_flexible=True,
            is_optional=True,
        ),
    ]


@click.command("stats")
@script_argument
@time_options("30d", "How far back")
@output_options
def stats_command(script: str | None, *, since: Since, until: Since | None, output: Output) -> None:
    """Show runs, success, durations, records and cost over time: of all scripts, or of SCRIPT.

    Without SCRIPT: one line a script. With SCRIPT (a pattern will do): one line a day, and its
    slowest steps.
    """
    with connected() as connection:
        if script is None:
            show_scripts(connection, since, moment_of(until), output)
        else:
            show_script(connection, script, since, moment_of(until), output)


@click.command("batch")
@run_argument()
@output_options
def batch_command(run: str, *, output: Output) -> None:
    """List the runs of a batch, in the order in which they began.

    RUN is the id of the batch, or any run of it: an id, "last", or a script's name: its last run.
    """
    with connected() as connection:
        rows = queries.runs_of_batch(connection, batch_id=found) if (found := _uuid(run)) else []
        if not rows:
            batch_id = find_run(connection, run).batch_id
            if batch_id is None:
                raise NotFoundError(f"run {run!r} belongs to no batch")
            rows = queries.runs_of_batch(connection, batch_id=batch_id)
    columns = run_columns(short_ids([row.id for row in rows]), utc=output.utc)
    output.rows(rows, Run, columns, empty="the batch is empty")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
