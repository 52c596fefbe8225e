"""Questions about entries: of one run, of all, and those that are errors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runlog._database.reading import Source, fetch
from runlog.queries import _parameters as parameters
from runlog.queries._rows import Entry, RecentError, ScriptEntry

if TYPE_CHECKING:
    from uuid import UUID

    from runlog.queries._parameters import Since


def entries_of_run(
    source: Source = None,
    *,
    run_id: UUID,
    schema: str | None = None,
    level: str | None = None,
    step: str | None = None,
    text: str | None = None,
    since: Since | None = None,
    until: datetime | None = None,
    after: Entry | datetime | None = None,
    limit: int = parameters.EVERYTHING,
) -> list[Entry]:
    """Return what a run logged, in order.

    Args:
        source: where to ask; default: the database of the environment.
        run_id: the run.
        schema: the schema of the tables; default: the setting ``schema``.
        level: this level and those above.
        step: a step's name, or a pattern.
        text: what message or meta must contain, in any case.
        since: logged then or later.
        until: logged before.
        after: the last entry of the page before; or the moment from which on.
        limit: at most so many; default: all of them.
    """
    return fetch(
        source,
        schema,
        "entries_of_run",
        Entry,
        run_id=run_id,
        limit=limit,
        **parameters.at_least(level),
        **parameters.matching("step", step),
        **parameters.containing(text),
        **parameters.beginning(since, until),
        **parameters.after(after),
    )


def newest_entries_of_run(
    source: Source = None,
    *,
    run_id: UUID,
    schema: str | None = None,
    level: str | None = None,
    step: str | None = None,
    text: str | None = None,
    since: Since | None = None,
    until: datetime | None = None,
    before: Entry | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Return what a run logged last, newest first; arguments as for ``entries_of_run``."""
    return fetch(
        source,
        schema,
        "newest_entries_of_run",
        Entry,
        run_id=run_id,
        limit=limit,
        **parameters.at_least(level),
        **parameters.matching("step", step),
        **parameters.containing(text),
        **parameters.beginning(since, until),
        **parameters.before_entry(before),
    )


def entries_after(
    source: Source = None,
    *,
    after: Entry | datetime,
    schema: str | None = None,
    script: str | None = None,
    level: str | None = None,
    step: str | None = None,
    text: str | None = None,
    limit: int = 1000,
) -> list[ScriptEntry]:
    """Return what any script logged after an entry, or from a moment on, in order.

    What a process delivers late lies before points already passed: who follows asks again from a
    little earlier and leaves out what it has seen.
    """
    return fetch(
        source,
        schema,
        "entries_after",
        ScriptEntry,
        limit=limit,
        **parameters.after(after),
        **parameters.matching("script", script),
        **parameters.at_least(level),
        **parameters.matching("step", step),
        **parameters.containing(text),
    )


def search_entries(
    source: Source = None,
    *,
    schema: str | None = None,
    text: str | None = None,
    script: str | None = None,
    level: str | None = None,
    step: str | None = None,
    since: Since = timedelta(hours=24),
    until: datetime | None = None,
    before: Entry | None = None,
    limit: int = 100,
) -> list[ScriptEntry]:
    """Return entries of any run, newest first; what matches nothing reads the whole period.

    Args:
        source: where to ask; default: the database of the environment.
        schema: the schema of the tables; default: the setting ``schema``.
        text: what message or meta must contain, in any case.
        script: a script's name, or a pattern.
        level: this level and those above.
        step: a step's name, or a pattern.
        since: how far back to look.
        until: logged before.
        before: the last entry of the page before.
        limit: at most so many.
    """
    return fetch(
        source,
        schema,
        "search_entries",
        ScriptEntry,
        limit=limit,
        **parameters.containing(text),
        **parameters.matching("script", script),
        **parameters.at_least(level),
        **parameters.matching("step", step),
        **parameters.beginning(since, until),
        **parameters.before_entry(before),
    )


def recent_errors(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    since: Since = timedelta(hours=24),
    until: datetime | None = None,
    limit: int = 1000,
) -> list[RecentError]:
    """Return the entries of level ERROR of the runs that began since then, newest run first."""
    return fetch(
        source,
        schema,
        "recent_errors",
        RecentError,
        limit=limit,
        **parameters.matching("script", script),
        **parameters.beginning(since, until),
    )
