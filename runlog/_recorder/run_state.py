"""One run's state: what becomes the columns of its row in ``runs``, and the events that carry it.

Nothing here writes: ``_recorder`` appends the events to the spool. Counts may be added from any
thread.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

INTEGER_MAX = 2**31 - 1
COUNTS = ("fetched", "inserted", "updated", "failed")
_RECORDS = tuple(f"records_{name}" for name in COUNTS)


class RunState:
    """The columns of a run; attributes that stay None are stored as null."""

    def __init__(self, run_id: str, script_name: str) -> None:
        self.id_text = run_id
        self.script_name = script_name
        self.pid = os.getpid()
        self.started_at = datetime.now(UTC)
        self._started_clock = time.perf_counter()
        # Re-entrant: a signal handler may count in the middle of a count.
        self._lock = threading.RLock()
        self.batch_id: UUID | None = None
        self.triggered_by: str | None = "manual"
        self.records_fetched: int | None = None
        self.records_inserted: int | None = None
        self.records_updated: int | None = None
        self.records_failed: int | None = None
        self.calls_analyzed: int | None = None
        self.api_cost: Decimal | None = None
        self.sync_mode: str | None = None
        self.sync_start_date: datetime | None = None
        self.sync_end_date: datetime | None = None
        self.metadata: dict[str, Any] = {}
        self.about: dict[str, Any] = {}
        """What becomes ``metadata.runlog``."""
        self._last_progress: dict[str, Any] | None = None

    def renew_lock(self) -> None:
        """Replace the lock in a forked child: its holder may be a thread that is not there."""
        self._lock = threading.RLock()

    @property
    def is_own(self) -> bool:
        """Tell whether this process started the run (a forked child did not)."""
        return self.pid == os.getpid()

    def add(self, name: str, amount: float | Decimal) -> None:
        """Add ``amount`` to the attribute ``name``."""
        with self._lock:
            before = getattr(self, name)
            if name == "api_cost":
                # Through str: Decimal(0.1) would store fifty digits.
                setattr(self, name, (before or Decimal(0)) + Decimal(str(amount)))
            else:
                setattr(self, name, (before or 0) + int(amount))

    def duration_ms(self) -> int:
        """Return milliseconds since the start, by a clock that never jumps."""
        milliseconds = int((time.perf_counter() - self._started_clock) * 1000)
        return max(0, min(milliseconds, INTEGER_MAX))

    def counts(self) -> dict[str, Any]:
        """Return the counts that were set, by column."""
        named = {name: getattr(self, name) for name in (*_RECORDS, "calls_analyzed", "api_cost")}
        return {name: value for name, value in named.items() if value is not None}

    def start_event(self, to_json: Callable[[Any], str]) -> dict[str, Any]:
        """Return the event that inserts the row."""
        return {
            "event": "start",
            "is_owner": self.is_own,
            "script_name": self.script_name,
            "started_at": self.started_at.isoformat(),
            **self._columns(to_json),
        }

    def progress_event(self, to_json: Callable[[Any], str]) -> dict[str, Any] | None:
        """Return the event that updates the row while running; None when nothing has changed."""
        columns = self._columns(to_json)
        if columns == self._last_progress:
            return None
        self._last_progress = columns
        return {"event": "update", **columns}

    def finish_event(
        self, status: str, error_message: str | None, to_json: Callable[[Any], str]
    ) -> dict[str, Any]:
        """Return the event that gives the row its final state."""
        return {
            "event": "finish",
            "status": status,
            "error_message": error_message,
            # The clock may have been set back meanwhile.
            "finished_at": max(datetime.now(UTC), self.started_at).isoformat(),
            "duration_ms": self.duration_ms(),
            **self._columns(to_json),
        }

    def _columns(self, to_json: Callable[[Any], str]) -> dict[str, Any]:
        with self._lock:
            metadata = {**self.metadata, "runlog": self.about}
            return {
                "id": self.id_text,
                "batch_id": str(self.batch_id) if self.batch_id else None,
                "triggered_by": _text(self.triggered_by),
                **{name: _integer(getattr(self, name)) for name in (*_RECORDS, "calls_analyzed")},
                "api_cost": _number(self.api_cost),
                "sync_mode": _text(self.sync_mode),
                "sync_start_date": _moment(self.sync_start_date),
                "sync_end_date": _moment(self.sync_end_date),
                "metadata": to_json(metadata),
            }


def _integer(value: Any) -> int | None:
    """Return ``value`` as the column takes it: too large becomes the largest, never an error."""
    try:
        return None if value is None else max(-INTEGER_MAX, min(int(value), INTEGER_MAX))
    except (TypeError, ValueError, OverflowError):
        return None


def _number(value: Any) -> str | None:
    try:
        number = Decimal(str(value))
    except (ArithmeticError, ValueError):
        return None
    return str(number) if number.is_finite() else None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value).replace("\0", "\\x00")
    return text.encode("utf-8", "backslashreplace").decode()


def _moment(value: Any) -> str | None:
    """Return ISO 8601 with an offset; a moment without a zone is taken as local time."""
    try:
        return None if value is None else value.astimezone(UTC).isoformat()
    except (AttributeError, OverflowError, ValueError, OSError):
        return None
