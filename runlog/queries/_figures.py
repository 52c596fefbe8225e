"""What the queries about many runs return: one frozen class for each kind of row.

Fields are the columns of the query, in its order. Durations are milliseconds, as in ``runs``. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog.queries._states import state_of

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStatistics:
    """The documented statistics of one script over a period."""

    script_name: str
    total_runs: int
    successful: int
    failed: int
    avg_duration_sec: Decimal | None
    total_records: int | None
    last_run: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptHealth:
    """How one script is doing: its last run, and its figures over a period.

    Attributes:
        runs: in the period, as are all figures after it.
        success_rate: of the runs that ended; None when none did.
        median_duration_ms: of successful runs, as is the 95th percentile: what is usual.
        usual_fetched: the median of successful runs.
        records_fetched: the sum of all runs, as are the other ``records_``.
        duration_ms: the sum of the runs that fetched anything; what throughput is over.
        last_success_at: of all time.
        read_at: the database's clock when this was read.
    """

    script_name: str
    last_run_id: UUID
    last_status: str
    last_outcome: str | None
    last_started_at: datetime
    last_duration_ms: int | None
    last_records_failed: int | None
    last_error_message: str | None
    last_heartbeat_at: datetime | None
    last_heartbeat_interval: float
    last_success_at: datetime | None
    runs: int
    successful: int
    failed: int
    success_rate: Decimal | None
    median_duration_ms: float | None
    p95_duration_ms: float | None
    usual_fetched: float | None
    records_fetched: int | None
    records_inserted: int | None
    records_updated: int | None
    records_failed: int | None
    calls_analyzed: int | None
    api_cost: Decimal | None
    duration_ms: int | None
    read_at: datetime

    @property
    def state(self) -> str:
        """How the last run stands, see ``Run.state``."""
        beat = self.last_heartbeat_at
        return state_of(
            self.last_status,
            outcome=self.last_outcome,
            silence=self.read_at - beat if beat else None,
            every=self.last_heartbeat_interval,
            records_failed=self.last_records_failed,
        )

    @property
    def records_per_second(self) -> float | None:
        """Records fetched a second, over the runs that fetched any."""
        if not self.records_fetched or not self.duration_ms:
            return None
        return self.records_fetched / (self.duration_ms / 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The runs that began on one day.

    Attributes:
        script_name: None when the day is over all scripts that were asked for.
    """

    day: date
    script_name: str | None
    runs: int
    successful: int
    failed: int
    median_duration_ms: float | None
    p95_duration_ms: float | None
    records_fetched: int | None
    records_inserted: int | None
    records_updated: int | None
    records_failed: int | None
    calls_analyzed: int | None
    api_cost: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Errors that differ in numbers and ids only.

    Attributes:
        fingerprint: the same for the same kind of error, over scripts and time.
        message: of the newest one, its beginning.
        errors: how many.
        runs: in how many runs.
        first_seen: in the period.
    """

    fingerprint: str
    error_type: str | None
    message: str
    errors: int
    runs: int
    scripts: list[str]
    steps: list[str]
    first_seen: datetime
    last_seen: datetime
    last_script: str
    last_run_id: UUID
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowStep:
    """One step of one script over its newest runs that ended in the period.

    Attributes:
        runs: how many of them had the step.
        share: of the time of those runs, from 0 to 1.
    """

    script_name: str
    step: str
    runs: int
    median_duration_ms: float
    p95_duration_ms: float
    max_duration_ms: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """How much one of the tables holds.

    Attributes:
        rows_estimated: what PostgreSQL believes since it last looked; None if it never did.
        oldest_at: of the oldest row.
    """

    table_name: str
    rows_estimated: int | None
    dead_rows: int | None
    total_bytes: int
    table_bytes: int
    index_bytes: int
    oldest_at: datetime | None
    newest_at: datetime | None
