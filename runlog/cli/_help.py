"""``runlog help``: for those who type it."""

from __future__ import annotations

import click


@click.command("help")
@click.argument("command", nargs=-1)
@click.pass_context
def help_command(context: click.Context, command: tuple[str, ...]) -> None:
    """Explain COMMAND, or list the commands."""
    found: click.Command = context.find_root().command
    place = context.find_root()
    for name in command:
        part = found.get_command(place, name) if isinstance(found, click.Group) else None
        if part is None:
            raise click.UsageError(f"there is no command {' '.join(command)!r}; see runlog --help")
        place = click.Context(part, info_name=name, parent=place)
        found = part
    click.echo(found.get_help(place))
