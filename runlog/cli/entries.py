"""``runlog logs`` and ``runlog tail``: what runs said, and what they say now."""

from __future__ import annotations

import contextlib
import functools
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runlog import queries
from runlog._process.visible import visible
from runlog._readable import number
from runlog.cli._database import connected, find_run
from runlog.cli._options import (
    entry_options,
    limit_option,
    run_argument,
    script_argument,
    script_option,
    time_options,
)
from runlog.cli._progress import ProgressTeller
from runlog.cli._times import SINCE, moment_of
from runlog.cli.show.entry_lines import lines_of
from runlog.cli.show.output import Output, names_of, output_options, pages, record_of
from runlog.cli.show.table import has_colours
from runlog.errors import DatabaseUnavailableError
from runlog.queries._following import follow_all, follow_run
from runlog.queries._parameters import Exactly
from runlog.queries._rows import Entry, ScriptEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runlog._database.driver import Connection
    from runlog.queries._rows import Run

_PAGE = 2000
_MOST_FOUND = 1000
_MOST_AT_FIRST = 10_000
_FIRST_TRIES = 3
_FIRST_PAUSE_SECONDS = 1.0

T = TypeVar("T")


@click.command("logs")
@run_argument(default=None)
@click.option("-f", "--follow", is_flag=True, help="Go on as entries arrive, until the run ends.")
@entry_options
@limit_option(None, "Only the newest so many.")
@script_option
@time_options(None, "How far back; without RUN 24h if not given")
@output_options
def logs_command(
    run: str | None,
    *,
    follow: bool,
    level: str | None,
    step: str | None,
    text: str | None,
    limit: int | None,
    script: str | None,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    output: Output,
) -> None:
    """Print the entries of RUN in order, or, without RUN, search those of all runs.

    RUN is an id, its first digits, "last", or the name of a script: its last run.

    \b
    runlog logs last
    runlog logs hubspot-sync --level warn
    runlog logs --grep timeout --since 7d --script 'hubspot-*'
    """  # noqa: D301 - click reads this mark
    filters: dict[str, Any] = {"level": level, "step": step, "text": text}
    period = {"since": since, "until": moment_of(until)}
    if run is None:
        if follow:
            raise click.UsageError('--follow needs a RUN; "runlog tail" follows all of them')
        period["since"] = since or timedelta(hours=24)
        _search(output, limit, {"script": script, **period, **filters})
        return
    if script:
        raise click.UsageError("--script is for searching without a RUN")
    if follow and until:
        raise click.UsageError("--follow has no end, and --until is one")
    _refuse_endless_json(output, endless=follow)
    if follow:
        _follow(output, run, limit, {**period, **filters}, filters)
        return
    with connected() as connection:
        found = find_run(connection, run)
        entries = _of_run(connection, found.id, limit, {**period, **filters})
        _print_some(output, entries, Entry, empty=f"run {found.id} has no such entries")


def _follow(
    output: Output, run: str, limit: int | None, first: dict[str, Any], filters: dict[str, Any]
) -> None:
    def ask(connection: Connection[Any]) -> tuple[Run, list[Entry]]:
        found = find_run(connection, run)
        return found, list(_of_run(connection, found.id, limit, first))

    with _connected_and_asked(ask) as (connection, (found, shown)):
        _print(output, iter(shown), Entry)
        progress = ProgressTeller(_tell, Exactly(found.script_name), found.id)
        live = follow_run(connection, found, filters, shown, _tell, progress.look)
        _print_live(output, live, Entry)


@click.command("tail")
@script_argument
@entry_options
@limit_option(10, "Begin with the newest so many.")
@click.option("--since", type=SINCE, help="Begin with what was logged since: 10min, 08:00.")
@output_options
def tail_command(
    script: str | None,
    *,
    level: str | None,
    step: str | None,
    text: str | None,
    limit: int,
    since: datetime | timedelta | None,
    output: Output,
) -> None:
    """Follow the entries of all scripts, or of SCRIPT, as they arrive; Ctrl-C ends it.

    \b
    runlog tail
    runlog tail 'hubspot-*' --level WARNING
    """  # noqa: D301 - click reads this mark
    _refuse_endless_json(output, endless=True)
    filters: dict[str, Any] = {"script": script, "level": level, "step": step, "text": text}
    period = {"since": since, "limit": _MOST_AT_FIRST} if since else {"limit": limit}
    progress = ProgressTeller(_tell, script)

    def ask(connection: Connection[Any]) -> list[Entry]:
        progress.look(connection)
        return list(reversed(queries.search_entries(connection, **period, **filters)))

    with _connected_and_asked(ask) as (connection, shown):
        _print(output, iter(shown), ScriptEntry)
        start = shown[-1].timestamp if shown else datetime.now().astimezone()
        live = follow_all(connection, start, filters, shown, _tell, progress.look)
        _print_live(output, live, ScriptEntry)


@contextlib.contextmanager
def _connected_and_asked(
    ask: Callable[[Connection[Any]], T],
) -> Iterator[tuple[Connection[Any], T]]:
    """Connect and ask what is shown first, a few times where the database is away meanwhile.

    From then on following survives it for ever; an address that is wrong must be told.
    """
    with contextlib.ExitStack() as stack:
        for left in reversed(range(_FIRST_TRIES)):
            try:
                connection = stack.enter_context(connected())
                answer = ask(connection)
                break
            except DatabaseUnavailableError as error:
                stack.close()
                if not left:
                    raise
                _tell(f"{error}; trying again")
                time.sleep(_FIRST_PAUSE_SECONDS)
        yield connection, answer


def _tell(said: str) -> None:
    click.echo(f"runlog: {visible(said)}", err=True)


def _refuse_endless_json(output: Output, *, endless: bool) -> None:
    if endless and output.format == "json":
        raise click.UsageError("following has no end, and JSON has one; use --format jsonl")


def _search(output: Output, limit: int | None, filters: dict[str, Any]) -> None:
    with connected() as connection:
        found = queries.search_entries(connection, limit=limit or _MOST_FOUND + 1, **filters)
    if limit is None and len(found) > _MOST_FOUND:
        found = found[:_MOST_FOUND]
        click.echo(f"runlog: only the newest {number(_MOST_FOUND)}; -n shows more", err=True)
    newest_last: Iterator[Entry] = reversed(found)
    _print_some(
        output, newest_last, ScriptEntry, empty="no entry is like this; look further: --since 7d"
    )


def _of_run(
    connection: Connection[Any], run_id: Any, limit: int | None, filters: dict[str, Any]
) -> Iterator[Entry]:
    if limit is not None:
        newest = queries.newest_entries_of_run(connection, run_id=run_id, limit=limit, **filters)
        yield from reversed(newest)
        return
    after: Entry | None = None
    while page := queries.entries_of_run(
        connection, run_id=run_id, after=after, limit=_PAGE, **filters
    ):
        yield from page
        after = page[-1]


def _print_some(
    output: Output, entries: Iterator[Entry], row_type: type[Any], *, empty: str
) -> None:
    first = next(entries, None)
    if first is None:
        click.echo(f"runlog: {empty}", err=True)
    _print(output, _joined(first, entries), row_type, paged=True)


def _joined(first: Entry | None, rest: Iterator[Entry]) -> Iterator[Entry]:
    if first is not None:
        yield first
        yield from rest


def _print(
    output: Output, entries: Iterator[Entry], row_type: type[Any], *, paged: bool = False
) -> None:
    if output.is_for_people:
        show = functools.partial(lines_of, utc=output.utc, colours=has_colours())
        lines = (line for entry in entries for line in show(entry))
        pages(lines, on_terminal=paged and output.on_terminal)
    else:
        output.records(map(record_of, entries), names_of(row_type))


def _print_live(output: Output, entries: Iterator[Entry], row_type: type[Any]) -> None:
    for entry in entries:
        if output.is_for_people:
            for line in lines_of(entry, utc=output.utc, colours=has_colours()):
                click.echo(line)
        else:
            output.records([record_of(entry)], names_of(row_type), with_header=False)
