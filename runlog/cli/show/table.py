"""Tables for people: with rich on a terminal, as aligned text elsewhere.

Lives here: columns and the two ways to draw them. Every cell is made safe here, whatever it holds.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from runlog._process.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STATE_STYLES = {
    "success": "green",
    "partial": "yellow",
    "running": "cyan",
    "lost?": "magenta",
    "error": "red",
    "crashed": "bold red",
}
_GAP = 2
_NARROWEST = 12
_ROOM = 40
LEVEL_STYLES = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "red"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        header: its name; short.
        text: from a row to the cell's text.
        style: from a row to a rich style; None for plain text.
        right: numbers stand at the right.
        is_flexible: gives way when the terminal is narrow; at most one in a table.
        is_optional: left out, the last one first, where the flexible column would have no room.
    """

    header: str
    text: Callable[[Any], object]
    style: Callable[[Any], str] | None = None
    right: bool = False
    is_flexible: bool = False
    is_optional: bool = False


def has_colours() -> bool:
    """Tell whether stdout is a terminal that wants colours (https://no-color.org)."""
    import os
    import sys

    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def print_table(columns: Sequence[Column], rows: Sequence[Any], *, on_terminal: bool) -> None:
    """Print ``rows``; columns that are empty in every row are left out."""
    for line in table_lines(columns, rows, on_terminal=on_terminal):
        click.echo(line)


def table_lines(columns: Sequence[Column], rows: Sequence[Any], *, on_terminal: bool) -> list[str]:
    """Return the table as lines."""
    cells = [[visible(column.text(row)) for column in columns] for row in rows]
    shown = [place for place, _ in enumerate(columns) if any(line[place] for line in cells)]
    if on_terminal:
        return _rich_lines(columns, rows, cells, shown)
    return _aligned_lines(
        [columns[place] for place in shown], [[line[place] for place in shown] for line in cells]
    )


def _rich_lines(
    columns: Sequence[Column], rows: Sequence[Any], cells: list[list[str]], shown: list[int]
) -> list[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    natural = {place: _width(columns[place], place, cells) for place in shown}
    shown, widths = _fit(natural, columns)
    for place, width in zip(shown, widths, strict=True):
        table.add_column(
            Text(columns[place].header),
            justify="right" if columns[place].right else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=width,
        )
    for row, line in zip(rows, cells, strict=True):
        # Text and not str: brackets in a message are no markup.
        table.add_row(*(Text(line[place], _style(columns[place], row)) for place in shown))
    console = Console(
        width=sum(widths) + _GAP * len(widths),
        highlight=False,
        color_system="auto" if has_colours() else None,
    )
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().rstrip("\n").split("\n")]


def _fit(natural: dict[int, int], columns: Sequence[Column]) -> tuple[list[int], list[int]]:
    """Return which columns this terminal has room for, and their widths."""
    widths = dict(natural)
    room = _terminal_width()
    flexible = [place for place in widths if columns[place].is_flexible]
    for place in reversed(list(natural)):
        needed = sum(min(width, _ROOM) if p in flexible else width for p, width in widths.items())
        if needed + _GAP * (len(widths) - 1) <= room:
            break
        if columns[place].is_optional:
            del widths[place]
    for place in flexible:
        over = sum(widths.values()) + _GAP * (len(widths) - 1) - room
        widths[place] = max(min(widths[place], _NARROWEST), widths[place] - max(0, over))
    return list(widths), list(widths.values())


def _width(column: Column, place: int, cells: list[list[str]]) -> int:
    return max(len(column.header), *(len(line[place]) for line in cells), 0)


def _style(column: Column, row: Any) -> str:
    return column.style(row) if column.style is not None else ""


def _terminal_width() -> int:
    return shutil.get_terminal_size((100, 24)).columns


def _aligned_lines(columns: Sequence[Column], cells: list[list[str]]) -> list[str]:
    widths = [_width(column, place, cells) for place, column in enumerate(columns)]
    lines = []
    for line in ([column.header for column in columns], *cells):
        padded = [
            text.rjust(width) if column.right else text.ljust(width)
            for column, text, width in zip(columns, line, widths, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return lines
