"""Questions about errors by kind: on which days, where, and which one ended a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runlog._database.reading import Source, fetch
from runlog.queries import _parameters as parameters

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from runlog.queries._parameters import Since
    from runlog.queries._rows import Run

_TWO_WEEKS = timedelta(days=14)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDay:
    """How often one kind of error happened on one day."""

    fingerprint: str
    day: date
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """One error of a kind.

    Attributes:
        id: its entry; None where a run failed without one.
    """

    timestamp: datetime
    script_name: str
    step: str
    message: str
    meta: Any
    id: UUID | None
    run_id: UUID
    error_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorKind:
    """The kind of a run's last error.

    Attributes:
        runs: how many runs of the script had it in the period, this one included.
    """

    fingerprint: str
    runs: int


def error_days(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    since: Since = _TWO_WEEKS,
    timezone: str = "UTC",
) -> list[ErrorDay]:
    """Return how often each kind of error happened on each day; days without it are left out."""
    return fetch(
        source,
        schema,
        "error_days",
        ErrorDay,
        timezone=timezone,
        **parameters.matching("script", script),
        **parameters.beginning(since),
    )


def errors_of_kind(
    source: Source = None,
    *,
    fingerprint: str,
    schema: str | None = None,
    script: str | None = None,
    since: Since = _TWO_WEEKS,
    limit: int = 100,
) -> list[ErrorEntry]:
    """Return the errors of one kind, newest first; ``fingerprint`` is that of ``error_groups``."""
    return fetch(
        source,
        schema,
        "errors_of_kind",
        ErrorEntry,
        fingerprint=fingerprint,
        limit=limit,
        **parameters.matching("script", script),
        **parameters.beginning(since),
    )


def error_kind_of_run(
    source: Source = None, *, run: Run, schema: str | None = None, since: Since = _WEEK
) -> ErrorKind | None:
    """Return the kind of a run's last error; None when it had none in the period."""
    found = fetch(
        source,
        schema,
        "error_kind_of_run",
        ErrorKind,
        run_id=run.id,
        **parameters.matching("script", parameters.Exactly(run.script_name)),
        **parameters.beginning(since),
    )
    return next(iter(found), None)
