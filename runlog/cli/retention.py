"""``runlog prune``: delete what is old."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from runlog import queries
from runlog._process.visible import visible
from runlog._readable import plural, size
from runlog.cli._database import connected
from runlog.cli._options import Seconds, script_option
from runlog.cli._times import AGE_OF_WHAT_GOES
from runlog.cli.show.output import Output, page_options
from runlog.retention import ENDED, Pruned, prune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta


@click.command("prune")
@click.option(
    "--older-than",
    type=AGE_OF_WHAT_GOES,
    required=True,
    help="Delete runs older than this: 30d, 12h.",
)
@click.option(
    "--logs-older-than", type=AGE_OF_WHAT_GOES, help="Delete entries earlier than their runs: 7d."
)
@click.option(
    "--status",
    "statuses",
    type=click.Choice([*ENDED, "running"]),
    multiple=True,
    default=ENDED,
    help="Only runs that ended like this; may be repeated. Default: success and error.",
)
@click.option(
    "--keep-last",
    type=click.IntRange(1),
    default=1,
    help="So many of the newest runs of each script stay. Default: 1.",
)
@script_option
@click.option(
    "--max-seconds",
    type=Seconds(0.1, 1e6),
    help="Stop after this time; go on another day.",
)
@click.option("--dry-run", is_flag=True, help="Only tell how much would go.")
@page_options
def prune_command(
    *,
    older_than: timedelta,
    logs_older_than: timedelta | None,
    statuses: tuple[str, ...],
    keep_last: int,
    script: str | None,
    max_seconds: float | None,
    dry_run: bool,
    output: Output,
) -> None:
    """Delete old entries and runs, in small batches; may be interrupted at any time.

    The newest run of each script stays, its newest success, and the row on which its cursor stands.
    What something in the database holds, such as a foreign key, stays with its entries and is told.

    \b
    runlog prune --older-than 30d --dry-run
    runlog prune --older-than 365d --logs-older-than 30d
    """  # noqa: D301 - click reads this mark
    rules: dict[str, Any] = {
        "older_than": older_than,
        "logs_older_than": logs_older_than,
        "statuses": statuses,
        "keep_last": keep_last,
        "script": script,
    }
    with connected("change") as connection:
        planned = prune(connection, **rules, dry_run=True)
        if dry_run:
            output.done([planned], Pruned, f"would delete {_told(planned)}")
            return
        with _progress(planned.entries) as on_progress:
            done = prune(connection, **rules, max_seconds=max_seconds, on_progress=on_progress)
        output.done([done], Pruned, f"deleted {_told(done)}")
        if done.refused:
            others = f" (and {done.refused - 1} more)" if done.refused > 1 else ""
            click.echo(f"runlog: {visible(done.refusal)}{others}; all others went", err=True)
        if not done.is_complete:
            click.echo("runlog: the time is over; the next call goes on", err=True)
        for table in queries.table_sizes(connection):
            told = f"{table.table_name} now takes {size(table.total_bytes)}"
            click.echo(f"runlog: {told}; PostgreSQL reuses what is free in it", err=True)


def _told(pruned: Pruned) -> str:
    return f"{plural(pruned.runs, 'run')} and {plural(pruned.entries, 'entry')}"


@contextmanager
def _progress(entries: int) -> Iterator[Callable[[Pruned], None]]:
    """Show a bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("entries", total=entries)
        yield lambda pruned: bar.update(task, completed=pruned.entries)
