"""Putting dead letters back: into a spool of nobody's, which the next process delivers.

The letters leave their file when every one of them stands in the spool, not before; meanwhile who
appends to the file waits. An interruption leaves them in both places, which changes nothing: what
is delivered twice is stored once. For the command line.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog._spool import folders
from runlog._spool.dead_letters import NAME, entry_line, event_of
from runlog._spool.whole import alone, append_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OF_AN_EARLIER_VERSION = f"{NAME}.retrying"
_PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class PutBack:
    """How many letters are in the spool again, are no letters, are another database's."""

    letters: int
    unreadable: int
    elsewhere: int = 0


def put_back(database_folder: Path, database_id: str | None = None) -> PutBack:
    """Move the letters of ``database_folder`` into a new spool, for the next one to deliver.

    Args:
        database_folder: where the letters lie.
        database_id: of the database that will get them; what another one with this address has
            refused stays.

    Raises:
        OSError: the disk takes no spool, or another retry goes on; every letter is where it was.
    """
    letters = unreadable = elsewhere = 0
    # Processes that run go on appending; a retry of an earlier version may have left its own file.
    for name in (_OF_AN_EARLIER_VERSION, NAME):
        path = database_folder / name
        with contextlib.suppress(FileNotFoundError), alone(path):
            moved = _move(path, database_folder, database_id)
            letters, unreadable = letters + moved.letters, unreadable + moved.unreadable
            elsewhere += moved.elsewhere
    return PutBack(letters, unreadable, elsewhere)


def _move(path: Path, database_folder: Path, database_id: str | None) -> PutBack:
    folder, lock = folders.create(database_folder)
    try:
        moved, unreadable, elsewhere = _fill(folder, path, database_id)
        _leave_only(path, [*unreadable, *elsewhere])
    except BaseException:
        folders.remove(folder, lock)
        raise
    else:
        if not moved:
            folders.remove(folder, lock)
        return PutBack(moved, len(unreadable), len(elsewhere))
    finally:
        lock.close()


def _fill(
    folder: Path, path: Path, database_id: str | None
) -> tuple[int, list[bytes], list[bytes]]:
    moved, unreadable, elsewhere = 0, [], []
    pieces: dict[str, list[bytes]] = {}
    for line in _lines(path):
        if _is_of_another(line, database_id):
            elsewhere.append(line)
            continue
        found = _find_home(line)
        if found is None:
            unreadable.append(line)
            continue
        name, content = found
        pieces.setdefault(name, []).append(content)
        moved += 1
        if sum(map(len, pieces[name])) > _PIECE_BYTES:
            append_whole(folder / name, b"".join(pieces.pop(name)))
    for name, contents in pieces.items():
        append_whole(folder / name, b"".join(contents))
    return moved, unreadable, elsewhere


def _is_of_another(line: bytes, database_id: str | None) -> bool:
    import orjson

    with contextlib.suppress(ValueError, AttributeError):
        noted = orjson.loads(line).get("database")
        return noted is not None and noted != database_id
    return False


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield line


def _find_home(line: bytes) -> tuple[str, bytes] | None:
    import orjson

    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        letter = orjson.loads(line)
        if event := event_of(letter):
            if event.get("event") == "start":
                # Not this spool's process: its end must not be taken for the end of the run.
                event["is_owner"] = False
            return "runs-000001.jsonl", orjson.dumps(event) + b"\n"
        if row := entry_line(letter):
            return "logs-000001.copy", row.encode()
    return None


def _leave_only(path: Path, lines: list[bytes]) -> None:
    """Put a file with ``lines`` in the place of ``path``; whoever waits for it sees that."""
    if not lines:
        path.unlink()
        return
    rest = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.ExitStack() as undo:
        undo.callback(rest.unlink, missing_ok=True)
        append_whole(rest, b"".join(lines))
        rest.replace(path)
        undo.pop_all()
