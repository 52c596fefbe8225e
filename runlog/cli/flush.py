"""``runlog flush``: deliver what processes that are gone have left on this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from runlog._database import statements
from runlog._process.visible import visible
from runlog._readable import plural
from runlog._recorder import registry
from runlog._spool import places
from runlog._spool.inventory import Waiting, count_waiting, list_databases
from runlog._spool.moving import Found, find_spools, move
from runlog.cli._database import connected, settings
from runlog.cli._options import Seconds
from runlog.cli.show.output import Output, page_options

if TYPE_CHECKING:
    from runlog._settings import Settings


class _Flushed(NamedTuple):
    """What ``flush`` did: how many entries waited, were delivered, and still wait in ``folder``."""

    waited: int
    delivered: int
    waiting: int
    folder: Path


@click.command("flush")
@click.option("--timeout", type=Seconds(0.1, 1e6), default=60.0, help="Seconds. Default: 60.")
@click.option(
    "--from",
    "source",
    metavar="FOLDER",
    help="Deliver what waits there, whatever database it was for.",
)
@page_options
@click.pass_context
def flush_command(
    context: click.Context, *, timeout: float, source: str | None, output: Output
) -> None:
    """Deliver the entries that wait on this machine for the database.

    A living process delivers its own; what processes that are gone have left is delivered here.
    With --from also what waits for another address of this database, which was mended or moved:
    FOLDER is one that "runlog spool" names, or any copy of it. Exit code 1 when something still
    waits.
    """
    chosen = settings()
    # A database that is away, or has no tables, is told at once, by the one who asks.
    with connected("change") as connection:
        connection.execute(statements.statement("delivery/find_tables", chosen.schema))
    folder = database_folder(chosen)
    if source is not None:
        # Also when what follows fails: what was moved is no longer where it was.
        click.echo(move_here(find_source(source, chosen), folder), err=not output.is_for_people)
    before = _count_all(folder, chosen)
    delivered = deliver(chosen, timeout)
    left = _count_all(folder, chosen)
    done = _Flushed(before.orphaned, delivered.entries, left.orphaned, folder)
    output.done([done], _Flushed, f"delivered {done.delivered} of {done.waited} waiting entries")
    if left.orphaned or left.orphans:
        still = plural(left.orphaned, "entry still waits", "entries still wait")
        click.echo(f"{still} in {visible(folder)}", err=True)
        context.exit(1)
    if not delivered.is_all:
        # What this very process could not end still holds the lock of a folder.
        click.echo(
            f"time ran out after {timeout:g} s; some still wait in {visible(folder)}", err=True
        )
        context.exit(1)


def find_source(name: str, chosen: Settings) -> Found:
    """Return the spools in the folder that a person names, by its path or as "spool" lists it.

    Raises:
        click.UsageError: there is no such folder, or no spool in it.
    """
    root = places.root(chosen.spool_dir, os.environ)
    databases = list_databases(root) if root is not None else []
    listed = [folder for folder in databases if folder.name == name]
    listed += [folder / name for folder in databases if (folder / name).is_dir()]
    is_path = os.sep in name or not listed
    found = find_spools(Path(name).expanduser().absolute() if is_path else listed[0])
    if not found.spools and not found.letters:
        raise click.UsageError(
            f'no spool is in {name!r}; "runlog spool --json" tells their folders'
        )
    return found


class Moved(NamedTuple):
    """What was moved to the configured database."""

    spools: int
    entries: int
    dead_letters: int

    def __str__(self) -> str:
        """Say it to people."""
        entries = plural(self.entries, "entry")
        letters = plural(self.dead_letters, "dead letter")
        return f"moved {plural(self.spools, 'spool')} with {entries}, and {letters}"


def move_here(found: Found, folder: Path) -> Moved:
    """Move what was found to the configured database; what stays is told on stderr.

    Raises:
        click.ClickException: the disk refuses.
    """
    letters = found.letters
    try:
        moved = move(found, folder)
    except OSError as error:
        why = f"{error.strerror or error!r}; what is not moved is where it was"
        raise click.ClickException(why) from error
    alive = len(found.spools) - len(found.orphans)
    if alive:
        stay = plural(alive, "spool stays: its process is", "spools stay: their processes are")
        click.echo(f"runlog: {stay} alive", err=True)
    return Moved(moved, found.entries, letters)


def _count_all(folder: Path, chosen: Settings) -> Waiting:
    counts = [count_waiting(it) for it in places.folders_of(folder, chosen)]
    return Waiting(sum(it.orphans for it in counts), sum(it.orphaned for it in counts))


class Delivered(NamedTuple):
    """How many entries were delivered, and whether the look at all that waits came to its end."""

    entries: int
    is_all: bool


def deliver(chosen: Settings, timeout: float) -> Delivered:
    """Deliver what waits in the folders of processes that are gone."""
    recorder = registry.recorder_for(chosen)
    if recorder is None:
        raise click.UsageError("RUNLOG_ENABLED switches runlog off; nothing is delivered")
    until = time.monotonic() + timeout
    is_all = recorder.catch_up(timeout)
    is_all &= recorder.close(max(0.0, until - time.monotonic()))
    return Delivered(recorder.stats().adopted, is_all)


def database_folder(chosen: Settings) -> Path:
    """Return the folder of the configured database's spools.

    Raises:
        click.UsageError: there is no place for spools.
    """
    folder = places.database_folder(chosen)
    if folder is None or places.root(chosen.spool_dir, os.environ) is None:
        raise click.UsageError("no folder for spools can be written; name one in RUNLOG_SPOOL_DIR")
    return folder
