"""Tables for people: with rich on a terminal, as aligned text elsewhere.

Lives here: columns and the two ways to draw them. A table fits the terminal: columns that matter
less are left out and named, names and messages are cut. Every cell is made safe here, whatever it
holds.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from runlog._process.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

STATE_STYLES: Final = {
    "success": "green",
    "partial": "yellow",
    "running": "cyan",
    "lost?": "magenta",
    "error": "red",
    "crashed": "bold red",
}
LEVEL_STYLES: Final = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "red"}
_GAP = 2
_NARROWEST = 10
_ROOM = 20
_NAME_MIN = 14
_SMALLEST = 40
"""On a terminal narrower still a table says more when its lines wrap."""
_CELL_MAX = 200
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        header: its name; short.
        text: from a row to the cell's text.
        style: from a row to a rich style; None for plain text.
        right: numbers stand at the right.
        is_flexible: gives way first when the terminal is narrow, such as a message.
        is_name: gives way last, and never below 14 letters.
        is_optional: left out, the last one first, where the others would have no room.
    """

    header: str
    text: Callable[[Any], object]
    style: Callable[[Any], str] | None = None
    right: bool = False
    is_flexible: bool = False
    is_name: bool = False
    is_optional: bool = False


def has_colours() -> bool:
    """Tell whether stdout is a terminal that wants colours (https://no-color.org)."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def print_table(columns: Sequence[Column], rows: Sequence[Any], *, on_terminal: bool) -> None:
    """Print ``rows``; columns that are empty in every row are left out."""
    for line in table_lines(columns, rows, on_terminal=on_terminal):
        click.echo(line)


def table_lines(columns: Sequence[Column], rows: Sequence[Any], *, on_terminal: bool) -> list[str]:
    """Return the table as lines; on a terminal the last one names what had no room."""
    cells = [[_cut(visible(column.text(row)), _CELL_MAX) for column in columns] for row in rows]
    natural = {
        place: max(len(column.header), *(_width(line[place]) for line in cells), 0)
        for place, column in enumerate(columns)
        if any(line[place] for line in cells)
    }
    if not on_terminal:
        return _aligned_lines(columns, cells, natural)
    room = shutil.get_terminal_size((80, 24)).columns
    widths = _fit(natural, columns, room)
    lines = _rich_lines(columns, rows, cells, widths)
    left_out = [columns[place].header for place in natural if place not in widths]
    if left_out:
        told = f"no room for {', '.join(left_out)}; a wider terminal or --csv shows them"
        parts = textwrap.wrap(told, max(room, _NARROWEST))
        lines += [click.style(part, dim=True) for part in parts] if has_colours() else parts
    return lines


def _rich_lines(
    columns: Sequence[Column], rows: Sequence[Any], cells: list[list[str]], widths: dict[int, int]
) -> list[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for place, width in widths.items():
        table.add_column(
            Text(columns[place].header),
            justify="right" if columns[place].right else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=width,
        )
    for row, line in zip(rows, cells, strict=True):
        # Text and not str: brackets in a message are no markup.
        table.add_row(*(Text(line[place], _style(columns[place], row)) for place in widths))
    console = Console(
        width=sum(widths.values()) + _GAP * len(widths),
        highlight=False,
        color_system="auto" if has_colours() else None,
    )
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().rstrip("\n").split("\n")]


def _fit(natural: dict[int, int], columns: Sequence[Column], room: int) -> dict[int, int]:
    """Return the columns for which there is room, and their widths.

    First messages give way, down to what still tells something; then columns that are optional go,
    the last one first; then names are cut, and the messages to almost nothing. Where even that does
    not fit, others go, the widest first.
    """
    widths = dict(natural)

    def missing() -> int:
        return sum(widths.values()) + _GAP * (len(widths) - 1) - room

    def narrow(places: list[int], least: int) -> None:
        for place in places:
            if missing() > 0:
                narrowest = max(least, len(columns[place].header))
                widths[place] = max(min(widths[place], narrowest), widths[place] - missing())

    def leave_out(places: Iterable[int]) -> None:
        for place in reversed(list(places)):
            if missing() > 0:
                del widths[place]

    flexible = [place for place in widths if columns[place].is_flexible]
    names = [place for place in widths if columns[place].is_name]
    narrow(flexible, _ROOM)
    narrow(names, 2 * _NAME_MIN)
    leave_out(place for place in natural if columns[place].is_optional)
    narrow([place for place in names if place in widths], _NAME_MIN)
    narrow([place for place in flexible if place in widths], _NARROWEST)
    others = set(list(widths)[1:]) - set(names) if room >= _SMALLEST else set()
    leave_out(sorted(others, key=widths.__getitem__))
    # What was freed by a column that went is given back to the messages and names.
    for place in (*flexible, *names):
        if place in widths and missing() < 0:
            widths[place] = min(natural[place], widths[place] - missing())
    return widths


def _style(column: Column, row: Any) -> str:
    return column.style(row) if column.style is not None else ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + _CUT


def _aligned_lines(
    columns: Sequence[Column], cells: list[list[str]], widths: dict[int, int]
) -> list[str]:
    lines = []
    for line in ([column.header for column in columns], *cells):
        padded = [
            _padded(line[place], width, is_right=columns[place].right)
            for place, width in widths.items()
        ]
        lines.append("  ".join(padded).rstrip())
    return lines


def _padded(text: str, width: int, *, is_right: bool) -> str:
    blanks = " " * (width - _width(text))
    return f"{blanks}{text}" if is_right else f"{text}{blanks}"


def _width(text: str) -> int:
    """Return how many cells of a terminal ``text`` takes: letters of East Asia take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )
