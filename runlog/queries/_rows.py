"""What the queries about runs and entries return: one frozen class for each kind of row.

Fields are the columns of the query, in its order. Not here: figures over many runs (``_figures``).
Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlog.queries._states import state_of

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of ``runs`` as lists show it; the documented ten columns come first.

    Attributes:
        outcome: how it ended in detail, where runlog wrote it: ``finished``, ``failed``, ``died`` …
        heartbeat_at: the last sign of life; None for runs that other programs wrote.
        heartbeat_interval: seconds between two of its signs of life.
        progress: of a running run how far ``run.track`` is: an object with ``done``, ``total``,
            ``rate`` a second, ``eta_seconds`` and ``what``, as of its last sign of life.
        read_at: the database's clock when this was read.
    """

    id: UUID
    script_name: str
    status: str
    triggered_by: str | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    records_fetched: int | None
    records_inserted: int | None
    records_updated: int | None
    records_failed: int | None
    calls_analyzed: int | None
    api_cost: Decimal | None
    sync_mode: str | None
    batch_id: UUID | None
    error_message: str | None
    outcome: str | None
    heartbeat_at: datetime | None
    heartbeat_interval: float
    progress: Any = None
    read_at: datetime

    @property
    def state(self) -> str:
        """The status and what else is known: also ``crashed``, ``partial`` and ``lost?``."""
        return state_of(
            self.status,
            outcome=self.outcome,
            silence=self.read_at - self.heartbeat_at if self.heartbeat_at else None,
            every=self.heartbeat_interval,
            records_failed=self.records_failed,
        )

    @property
    def elapsed_ms(self) -> int | None:
        """The duration; of a running run the time since its start."""
        return elapsed_ms_of(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail(Run):
    """One row of ``runs`` with all its columns.

    Attributes:
        metadata: the column as it is; ``metadata["runlog"]`` is what runlog noted itself.
    """

    legacy_id: int
    sync_start_date: datetime | None
    sync_end_date: datetime | None
    metadata: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRun(Run):
    """A run that has not ended, and the last thing it said; all None when it said nothing yet."""

    host: str | None
    pid: str | None
    last_entry_at: datetime | None
    last_step: str | None
    last_message: str | None


def elapsed_ms_of(run: Run) -> int | None:
    """Return the duration in milliseconds; None when it is unknown."""
    if run.duration_ms is not None or run.started_at is None:
        return run.duration_ms
    end = run.finished_at
    if end is None and run.status == "running":
        # Nobody knows how long it went on after it was last heard of.
        end = run.heartbeat_at if run.state == "lost?" else run.read_at
    return int((end - run.started_at).total_seconds() * 1000) if end else None


def records_seen(row: Any) -> int:
    """Return of how many records of a row some failed: a script need not count what it fetches."""
    handled = (row.records_inserted, row.records_updated, row.records_failed)
    return max(row.records_fetched or 0, sum(count or 0 for count in handled))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of ``logs``.

    Attributes:
        timestamp: a moment that no ``datetime`` holds, such as infinity, as the nearest that does.
    """

    timestamp: datetime
    level: str
    step: str
    message: str
    meta: Any
    id: UUID
    run_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptEntry(Entry):
    """One row of ``logs`` and which script wrote it."""

    script_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentError:
    """An entry of level ERROR with its run; the documented five columns come first."""

    script_name: str
    started_at: datetime | None
    step: str
    message: str
    meta: Any
    timestamp: datetime
    id: UUID
    run_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of one run, in the order in which the steps began.

    Attributes:
        duration_ms: from each entry of the step until the next entry of the run, summed: a step
            lasts until another one says something.
    """

    step: str
    entries: int
    warnings: int
    errors: int
    first_at: datetime
    last_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSuccess:
    """The last success of a script; the documented three columns come first."""

    script_name: str
    finished_at: datetime
    sync_end_date: datetime | None
    id: UUID
    started_at: datetime | None
    sync_mode: str | None
