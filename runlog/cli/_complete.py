"""What a shell completes besides commands and options: scripts and runs, from the database.

Asked while somebody types: it takes two seconds at the most, and says nothing when nothing comes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

    from runlog.queries._rows import Run

_SECONDS: Final = 2
_RUNS: Final = 200


def scripts(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Return the names of scripts that begin like this."""
    names = dict.fromkeys(run.script_name for run in _newest_runs())
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def runs(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Return ``last``, names of scripts and, once a letter is there, ids that begin like this."""
    found = _newest_runs()
    words = [CompletionItem("last", help="the newest run")]
    words += [CompletionItem(name) for name in dict.fromkeys(run.script_name for run in found)]
    if incomplete:
        words += [
            CompletionItem(str(run.id), help=f"{run.script_name} {run.state}") for run in found
        ]
    return [word for word in words if str(word.value).startswith(incomplete)]


def _newest_runs() -> list[Run]:
    # Nothing may come out of it into what somebody is typing.
    with suppress(Exception):
        from runlog import embedded, queries
        from runlog._database import reading
        from runlog._settings import EMBEDDED, resolve

        os.environ["RUNLOG_CONNECT_TIMEOUT"] = str(_SECONDS)
        settings = resolve()
        # No server is started for a key that somebody pressed.
        if settings.dsn != EMBEDDED or embedded.status().running:
            with reading.connect(settings.dsn) as connection:
                connection.execute(f"set statement_timeout = '{_SECONDS}s'")
                return queries.last_runs(connection, schema=settings.schema, limit=_RUNS)
    return []
