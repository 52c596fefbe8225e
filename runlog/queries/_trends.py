"""Questions about how things develop: the newest runs side by side, spans, hours, durations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runlog._database.reading import Source, fetch
from runlog.queries import _parameters as parameters
from runlog.queries._rows import elapsed_ms_of
from runlog.queries._states import state_of

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from runlog.queries._parameters import Since

_DAY = timedelta(days=1)
_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentRun:
    """One run as a bar shows it."""

    script_name: str
    id: UUID
    status: str
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    records_fetched: int | None
    records_failed: int | None
    outcome: str | None
    heartbeat_at: datetime | None
    heartbeat_interval: float
    read_at: datetime

    @property
    def state(self) -> str:
        """How the run stands, see ``Run.state``."""
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
        return elapsed_ms_of(self)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What came together in one span of time.

    Attributes:
        span: how many spans back; 0 is the one that ends now.
    """

    span: int
    runs: int
    successful: int
    failed: int
    records_fetched: int | None
    records_inserted: int | None
    records_updated: int | None
    records_failed: int | None
    calls_analyzed: int | None
    api_cost: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfWeek:
    """How many runs began in one hour of one day of the week; 1 is Monday."""

    day: int
    hour: int
    runs: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowingScript:
    """A script's median duration in the newer half of a period against the older half.

    Attributes:
        growth: 1.0 is as before, 2.0 twice as long.
    """

    script_name: str
    runs: int
    earlier_ms: float
    lately_ms: float
    growth: float | None


def recent_runs(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    each: int = 30,
) -> list[RecentRun]:
    """Return the newest runs of each script, so many of each, newest first."""
    matching = parameters.matching("script", script)
    return fetch(source, schema, "recent_runs", RecentRun, each=each, **matching)


def totals(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    span: timedelta = _DAY,
    spans: int = 8,
) -> list[Total]:
    """Return sums over the last spans of time, the newest first; empty spans are left out."""
    matching = parameters.matching("script", script)
    return fetch(source, schema, "totals", Total, span=span, spans=spans, **matching)


def hours_of_week(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    since: Since = _MONTH,
    timezone: str = "UTC",
) -> list[HourOfWeek]:
    """Return in which hours of the week runs begin; hours without runs are left out."""
    return fetch(
        source,
        schema,
        "hours_of_week",
        HourOfWeek,
        timezone=timezone,
        **parameters.matching("script", script),
        **parameters.beginning(since),
    )


def slowing_scripts(
    source: Source = None,
    *,
    schema: str | None = None,
    period: timedelta = _MONTH,
    limit: int = 10,
) -> list[SlowingScript]:
    """Return the scripts whose durations grew most over the period, halves compared."""
    return fetch(source, schema, "slowing_scripts", SlowingScript, period=period, limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCount:
    """How many runs stand in one way; ``state`` is the word for it."""

    status: str
    outcome: str | None
    has_failures: bool
    is_silent: bool
    runs: int

    @property
    def state(self) -> str:
        """How they stand, see ``Run.state``."""
        return state_of(
            self.status,
            outcome=self.outcome,
            silence=timedelta.max if self.is_silent else None,
            every=0.0,
            records_failed=int(self.has_failures),
        )


def count_runs(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    triggered_by: str | None = None,
    host: str | None = None,
    text: str | None = None,
    sync_mode: str | None = None,
    batch_id: UUID | None = None,
    since: Since | None = None,
    until: datetime | None = None,
) -> list[RunCount]:
    """Return how many runs stand how; the arguments are those of ``last_runs``."""
    return fetch(
        source,
        schema,
        "count_runs",
        RunCount,
        triggered_by=triggered_by,
        host=host,
        sync_mode=sync_mode,
        batch_id=batch_id,
        **parameters.containing(text),
        **parameters.matching("script", script),
        **parameters.beginning(since, until),
    )
