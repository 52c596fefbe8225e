"""The options that every command takes, before its name and after it: which database is meant.

They become variables, so that the settings are read in one place, here and in child processes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_VARIABLES: Final = {"dsn": "RUNLOG_DSN", "schema": "RUNLOG_SCHEMA", "debug": "RUNLOG_DEBUG"}


def _take(context: click.Context, parameter: click.Parameter, value: str | bool | None) -> None:
    if not value:
        return
    name = str(parameter.name)
    context.meta[f"runlog.{name}"] = value
    if name == "dsn":
        _warn_of_password(str(value))
    os.environ[_VARIABLES[name]] = "1" if value is True else str(value)


def _warn_of_password(dsn: str) -> None:
    from runlog._database import dsn as _dsn

    if _dsn.password_of(dsn):
        told = "a password on the command line is shown to every user of this machine"
        click.echo(f"runlog: {told}; set RUNLOG_DSN instead", err=True)


def named_database(context: click.Context) -> str | None:
    """Return the address that was given on the command line, before the command or after it."""
    found: str | None = context.meta.get("runlog.dsn")
    return found


def options(*, hidden: bool) -> list[click.Option]:
    """Return the options; hidden ones work without a place in the help."""

    def option(*names: str, **rest: Any) -> click.Option:
        return click.Option(
            names, callback=_take, expose_value=False, is_eager=True, hidden=hidden, **rest
        )

    return [
        option("--dsn", metavar="ADDRESS", help="The database: a URL, libpq words, or embedded:"),
        option("--schema", metavar="NAME", help="The schema of the tables."),
        option("--debug", is_flag=True, help="Show the whole of an error."),
    ]


def everywhere(command: click.Command) -> click.Command:
    """Let ``command``, and those in it, take these options too; harmless when repeated."""
    if isinstance(command, click.Group):
        for part in command.commands.values():
            everywhere(part)
    known = {name for parameter in command.params for name in parameter.opts}
    command.params += [it for it in options(hidden=True) if not known & set(it.opts)]
    return command


def decorated(function: Callable[..., object]) -> Callable[..., object]:
    """Add the options to a function that becomes a command."""
    function.__click_params__ = [  # type: ignore[attr-defined]
        *getattr(function, "__click_params__", []),
        *reversed(options(hidden=False)),
    ]
    return function
