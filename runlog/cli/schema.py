"""``runlog migrate``: the tables."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from runlog._database import dsn
from runlog.cli._address import for_writing
from runlog.cli._database import settings
from runlog.cli.show.output import Output, page_options


@dataclass(frozen=True, slots=True)
class _Done:
    """One thing that was done, in a sentence."""

    done: str


@click.command("migrate")
@click.option("--writer-role", metavar="NAME", help="Let this role record runs and entries.")
@click.option("--reader-role", metavar="NAME", help="Let this role read them.")
@click.option("--watcher-role", metavar="NAME", help="Let this role run runlog watch.")
@click.option(
    "--secure", is_flag=True, help="Close the tables to everyone else (row level security)."
)
@click.option(
    "--layout",
    type=click.Choice(["partitioned", "citus"]),
    help="Make logs a partition a month, or spread both tables over a Citus cluster.",
)
@click.option(
    "--lean", is_flag=True, help="Drop the two documented indexes that no question of runlog uses."
)
@click.option(
    "--sql", "as_sql", is_flag=True, help="Print the statements instead; touch no database."
)
@page_options
def migrate_command(
    *,
    writer_role: str | None,
    reader_role: str | None,
    watcher_role: str | None,
    secure: bool,
    layout: str | None,
    lean: bool,
    as_sql: bool,
    output: Output,
) -> None:
    """Create the two tables, or bring them up to date; say what was done.

    Harmless when repeated. Tables that another program made are taken over as they are.

    \b
    runlog migrate --sql > supabase/migrations/20260101000000_runlog.sql
    """  # noqa: D301 - click reads this mark
    from runlog import migrate
    from runlog._settings import resolve

    schema = resolve(strict=True).schema
    wishes = {
        "schema": schema,
        "writer_role": writer_role,
        "reader_role": reader_role,
        "watcher_role": watcher_role,
    }
    if as_sql and (layout or lean):
        raise click.UsageError("--layout and --lean look at the tables first; leave --sql out")
    if as_sql:
        click.echo(migrate.as_sql(**wishes, secure=secure), nl=False)  # type: ignore[arg-type]
        return
    chosen = settings()
    address = for_writing(chosen)
    click.echo(f"runlog: the database is {dsn.shown(chosen.dsn or '', os.environ)}", err=True)
    done = migrate.migrate(
        address,
        **wishes,  # type: ignore[arg-type]
        secure=secure,
        layout=layout,  # type: ignore[arg-type]
        lean=lean,
    )
    lines = done or [f"nothing to do: schema {schema!r} is at version {migrate.LATEST}"]
    output.done([_Done(done=line) for line in lines], _Done, *lines)
