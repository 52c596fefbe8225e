"""``runlog cursor``, ``reap`` and ``close``: what a person may change in the history."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import click

from runlog import queries
from runlog._delivery.sweep import ReapedRun, close_run, closer, reap
from runlog._process.visible import visible
from runlog._run.cursor import Cursor, find_cursor
from runlog._run.cursor import set_cursor as write_cursor
from runlog._settings import resolve
from runlog._spool import places
from runlog.cli._database import connected, find_run, short_ids
from runlog.cli._failures import NotFoundError
from runlog.cli._options import SINCE
from runlog.cli.show.output import Output, output_options
from runlog.cli.show.table import Column
from runlog.cli.show.text import moment

_FROM_THE_BEGINNING = "none"

_SOURCES = {
    "success": "the last success",
    "checkpoint": "a checkpoint of a run that did not succeed",
    "set": "set by hand",
}


@click.group("cursor")
def cursor_command() -> None:
    """Show or set where the next incremental sync of a script begins."""


@cursor_command.command("show")
@click.argument("script")
@output_options
def show_cursor(script: str, *, output: Output) -> None:
    """Show up to which moment SCRIPT is synced, and who says so.

    A run's "since" is this moment less its "overlap_window". Exit code 4 when there is none: then
    the next sync begins from the beginning.
    """
    with connected() as connection:
        found = find_cursor(connection, _schema(), script)
    if found is None or found.moment is None:
        raise NotFoundError(
            f"script {script!r} has no cursor: its next sync begins from the beginning"
        )
    output.rows([found], Cursor, _cursor_columns(utc=output.utc), empty="")


@cursor_command.command("set")
@click.argument("script")
@click.argument("to", metavar="MOMENT")
def set_cursor(script: str, to: str) -> None:
    """Let the next sync of SCRIPT begin at MOMENT.

    MOMENT is a date or a moment (local time without an offset), a span back from now such as 24h,
    "now", or "none" for a sync from the beginning. It is written as a row of its own, with
    sync_mode 'cursor': the history tells who did it, and when.

    \b
    runlog cursor set hubspot-sync-incremental 2026-01-31T00:00:00Z
    """  # noqa: D301 - click reads this mark
    wanted = _moment_of(to)
    with connected() as connection:
        if not queries.last_runs(connection, script=_literally(script), limit=1):
            click.echo(f"runlog: there is no run of {visible(script)!r} yet", err=True)
        write_cursor(connection, _schema(), script, wanted)
        found = find_cursor(connection, _schema(), script)
    if found is None or found.moment != wanted:
        # A run of this script has just ended, and what was said last counts.
        click.echo("runlog: a run has moved the cursor meanwhile", err=True)
    shown = moment(wanted, utc=False) if wanted else "the beginning"
    click.echo(f"the next sync of {visible(script)} begins at {shown}")


def _literally(script: str) -> str | None:
    # In a pattern a star means more than itself.
    return None if set(script) & set("*?") else script


def _moment_of(text: str) -> datetime | None:
    word = text.strip().lower()
    if word == _FROM_THE_BEGINNING:
        return None
    now = datetime.now(UTC)
    told = now if word == "now" else SINCE.convert(text, None, None)
    return (now - told if isinstance(told, timedelta) else told).astimezone(UTC)


@click.command("reap")
@output_options
def reap_command(*, output: Output) -> None:
    """Close runs whose process is gone, on whichever host: those that missed three heartbeats.

    They end as errors, at their last sign of life. Every process that records does this now and
    then; this does it now. Runs of other programs have no heartbeat and stay: see "runlog close".
    """
    with connected() as connection:
        spools = places.root(resolve(strict=True).spool_dir, os.environ)
        closed = reap(connection, _schema(), strict=True, spools=spools)
    ids = short_ids([run.id for run in closed])
    columns = [
        Column("RUN", lambda run: ids[run.id]),
        Column("SCRIPT", lambda run: run.script_name, is_flexible=True),
        Column("STARTED", lambda run: moment(run.started_at, utc=output.utc)),
        Column("LAST ALIVE", lambda run: moment(run.last_alive, utc=output.utc)),
    ]
    output.rows(closed, ReapedRun, columns, empty="nothing to close: every running run is alive")


@click.command("close")
@click.argument("run")
@click.option(
    "--status", type=click.Choice(["error", "success"]), default="error", help="Default: error."
)
@click.option("--message", metavar="TEXT", help="The error message. Default: who closed it.")
@click.option(
    "--force", is_flag=True, help="Also a run that is alive; its own end then counts no more."
)
def close_command(run: str, *, status: str, message: str | None, force: bool) -> None:
    """Close one run by hand, also one of another program.

    RUN is an id, its first digits, "last" or "last:SCRIPT". Exit code 1 when it stays as it is:
    it has ended already, or it is alive and --force is not given.
    """
    text = message if message is not None else f"closed by {closer()}"
    with connected() as connection:
        found = find_run(connection, run)
        is_closed = close_run(
            connection,
            _schema(),
            found.id,
            status=status,
            error_message=text if status == "error" or message else None,
            is_forced=force,
        )
        now = queries.find_run(connection, run_id=found.id, schema=_schema())
    if not is_closed:
        state = now.status if now is not None else "gone"
        why = (
            "it is alive; --force closes it all the same"
            if state == "running"
            else f"it is {state}"
        )
        click.echo(f"runlog: run {found.id} of {visible(found.script_name)} stays: {why}", err=True)
        raise SystemExit(1)
    click.echo(f"closed run {found.id} of {visible(found.script_name)} as {status}")


def _cursor_columns(*, utc: bool) -> list[Column]:
    return [
        Column("SYNCED UP TO", lambda cursor: moment(cursor.moment, utc=utc)),
        Column("BECAUSE OF", lambda cursor: _SOURCES[cursor.source]),
        Column("SAID AT", lambda cursor: moment(cursor.said_at, utc=utc)),
        Column("RUN", lambda cursor: str(cursor.run_id)),
    ]


def _schema() -> str:
    return resolve(strict=True).schema
