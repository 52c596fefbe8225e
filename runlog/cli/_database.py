"""Which database a command asks, and which run its argument means."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from runlog import queries
from runlog._database import reading
from runlog._process.visible import visible
from runlog._settings import EMBEDDED, resolve
from runlog.cli._failures import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection
    from runlog._settings import Settings
    from runlog.queries._rows import Run

_CANDIDATES_SHOWN = 5
SHORT_ID = 13
"""Digits of a UUIDv7 up to the millisecond; lists show more where two runs share them."""


def settings() -> Settings:
    """Return the checked settings; a bad variable is an error here."""
    chosen = resolve(strict=True)
    is_named = os.environ.get("RUNLOG_DSN") or os.environ.get("DATABASE_URL")
    if chosen.dsn == EMBEDDED and not is_named and _is_first_time():
        click.echo("runlog: no database is named; using the embedded PostgreSQL", err=True)
    return chosen


def _is_first_time() -> bool:
    """Tell whether this command asks for its settings for the first time."""
    context = click.get_current_context(silent=True)
    if context is None or context.meta.get("runlog.settings"):
        return context is None
    context.meta["runlog.settings"] = True
    return True


@contextmanager
def connected(purpose: str = "read") -> Iterator[Connection[Any]]:
    """Connect to the database of the environment for one command.

    Args:
        purpose: ``read`` or ``change``; tells who may help where a right is missing.
    """
    chosen = settings()
    with (
        reading.translated(chosen.dsn, chosen.schema, purpose),
        reading.connect(chosen.dsn) as connection,
    ):
        yield connection


def find_run(connection: Connection[Any], reference: str) -> Run:
    """Return the run that a person means.

    That is an id, its first digits, ``last``, ``last:SCRIPT``, or a script's name: its last run.

    Raises:
        NotFoundError: there is none.
        click.UsageError: there are several.
    """
    word, _, script = reference.partition(":")
    if word == "last":
        newest = queries.last_runs(connection, limit=1, script=script or None)
        if not newest:
            of = f" of script {script!r}" if script else ""
            raise missing(connection, f"there is no run{of} yet", script)
        return newest[0]
    found = _with_prefix(connection, reference) or queries.last_runs(
        connection, limit=1, script=reference
    )
    if not found:
        raise missing(connection, f"there is no run and no script {reference!r}", reference)
    if len(found) > 1:
        shown = ", ".join(
            f"{run.id} ({visible(run.script_name)})" for run in found[:_CANDIDATES_SHOWN]
        )
        raise click.UsageError(
            f"{reference!r} is the beginning of several ids: {shown}; give more of it"
        )
    return found[0]


def _with_prefix(connection: Connection[Any], prefix: str) -> list[Run]:
    try:
        return queries.runs_with_prefix(connection, prefix=prefix, limit=_CANDIDATES_SHOWN + 1)
    except queries.QueryError:
        # No id begins like this; it is a script's name then.
        return []


def missing(connection: Connection[Any], said: str, script: str) -> NotFoundError:
    """Return the error that says so, and how to find what is there."""
    if queries.last_runs(connection, limit=1, script=script or None, sync_mode="backfill"):
        return NotFoundError(f'{said}, but for backfills; "runlog runs --mode backfill" lists them')
    if not queries.last_runs(connection, limit=1):
        return NotFoundError(f'{said}; "runlog demo" makes the first two')
    return NotFoundError(f'{said}{similar(connection, script)}; "runlog runs" lists what there is')


def similar(connection: Connection[Any], name: str) -> str:
    """Return the question whether a script of nearly this name is meant; empty without one."""
    import difflib

    scripts = [row.script_name for row in queries.script_health(connection)]
    close = difflib.get_close_matches(name, scripts, n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def short_ids(ids: list[UUID]) -> dict[UUID, str]:
    """Return beginnings of the ids, long enough to tell these ids apart."""
    texts = {str(run_id) for run_id in ids}
    length = SHORT_ID
    while length < len(str(UUID(int=0))) and len({text[:length] for text in texts}) < len(texts):
        length += 1
    return {run_id: str(run_id)[:length].rstrip("-") for run_id in ids}
