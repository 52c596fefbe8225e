"""What goes to stdout: the same rows as a table for people, or as JSON, CSV or TSV for programs.

The columns of the machine formats are the fields of the row's class, in order, so they stay stable
when a table's look changes. Moments are UTC in ISO 8601 there. Pages and what a command has done
are for people also when piped, unless another format is asked for.
"""

from __future__ import annotations

import csv
import functools
import json
import os
import sys
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from runlog._process.visible import escaped_in_json, visible
from runlog.cli.show.table import Column, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

FORMATS = ("table", "json", "jsonl", "csv", "tsv")
_VARIABLE = "RUNLOG_FORMAT"
_DIGITS = 6
_COMPUTED = ("state", "elapsed_ms")
# Came later than those, and what programs read keeps its place.
_LAST = ("progress",)
_LEFT_OUT = frozenset({"read_at", "heartbeat_interval", "last_heartbeat_interval"})


@dataclass(frozen=True, slots=True)
class Output:
    """How a command shall print.

    Attributes:
        format: one of ``FORMATS``.
        utc: moments for people in UTC instead of local time.
        is_asked_for: the format was named, and is not the usual one.
    """

    format: str
    utc: bool
    is_asked_for: bool = False

    @property
    def is_for_people(self) -> bool:
        """Tell whether a table, and not a machine format, is wanted."""
        return self.format == "table"

    @property
    def on_terminal(self) -> bool:
        """Tell whether rich may draw: for people, and on a terminal."""
        return self.is_for_people and sys.stdout.isatty()

    def rows(
        self, rows: Sequence[Any], row_type: type[Any], columns: Sequence[Column], *, empty: str
    ) -> None:
        """Print rows; when there are none, ``empty`` goes to stderr."""
        if not rows:
            click.echo(f"runlog: {empty}", err=True)
        if self.is_for_people:
            if rows:
                print_table(columns, rows, on_terminal=self.on_terminal)
        else:
            self.records(map(record_of, rows), names_of(row_type))

    def records(
        self, records: Iterable[dict[str, Any]], names: Sequence[str], *, with_header: bool = True
    ) -> None:
        """Print records in a machine format, each when it comes; JSON at the end."""
        if self.format == "json":
            click.echo(to_json(list(records), indent=2))
        elif self.format == "jsonl":
            for record in records:
                click.echo(to_json(record))
        else:
            write = _csv_writer() if self.format == "csv" else _write_tsv
            if with_header:
                write(list(names))
            for record in records:
                write([_flat(record.get(name)) for name in names])

    def done(self, rows: Sequence[Any], row_type: type[Any], *sentences: str) -> None:
        """Tell what a command has done: in sentences, or as rows where a format is asked for."""
        if self.is_for_people:
            for sentence in sentences:
                click.echo(sentence)
        else:
            self.records(map(record_of, rows), names_of(row_type))

    def document(self, document: Any) -> None:
        """Print one JSON document (``json`` and ``jsonl``)."""
        click.echo(to_json(document, indent=2 if self.format == "json" else None))


def names_of(row_type: type[Any]) -> list[str]:
    """Return the names of the columns in the machine formats."""
    is_tuple = issubclass(row_type, tuple)
    all_names = row_type._fields if is_tuple else [field.name for field in fields(row_type)]
    names = [name for name in all_names if name not in _LEFT_OUT]
    names += [name for name in _COMPUTED if name not in names and hasattr(row_type, name)]
    return sorted(names, key=_LAST.__contains__)


def record_of(row: Any) -> dict[str, Any]:
    """Return a row as the machine formats tell it."""
    return {name: _rounded(getattr(row, name)) for name in names_of(type(row))}


def _rounded(value: Any) -> Any:
    # A median of 475.79999999999995 is one of 475.8.
    return round(value, _DIGITS) if isinstance(value, float) else value


def to_json(value: Any, indent: int | None = None) -> str:
    """Return JSON that no terminal obeys."""
    # Where a terminal or a pipe knows few letters, JSON knows how to write the others.
    is_narrow = not (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    document = json.dumps(value, default=_plain, ensure_ascii=is_narrow, indent=indent)
    return escaped_in_json(document)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (UUID, PurePath)):
        return str(value)
    raise TypeError(type(value))


def _flat(value: Any) -> str:
    """Return one cell of CSV or TSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return to_json(value)
    return str(value if isinstance(value, (str, int, float)) else _plain(value))


def _write_tsv(cells: list[str]) -> None:
    click.echo("\t".join(visible(cell) for cell in cells))


def _csv_writer() -> Callable[[list[str]], None]:
    writer = csv.writer(sys.stdout, lineterminator="\n")

    def write(cells: list[str]) -> None:
        writer.writerow([visible(cell, keep="\n\t") for cell in cells])
        sys.stdout.flush()

    return write


def output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format``, ``--json``, ``--csv``, ``--utc`` to a list; it gets them as ``output``."""
    return _with_output(function, piped="tsv")


def page_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same options to what people read also when piped: a page, or what was done."""
    return _with_output(function, piped="table")


def _with_output(function: Callable[..., Any], *, piped: str) -> Callable[..., Any]:
    usual = "tsv when piped" if piped == "tsv" else "the same when piped"

    @click.option(
        "--format",
        "format_name",
        type=click.Choice(FORMATS),
        help=f"Default: {_VARIABLE}, else a table on a terminal, {usual}.",
    )
    @click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
    @click.option("--csv", "as_csv", is_flag=True, help="The same as --format csv.")
    @click.option("--utc", is_flag=True, help="Show times in UTC instead of local time.")
    @functools.wraps(function)
    def with_output(
        *, format_name: str | None, as_json: bool, as_csv: bool, utc: bool, **arguments: Any
    ) -> Any:
        # What stands before the word of a subcommand holds for it too.
        before = click.get_current_context().meta.setdefault("runlog.output", {})
        short = "json" if as_json else "csv" if as_csv else None
        asked = before["format"] = short or format_name or before.get("format") or _of_environment()
        utc = before["utc"] = utc or before.get("utc", False)
        name = asked or ("table" if sys.stdout.isatty() else piped)
        return function(output=Output(name, utc, asked is not None), **arguments)

    return with_output


def _of_environment() -> str | None:
    name = os.environ.get(_VARIABLE, "").strip().lower()
    if name and name not in FORMATS:
        raise click.UsageError(f"{_VARIABLE}={name!r} is no format; use {', '.join(FORMATS)}")
    return name or None


def pages(lines: Iterator[str], *, on_terminal: bool) -> None:
    """Print lines; on a terminal through the pager (``PAGER``), which stays out of short texts."""
    if not on_terminal:
        for line in lines:
            click.echo(line)
        return
    # Leave when it fits on one screen, show colours, do not clear the screen.
    os.environ.setdefault("LESS", "-FRX")
    click.echo_via_pager((f"{line}\n" for line in lines), color=True)
