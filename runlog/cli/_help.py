"""``runlog help``: for those who type it."""

from __future__ import annotations

import difflib

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
            known = found.list_commands(place) if isinstance(found, click.Group) else []
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see runlog --help"
            raise click.UsageError(f"there is no command {' '.join(command)!r}; {hint}")
        place = click.Context(part, info_name=name, parent=place)
        found = part
    click.echo(found.get_help(place))
