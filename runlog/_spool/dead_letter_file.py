"""What is known of a database's dead letters without putting them back: for people who ask.

Apart from how letters are written (``dead_letters``), which every run imports. Runs on the caller's
thread.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog._spool.dead_letters import NAME

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFile:
    """The refused entries of one database, and why the last one was refused."""

    database: str
    path: str
    letters: int
    bytes: int
    last_at: str
    last_sqlstate: str
    last_reason: str


def find_dead_letters(database_folder: Path) -> DeadLetterFile | None:
    """Return what is known of the database's dead letters; None when there are none."""
    import orjson

    path = database_folder / NAME
    try:
        content = path.read_bytes()
    except OSError:
        return None
    lines = [line for line in content.split(b"\n") if line]
    if not lines:
        return None
    last: dict[str, object] = {}
    with suppress(orjson.JSONDecodeError):
        parsed = orjson.loads(lines[-1])
        last = parsed if isinstance(parsed, dict) else {}
    return DeadLetterFile(
        database=database_folder.name,
        path=str(path),
        letters=len(lines),
        bytes=len(content),
        last_at=str(last.get("at") or ""),
        last_sqlstate=str(last.get("sqlstate") or ""),
        last_reason=str(last.get("reason") or "").partition("\n")[0],
    )
