"""``runlog cursor``, ``reap`` and ``close``: what a person may change in the history."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from runlog import queries
from runlog._checks.clocks import find_ahead
from runlog._delivery.sweep import ReapedRun, close_run, closer, reap
from runlog._process.visible import visible
from runlog._readable import ago, moment, plural
from runlog._run.cursor import Cursor, find_cursor
from runlog._run.cursor import set_cursor as write_cursor
from runlog._run.cursor import undo_cursor as undo_set_cursor
from runlog._settings import resolve
from runlog._spool import places
from runlog.cli import _complete as complete
from runlog.cli._database import SHORT_ID, connected, find_run, short_ids
from runlog.cli._failures import NotFoundError
from runlog.cli._options import SINCE, run_argument
from runlog.cli.show.output import Output, output_options, page_options
from runlog.cli.show.table import Column
from runlog.queries._parameters import Exactly

if TYPE_CHECKING:
    from uuid import UUID

    from runlog._database.driver import Connection

_FROM_THE_BEGINNING = "none"
_CLOCKS_DIFFER = timedelta(minutes=5)

_SOURCES = {
    "success": "the last success",
    "checkpoint": "a checkpoint of a run that did not succeed",
    "set": "set by hand",
}


@click.group("cursor")
def cursor_command() -> None:
    """Show or set where the next incremental sync of a script begins."""


@cursor_command.command("show")
@click.argument("script", shell_complete=complete.scripts)
@page_options
def show_cursor(script: str, *, output: Output) -> None:
    """Show up to which moment SCRIPT is synced, and who says so.

    A run's "since" is this moment less its "overlap_window". Exit code 4 when there is none: then
    the next sync begins from the beginning.
    """
    with connected() as connection:
        found = find_cursor(connection, _schema(), script)
        ahead = find_ahead(connection, _schema(), script)
    if ahead:
        click.echo(f"runlog: {visible(ahead)}", err=True)
    if found is None or found.moment is None:
        raise NotFoundError(
            f"script {script!r} has no cursor: its next sync begins from the beginning"
        )
    output.rows([found], Cursor, _cursor_columns(utc=output.utc), empty="")
    if found.moment > datetime.now(UTC) + _CLOCKS_DIFFER:
        remedy = f'"runlog cursor set {visible(script)} 1d" mends it'
        click.echo(f"runlog: this is in the future; {remedy}", err=True)


@cursor_command.command("set")
@click.argument("script", shell_complete=complete.scripts)
@click.argument("to", metavar="MOMENT")
@page_options
def set_cursor(script: str, to: str, *, output: Output) -> None:
    """Let the next sync of SCRIPT begin at MOMENT.

    MOMENT is a date or a moment (local time without an offset), a span back from now such as 24h,
    "now", or "none" for a sync from the beginning. It is written as a row of its own, with
    sync_mode 'cursor': the history tells who did it, and when.

    \b
    runlog cursor set hubspot-sync-incremental 2026-01-31T00:00:00Z
    """  # noqa: D301 - click reads this mark
    wanted = _moment_of(to)
    with connected("change") as connection:
        if not _is_known(connection, script):
            click.echo(f"runlog: there is no run of {visible(script)!r} yet", err=True)
        write_cursor(connection, _schema(), script, wanted)
        found = find_cursor(connection, _schema(), script)
    if found is None or found.moment != wanted:
        # A run of this script has just ended, and what was said last counts.
        click.echo("runlog: a run has moved the cursor meanwhile", err=True)
    shown = moment(wanted, utc=output.utc) if wanted else "the beginning"
    told = f"the next sync of {visible(script)} begins at {shown}"
    undo = f'"runlog cursor undo {visible(script)}" takes this back'
    output.done([found] if found else [], Cursor, told, undo)


def _is_known(connection: Connection[Any], script: str) -> bool:
    """Tell whether something of this name has run, or set a cursor of this name."""
    return find_cursor(connection, _schema(), script) is not None or any(
        queries.last_runs(connection, script=Exactly(script), sync_mode=mode, limit=1)
        for mode in (None, "backfill")
    )


@cursor_command.command("undo")
@click.argument("script", shell_complete=complete.scripts)
@page_options
def undo_cursor(script: str, *, output: Output) -> None:
    """Take back what was last set for SCRIPT, as if it had not been.

    Exit code 4 when nothing was set. Needs the right to delete, as the owner of the tables has it.
    """
    with connected("change") as connection:
        taken_back = undo_set_cursor(connection, _schema(), script)
        found = find_cursor(connection, _schema(), script)
    if not taken_back:
        raise NotFoundError(f"nobody has set a cursor for {script!r}")
    at = moment(found.moment, utc=output.utc) if found and found.moment else "the beginning"
    told = f"taken back; the next sync of {visible(script)} begins at {at}"
    output.done([found] if found else [], Cursor, told)


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
    spools = places.root(resolve(strict=True).spool_dir, os.environ)
    with connected("change") as connection:
        closed = reap(connection, _schema(), strict=True, spools=spools)
        running = queries.running_now(connection, schema=_schema())
    # Oldest first: runs of programs that write no heartbeat.
    strangers = [run for run in running if run.heartbeat_at is None]
    silent = [run for run in running if run.state == "lost?"]
    ids = short_ids([run.id for run in closed])
    columns = [
        Column("RUN", lambda run: ids[run.id]),
        Column("SCRIPT", lambda run: run.script_name, is_flexible=True),
        Column("STARTED", lambda run: moment(run.started_at, utc=output.utc)),
        Column("LAST ALIVE", lambda run: moment(run.last_alive, utc=output.utc)),
    ]
    nothing = "nothing to close: every running run that writes a heartbeat is alive"
    if silent:
        # Refused, locked, or known to live by the lock of its spool.
        nothing = (
            f"nothing was closed; {plural(len(silent), 'silent run stays', 'silent runs stay')}"
        )
    output.rows(closed, ReapedRun, columns, empty=nothing)
    if strangers:
        oldest = strangers[0]
        runs = plural(len(strangers), "running run writes", "running runs write")
        began = ago(oldest.started_at, oldest.read_at) or "at no known time"
        click.echo(
            f"runlog: {runs} no heartbeat, so nobody can say whether they live; the oldest,"
            f" {oldest.id} of {visible(oldest.script_name)}, began {began};"
            ' close it with "runlog close RUN"',
            err=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closed:
    """What became of a run that was to be closed."""

    run_id: UUID
    script_name: str
    status: str
    closed: bool


@click.command("close")
@run_argument(is_required=True)
@click.option(
    "--status", type=click.Choice(["error", "success"]), default="error", help="Default: error."
)
@click.option("--message", metavar="TEXT", help="The error message. Default: who closed it.")
@click.option(
    "--force", is_flag=True, help="Also a run that is alive; its own end then counts no more."
)
@page_options
def close_command(
    run: str, *, status: str, message: str | None, force: bool, output: Output
) -> None:
    """Close one run by hand, also one of another program.

    RUN is an id, its first digits, "last", or a script's name: its last run. Exit code 1 when it
    stays as it is: it has ended already, or it is alive and --force is not given.
    """
    text = message if message is not None else f"closed by {closer()}"
    with connected("change") as connection:
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
    state = now.status if now is not None else "gone"
    done = _Closed(run_id=found.id, script_name=found.script_name, status=state, closed=is_closed)
    if not is_closed:
        why = (
            "it is alive; --force closes it all the same"
            if state == "running"
            else f"it is {state}"
        )
        click.echo(f"runlog: run {found.id} of {visible(found.script_name)} stays: {why}", err=True)
        output.done([done], _Closed)
        raise SystemExit(1)
    told = f"closed run {found.id} of {visible(found.script_name)} as {status}"
    output.done([done], _Closed, told)


def _cursor_columns(*, utc: bool) -> list[Column]:
    return [
        Column("SYNCED UP TO", lambda cursor: moment(cursor.moment, utc=utc)),
        Column("BECAUSE OF", lambda cursor: _SOURCES[cursor.source]),
        Column("SAID AT", lambda cursor: moment(cursor.said_at, utc=utc)),
        Column("RUN", lambda cursor: str(cursor.run_id)[:SHORT_ID], is_optional=True),
    ]


def _schema() -> str:
    return resolve(strict=True).schema
