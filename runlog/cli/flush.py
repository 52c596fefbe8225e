"""``runlog flush``: deliver what processes that are gone have left on this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from runlog._database import reading
from runlog._process.visible import visible
from runlog._recorder import registry
from runlog._spool import folders
from runlog._spool.inventory import Waiting, count_waiting
from runlog.cli._database import settings

if TYPE_CHECKING:
    from pathlib import Path

    from runlog._settings import Settings


@click.command("flush")
@click.option("--timeout", type=click.FloatRange(0.1), default=60.0, help="Seconds. Default: 60.")
@click.pass_context
def flush_command(context: click.Context, *, timeout: float) -> None:
    """Deliver the entries that wait on this machine for the database.

    A living process delivers its own; what processes that are gone have left is delivered here.
    Exit code 1 when something still waits.
    """
    chosen = settings()
    # A database that is away is told at once, by the one who asks, with the reason.
    reading.connect(chosen.dsn).close()
    folder = database_folder(chosen)
    before = _count_all(folder, chosen)
    delivered = deliver(chosen, timeout)
    left = _count_all(folder, chosen)
    click.echo(f"delivered {delivered} of {before.orphaned} waiting entries")
    if left.orphaned or left.orphans:
        click.echo(f"{left.orphaned} entries still wait in {visible(folder)}", err=True)
        context.exit(1)


def _count_all(folder: Path, chosen: Settings) -> Waiting:
    counts = [count_waiting(it) for it in folders.folders_of(folder, chosen)]
    return Waiting(sum(it.orphans for it in counts), sum(it.orphaned for it in counts))


def deliver(chosen: Settings, timeout: float) -> int:
    """Deliver what waits in the folders of processes that are gone; return how many entries."""
    recorder = registry.recorder_for(chosen)
    if recorder is None:
        raise click.UsageError("RUNLOG_ENABLED switches runlog off; nothing is delivered")
    until = time.monotonic() + timeout
    recorder.catch_up(timeout)
    recorder.close(max(0.0, until - time.monotonic()))
    return recorder.stats().adopted


def database_folder(chosen: Settings) -> Path:
    """Return the folder of the configured database's spools.

    Raises:
        click.UsageError: there is no place for spools.
    """
    folder = folders.database_folder(chosen)
    if folder is None:
        raise click.UsageError("no folder for spools can be written; name one in RUNLOG_SPOOL_DIR")
    return folder
