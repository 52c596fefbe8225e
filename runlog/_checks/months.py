"""The months of a partitioned ``logs``: some are there for what comes, and none is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runlog._checks.asking import rows
from runlog._checks.finding import Finding
from runlog._database import statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from runlog._database.driver import Connection

_SOON = timedelta(days=14)
_MAKE = 'run "runlog migrate", as the owner of the tables; it makes this month and the next three'


def examine_months(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    """Return how the partitions of ``logs`` stand, where runlog makes them."""
    if not any(has_months for (has_months,) in rows(connection, "has_months", schema)):
        return
    [(at, end_id, stray_id)] = rows(connection, "months", schema)
    if stray_id is not None:
        yield _missing(_moment_of(stray_id), at, schema)
    elif end_id is not None:
        end = _moment_of(end_id)
        is_soon = end - at < _SOON
        yield Finding(
            check="months",
            state="warning" if is_soon else "ok",
            found=f"the last partition of logs ends with {end - timedelta(days=1):%Y-%m-%d}",
            remedy=_MAKE if is_soon else "",
        )


def _missing(stray: datetime, at: datetime, schema: str) -> Finding:
    first = stray.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = (first + timedelta(days=31)).replace(day=1)
    place = statements.identifier(schema, setting="schema")
    by_hand = f"call {place}.runlog_add_partition('{first:%Y-%m-%d}+00', '{after:%Y-%m-%d}+00')"
    return Finding(
        check="months",
        state="warning",
        found=f"entries of {stray:%Y-%m} lie in the default partition; the month has none",
        remedy=f"as the owner of the tables: {by_hand}" if after <= at else _MAKE,
    )


def _moment_of(uuid7: UUID) -> datetime:
    # The first 48 bits are milliseconds: https://www.rfc-editor.org/rfc/rfc9562
    return datetime.fromtimestamp((uuid7.int >> 80) / 1000, UTC)
