"""``runlog embedded``: the PostgreSQL that comes with the extra ``runlog-pg[embedded]``."""

from __future__ import annotations

import click

from runlog import embedded


@click.group("embedded")
def embedded_command() -> None:
    """Start, stop or look at the embedded PostgreSQL.

    It starts by itself when it is needed, and stays up until "runlog embedded stop" or a reboot.
    """


@embedded_command.command("start")
def _start() -> None:
    """Start it, if it does not run, and print how to connect."""
    click.echo(embedded.ensure_running())


@embedded_command.command("stop")
def _stop() -> None:
    """End it; the data stays."""
    click.echo("stopped" if embedded.stop() else "it was not running")


@embedded_command.command("status")
@click.pass_context
def _status(context: click.Context) -> None:
    """Tell where it lives and whether it runs; exit code 1 if it does not."""
    found = embedded.status()
    click.echo(f"folder   {found.data_dir}")
    if found.version is None:
        click.echo('state    never started; "runlog embedded start" makes it')
    else:
        state = f"running, process {found.pid}" if found.running else "not running"
        click.echo(f"state    {state}, PostgreSQL {found.version}")
    if found.conninfo:
        click.echo(f"connect  psql {_quoted(found.conninfo)}")
    context.exit(0 if found.running else 1)


def _quoted(conninfo: str) -> str:
    import shlex

    return shlex.quote(conninfo)
