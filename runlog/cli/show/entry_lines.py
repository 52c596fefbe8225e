"""Entries as lines of text: for terminals, for pipes, and live.

The message of an entry comes from anywhere: nothing in it is obeyed, and a line feed in it cannot
look like another entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runlog._process.visible import visible
from runlog._readable import clock
from runlog.cli.show.output import to_json
from runlog.cli.show.table import LEVEL_STYLES
from runlog.queries._rows import Entry, ScriptEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INDENT = "    | "
_BLOCKS = ("stack",)
_FOR_PROGRAMS = (*_BLOCKS, "error_fingerprint")
_TOLD_BY_STACK = ("error", "error_type")
_STEP_WIDTH, _LEVEL_WIDTH = 8, 7


def styled(text: str, style: str) -> str:
    """Return ``text`` in one of the few styles that entries and states use."""
    words = style.split()
    colour = next((word for word in words if word not in {"bold", "dim"}), None)
    if not words:
        return text
    return click.style(text, fg=colour, bold="bold" in words or None, dim="dim" in words or None)


def lines_of(entry: Entry, *, utc: bool, colours: bool) -> Iterator[str]:
    """Return the lines of ``entry``: one, and more for a stack or a message of many lines."""
    paint: Callable[[str, str], str] = styled if colours else lambda text, _: text
    first, *more = str(entry.message).split("\n")
    script = f"{visible(entry.script_name)}  " if isinstance(entry, ScriptEntry) else ""
    level = paint(f"{visible(entry.level):<{_LEVEL_WIDTH}}", LEVEL_STYLES.get(entry.level, ""))
    head = (
        f"{paint(clock(entry.timestamp, utc=utc), 'dim')}  {script}{level}  "
        f"{visible(entry.step):<{_STEP_WIDTH}}  {visible(first)}"
    )
    rest = _fields(entry.meta)
    yield f"{head}  {paint(rest, 'dim')}" if rest else head
    for line in more:
        yield _INDENT + visible(line, keep="\t")
    for line in _block(entry.meta):
        yield paint(_INDENT + visible(line, keep="\t"), "dim")


def _fields(meta: Any) -> str:
    """Return meta as ``name=value`` words; what is long is a block of its own."""
    if not meta:
        return ""
    if not isinstance(meta, dict):
        return visible(to_json(meta))
    return " ".join(
        f"{visible(name)}={_word(value)}"
        for name, value in meta.items()
        if name not in _FOR_PROGRAMS and not _is_in_stack(name, value, meta)
    )


def _is_in_stack(name: str, value: Any, meta: dict[str, Any]) -> bool:
    # The last line of a traceback is "error_type: error".
    stack = meta.get("stack")
    return name in _TOLD_BY_STACK and isinstance(stack, str) and str(value) in stack


def _word(value: Any) -> str:
    if isinstance(value, str) and value and " " not in value and '"' not in value:
        return visible(value)
    return visible(to_json(value))


def _block(meta: Any) -> list[str]:
    if not isinstance(meta, dict):
        return []
    stacks = (meta.get(name) for name in _BLOCKS)
    return [line for stack in stacks if isinstance(stack, str) for line in stack.splitlines()]
