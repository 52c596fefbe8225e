"""``runlog spool``: what waits on this machine, and what the database refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from runlog._database import reading
from runlog._database.asking import find_database_id
from runlog._process.visible import visible
from runlog._readable import duration, number, plural, size
from runlog._settings import resolve
from runlog._spool import places as _places
from runlog._spool.dead_letter_file import DeadLetterFile, find_dead_letters
from runlog._spool.inventory import ProcessSpool, count_waiting, list_databases, list_spools
from runlog._spool.moving import discard
from runlog._spool.retry import put_back
from runlog.cli._database import settings
from runlog.cli.flush import Moved, database_folder, deliver, find_source, move_here
from runlog.cli.show.output import Output, output_options, page_options
from runlog.cli.show.table import Column, print_table

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT_SECONDS = 60.0


@click.group("spool", invoke_without_command=True)
@output_options
@click.pass_context
def spool_command(context: click.Context, *, output: Output) -> None:
    """Show what waits on this machine for each database, and dead letters.

    A living process delivers its own entries; "runlog flush" delivers those of processes that are
    gone, for the configured database. What waits for an address that was mended or moved: "runlog
    flush --from FOLDER", or "runlog spool move" and "discard". Dead letters are entries that the
    database refused for themselves; "runlog spool retry" sends them once more.
    """
    if context.invoked_subcommand is None:
        _show(output)


def _show(output: Output) -> None:
    root = _places.root(resolve(strict=True).spool_dir, os.environ)
    folders = list_databases(root) if root is not None else []
    spools = [spool for folder in folders for spool in list_spools(folder)]
    letters = [found for folder in folders if (found := find_dead_letters(folder))]
    if not output.is_for_people and output.format in {"json", "jsonl"}:
        from runlog.cli.show.output import record_of

        output.document(
            {
                "spools": [record_of(it) for it in spools],
                "dead_letters": [record_of(it) for it in letters],
            }
        )
        return
    output.rows(spools, ProcessSpool, _spool_columns(), empty=f"nothing waits in {root}")
    if letters and output.is_for_people:
        click.echo("\ndead letters")
        print_table(_letter_columns(), letters, on_terminal=output.on_terminal)
    for found in letters:
        click.echo(
            f"runlog: {plural(found.letters, 'dead letter')} in {visible(found.path)}", err=True
        )


def _spool_columns() -> list[Column]:
    return [
        Column("DATABASE", lambda spool: spool.address or spool.database, is_name=True),
        Column(
            "PROCESS",
            lambda spool: spool.process,
            style=lambda it: "yellow" if it.is_orphaned else "",
        ),
        Column("ENTRIES", lambda spool: number(spool.entries), right=True),
        Column("EVENTS", lambda spool: number(spool.events), right=True, is_optional=True),
        Column("SIZE", lambda spool: size(spool.bytes), right=True, is_optional=True),
        Column(
            "LAST WRITTEN",
            lambda spool: f"{duration(1000 * spool.age_seconds)} ago",
            right=True,
            is_optional=True,
        ),
        Column("FOLDER", lambda spool: spool.folder.rpartition("/")[2]),
    ]


def _letter_columns() -> list[Column]:
    return [
        Column("DATABASE", lambda letter: letter.database),
        Column("LETTERS", lambda letter: number(letter.letters), right=True),
        Column("LAST", lambda letter: letter.last_at),
        Column("SQLSTATE", lambda letter: letter.last_sqlstate),
        Column(
            "REASON", lambda letter: letter.last_reason, style=lambda _: "red", is_flexible=True
        ),
    ]


class _Retried(NamedTuple):
    """How many dead letters were put back, entries delivered, and letters are there now."""

    put_back: int
    delivered: int
    remaining: int


class _Discarded(NamedTuple):
    """What was deleted for good."""

    spools: int
    entries: int
    dead_letters: int


@spool_command.command("retry")
@page_options
@click.pass_context
def _retry(context: click.Context, *, output: Output) -> None:
    """Send the dead letters of the configured database once more.

    Exit code 1 when some were refused again or could not be delivered yet.
    """
    chosen = settings()
    # What would be refused again, or not be delivered at all, is told before anything is moved.
    with reading.connect(chosen.dsn) as connection:
        known = find_database_id(connection, chosen.schema)
    folder = database_folder(chosen)
    try:
        moved = put_back(folder, known)
    except OSError as error:
        why = error.strerror or repr(error)
        raise click.ClickException(f"{why}; every dead letter is where it was") from error
    if moved.unreadable:
        stay = plural(
            moved.unreadable, "letter cannot be read and stays", "letters cannot be read and stay"
        )
        click.echo(f"runlog: {stay}", err=True)
    if moved.elsewhere:
        told = "letters are of another database that had this address, and stay"
        click.echo(f"runlog: {moved.elsewhere} {told}", err=True)
    delivered = deliver(chosen, _TIMEOUT_SECONDS).entries if moved.letters else 0
    refused = find_dead_letters(folder)
    left = refused.letters if refused else 0
    letters = plural(moved.letters, "dead letter")
    told = f"put back {letters}; delivered {plural(delivered, 'entry')}"
    output.done([_Retried(moved.letters, delivered, left)], _Retried, told)
    if _is_something_left(folder, refused):
        reason = f": {visible(refused.last_reason)}" if refused else ""
        click.echo(f"runlog: {plural(left, 'letter remains', 'letters remain')}{reason}", err=True)
        context.exit(1)


def _is_something_left(folder: Path, refused: DeadLetterFile | None) -> bool:
    return refused is not None or count_waiting(folder).orphans > 0


@spool_command.command("move")
@click.argument("folder")
@page_options
def _move(folder: str, *, output: Output) -> None:
    """Move what waits in FOLDER to the configured database, which gets it with the next delivery.

    FOLDER is a path, or a name as "runlog spool" shows it: the folder of one process, or of one
    database with its dead letters. What a living process writes to stays.
    """
    chosen = settings()
    moved = move_here(find_source(folder, chosen), database_folder(chosen))
    output.done([moved], Moved, str(moved))


@spool_command.command("discard")
@click.argument("folder")
@click.option("--yes", is_flag=True, help="Do not ask.")
@page_options
def _discard(folder: str, *, yes: bool, output: Output) -> None:
    """Delete what waits in FOLDER, for good.

    FOLDER is a path, or a name as "runlog spool" shows it: the folder of one process, or of one
    database with its dead letters. What a living process writes to stays.
    """
    found = find_source(folder, resolve(strict=True))
    it = _Discarded(len(found.orphans), found.entries, found.letters)
    letters = plural(it.dead_letters, "dead letter")
    what = f"{plural(it.entries, 'entry')} in {plural(it.spools, 'spool')}, and {letters}"
    if not yes:
        click.confirm(f"delete {what}?", abort=True, err=True)
    discard(found)
    output.done([it], _Discarded, f"deleted {what}")
