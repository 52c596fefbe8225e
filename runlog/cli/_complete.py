"""What a shell completes besides commands and options: scripts and runs, from the database.

Asked while somebody types: it takes two seconds at the most, and says nothing when nothing comes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from runlog.queries._rows import Run

_SECONDS: Final = 2
_RUNS: Final = 200


def scripts(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Return the names of scripts that begin like this."""
    runs = _asked(context, lambda runs: runs)
    names = dict.fromkeys(run.script_name for run in runs)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def runs(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Return ``last``, names of scripts and ids of runs that begin like this, newest first."""
    found = list(_asked(context, lambda runs: runs))
    words = [CompletionItem("last", help="the newest run")]
    words += [
        CompletionItem(str(run.id), help=f"{run.script_name} {run.state}")
        for run in found
        if incomplete
    ]
    words += [CompletionItem(name) for name in dict.fromkeys(run.script_name for run in found)]
    return [word for word in words if str(word.value).startswith(incomplete)]


def _asked(
    context: click.Context, choose: Callable[[Iterable[Run]], Iterable[Run]]
) -> Iterable[Run]:
    import os

    # No embedded server is started for a key that somebody presses.
    with suppress(Exception):
        from runlog import queries
        from runlog._database import reading

        dsn = context.find_root().params.get("dsn") or None
        os.environ["RUNLOG_CONNECT_TIMEOUT"] = str(_SECONDS)
        with reading.connect(dsn) as connection:
            connection.execute(f"set statement_timeout = '{_SECONDS}s'")
            return choose(queries.last_runs(connection, limit=_RUNS))
    return ()
