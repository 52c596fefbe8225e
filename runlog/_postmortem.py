"""What a dead process left to tell: its unfinished runs, and the last entry of each.

Reads an orphaned spool before it is delivered; pure but for reading files.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ._copy_text import decode_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._backlog import Source

_TAIL_BYTES = 2**18
_MESSAGE_MAX = 200


class Death(NamedTuple):
    """A run whose process ended without a word."""

    run_id: str
    last_timestamp: str | None
    last_step: str | None
    last_message: str | None

    def describe(self, last_alive: str) -> str:
        """Return the run's ``error_message``."""
        text = f"the process died without ending the run; last alive {last_alive} UTC"
        if self.last_step is None:
            return text
        return f"{text}, last entry [{self.last_step}] {(self.last_message or '')[:_MESSAGE_MAX]}"


def examine(entries: Source, events: Source) -> list[Death]:
    """Return the runs that this spool's process started, owned and never finished."""
    open_ids: dict[str, None] = {}
    for event in _events(events):
        run_id = event.get("id")
        if not isinstance(run_id, str):
            continue
        if event.get("event") == "start" and event.get("is_owner", True):
            open_ids[run_id] = None
        elif event.get("event") == "finish":
            open_ids.pop(run_id, None)
    last = _last_entries(entries) if open_ids else {}
    return [
        Death(
            run_id, *(last[run_id][2], *last[run_id][4:6]) if run_id in last else (None, None, None)
        )
        for run_id in open_ids
    ]


def _events(source: Source) -> Iterator[dict[str, Any]]:
    import orjson

    for number in range(source.first(), source.last() + 1):
        for line in _content(source, number).split(b"\n"):
            try:
                event = orjson.loads(line) if line else None
            except orjson.JSONDecodeError:
                continue
            if isinstance(event, dict):
                yield event


def _content(source: Source, number: int, tail: int | None = None) -> bytes:
    fd = source.fd(number)
    if fd is None:
        return b""
    size = os.fstat(fd).st_size
    start = max(0, size - tail) if tail is not None else 0
    return os.pread(fd, size - start, start)


def _last_entries(source: Source) -> dict[str, list[str]]:
    last: dict[str, list[str]] = {}
    for number in range(max(source.first(), source.last() - 1), source.last() + 1):
        content = _content(source, number, _TAIL_BYTES)
        rows, _ = decode_lines(content[: content.rfind(b"\n") + 1])
        last |= {row[1]: row for row in rows}
    return last
