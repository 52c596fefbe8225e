"""What lies in spool folders → the rows that it would have become.

For ``runlog.testing`` only. The lines are decoded as the shipper does it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from runlog._entry.copy_text import decode_lines
from runlog._spool.folders import list_folders
from runlog.queries._rows import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedRun:
    """One row of ``runs``: the documented columns, but for ``legacy_id``."""

    id: UUID
    script_name: str
    status: str
    triggered_by: str | None
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    error_message: str | None
    records_fetched: int | None
    records_inserted: int | None
    records_updated: int | None
    records_failed: int | None
    calls_analyzed: int | None
    api_cost: Decimal | None
    sync_mode: str | None
    sync_start_date: datetime | None
    sync_end_date: datetime | None
    batch_id: UUID | None
    metadata: dict[str, Any]

    @property
    def outcome(self) -> str | None:
        """How it ended in detail: ``finished``, ``exited``, ``failed`` …; None while it runs."""
        outcome: str | None = self.metadata.get("runlog", {}).get("outcome")
        return outcome


def read_entries(folder: Path) -> list[Entry]:
    """Return every entry in the spools below ``folder``, in their true order."""
    entries = []
    for lines in _files(folder, "logs-*.copy"):
        rows, _ = decode_lines(lines)
        entries += [_entry(*row) for row in rows]
    return sorted(entries, key=lambda entry: (entry.timestamp, entry.id))


def read_runs(folder: Path) -> list[CapturedRun]:
    """Return every run in the spools below ``folder``, in the order of their starts."""
    events = [
        json.loads(line) for lines in _files(folder, "runs-*.jsonl") for line in lines.splitlines()
    ]
    rows: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["event"] == "start":
            rows.setdefault(event["id"], {**_UNTOLD, **event, "status": "running"})
    for event in events:
        row = rows.get(event["id"])
        if event["event"] != "start" and row is not None and row["status"] == "running":
            row.update(event)
    return sorted((_run(row) for row in rows.values()), key=lambda run: (run.started_at, run.id))


def _files(folder: Path, pattern: str) -> Iterator[bytes]:
    """Yield the whole lines of each file; a living child may be writing the last one."""
    for process in list_folders(folder):
        for path in sorted(process.glob(pattern)):
            content = path.read_bytes()
            yield content[: content.rfind(b"\n") + 1]


def _entry(
    entry_id: str, run_id: str, timestamp: str, level: str, step: str, message: str, meta: str
) -> Entry:
    return Entry(
        id=UUID(entry_id),
        run_id=UUID(run_id),
        timestamp=datetime.fromisoformat(timestamp),
        level=level,
        step=step,
        message=message,
        meta=json.loads(meta),
    )


_COLUMNS = tuple(field.name for field in fields(CapturedRun))
_UNTOLD: dict[str, Any] = dict.fromkeys(_COLUMNS)
_TYPES: dict[str, Callable[[str], Any]] = {
    "id": UUID,
    "batch_id": UUID,
    "api_cost": Decimal,
    "metadata": json.loads,
    **dict.fromkeys(
        ("started_at", "finished_at", "sync_start_date", "sync_end_date"), datetime.fromisoformat
    ),
}


def _run(row: dict[str, Any]) -> CapturedRun:
    values = {name: row[name] for name in _COLUMNS}
    for name, typed in _TYPES.items():
        if values[name] is not None:
            values[name] = typed(values[name])
    return CapturedRun(**values)
