"""What a rule says of a script: bad, good, or nothing; and the rules without SQL of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Final

from runlog.alerts._declarations import EVERYTHING, MOST_MISSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from runlog.alerts._declarations import Rule
    from runlog.alerts._schedule import Due
    from runlog.alerts._standing import Standing

_SILENT_SCRIPTS: Final = 3
"""So many scripts of a source must be overdue before it is the source that is silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A rule's answer; where it knows nothing there is none.

    Attributes:
        holds: it is bad.
        occasion: what began it: never told twice.
        severity: of the rule, unless the answer names one.
        expires_at: when it is over by itself.
    """

    script_name: str
    rule: str
    subject: str
    holds: bool
    occasion: str
    severity: str
    began_at: datetime
    run_id: UUID | None = None
    details: dict[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None


def missed(
    standings: Iterable[Standing], rules: Iterable[Rule], now: datetime
) -> Iterator[Verdict]:
    """Return which scripts did not start when they were due; while one is alive it is unknown."""
    severities = {rule.script_name: rule.severity for rule in rules}
    for standing in standings:
        severity = severities.get(standing.script_name)
        due, newest = standing.due, standing.newest
        if severity is None or due is None or standing.is_paused:
            continue
        is_overdue = due.overdue_at < now
        if is_overdue and newest is not None and newest.is_alive:
            continue
        yield Verdict(
            script_name=standing.script_name,
            rule="missed",
            subject="",
            holds=is_overdue,
            occasion=due.at.isoformat(),
            severity=severity,
            began_at=due.at,
            run_id=newest.run_id if newest else None,
            details={
                "due_at": due.at,
                "overdue_at": due.overdue_at,
                "schedule": standing.kept()["schedule"],
                "last_started_at": newest.started_at if newest else None,
                "source": newest.source if newest else None,
                **({"missed": _count_missed(standing, due, now)} if is_overdue else {}),
            },
        )


def _count_missed(standing: Standing, due: Due, now: datetime) -> int:
    """Return how many due times are overdue, the first included; so many at most."""
    schedule, allowed = standing.expectation.schedule, due.overdue_at - due.at
    following = schedule.upcoming(due.at) if schedule else ()
    overdue = takewhile(lambda at: at + allowed < now, following)
    return 1 + sum(1 for _ in islice(overdue, MOST_MISSED - 1))


def silence(standings: Iterable[Standing], now: datetime) -> Iterator[Verdict]:
    """Return from which host or repository nothing is heard, with the scripts that are overdue."""
    sources: dict[str, list[Standing]] = {}
    for standing in standings:
        newest = standing.newest
        if newest and newest.source and standing.due and not standing.is_paused:
            sources.setdefault(newest.source, []).append(standing)
    for source, scripts in sources.items():
        overdue = [each for each in scripts if each.due and each.due.overdue_at < now]
        life_at = max(each.newest.life_at for each in scripts if each.newest)
        first_due = min((each.due.at for each in overdue if each.due), default=now)
        yield Verdict(
            script_name=EVERYTHING,
            rule="silence",
            subject=source,
            holds=len(overdue) >= _SILENT_SCRIPTS and life_at < first_due,
            occasion=life_at.astimezone(UTC).isoformat(),
            severity="error",
            began_at=life_at,
            details={
                "overdue": len(overdue),
                "scripts": len(scripts),
                "last_heard_at": life_at,
                "names": [each.script_name for each in overdue],
            },
        )
