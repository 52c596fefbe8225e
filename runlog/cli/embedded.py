"""``runlog embedded``: the PostgreSQL that comes with the extra ``runlog-pg[embedded]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runlog import embedded
from runlog.cli.show.output import Output, page_options

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.group("embedded")
def embedded_command() -> None:
    """Start, stop or look at the embedded PostgreSQL.

    It starts by itself when it is needed, and stays up until "runlog embedded stop" or a reboot.
    """


@embedded_command.command("start")
@page_options
def _start(*, output: Output) -> None:
    """Start it, if it does not run, and print how to connect."""
    address = embedded.ensure_running()
    found = embedded.status()
    output.done([found], type(found), address)


@embedded_command.command("stop")
@page_options
def _stop(*, output: Output) -> None:
    """End it; the data stays."""
    was_running = embedded.stop()
    found = embedded.status()
    output.done([found], type(found), "stopped" if was_running else "it was not running")


@embedded_command.command("status")
@page_options
@click.pass_context
def _status(context: click.Context, *, output: Output) -> None:
    """Tell where it lives and whether it runs; exit code 1 if it does not."""
    found = embedded.status()
    output.done([found], type(found), *_sentences(found))
    context.exit(0 if found.running else 1)


def _sentences(found: embedded.Status) -> Iterator[str]:
    yield f"folder   {found.data_dir}"
    if found.version is None:
        yield 'state    never started; "runlog embedded start" makes it'
    else:
        state = f"running, process {found.pid}" if found.running else "not running"
        yield f"state    {state}, PostgreSQL {found.version}"
    if found.conninfo:
        yield f"connect  psql {_quoted(found.conninfo)}"


def _quoted(conninfo: str) -> str:
    import shlex

    # Addresses hold single quotes, and a person shall be able to read what to type.
    is_plain = not set(conninfo) & set('"$`\\!')
    return f'"{conninfo}"' if is_plain else shlex.quote(conninfo)
