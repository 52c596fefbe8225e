"""How each script stands at one moment: its newest run, what is expected, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runlog.alerts import _statements as statements
from runlog.alerts._declarations import Expectation, expectation_of
from runlog.alerts._schedule import Due
from runlog.alerts._wording import span_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from runlog._database.driver import Connection
    from runlog.alerts._config import Config

AFTER_BLINDNESS: Final = timedelta(minutes=10)
"""So long after an outage spools of other machines may take to be delivered."""


NOBODY_AFTER: Final = timedelta(hours=1)
"""After so long without a look nobody watches, whatever watchers mean to do."""


class Blindness(NamedTuple):
    """A span in which a watcher could not reach the database."""

    since: datetime
    until: datetime


class Company(NamedTuple):
    """Who else has looked lately.

    Attributes:
        has_others: their guesses, such as the time zone of their host, are as good.
        is_guest: they go by a file and this one by none: what they know holds.
    """

    has_others: bool = False
    is_guest: bool = False


ALONE: Final = Company()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestRun:
    """What the tables say of a script."""

    script_name: str
    run_id: UUID
    started_at: datetime
    finished_at: datetime | None
    source: str | None
    is_github: bool
    life_at: datetime
    expects: Any
    declared_at: datetime | None
    is_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What watchers keep of a script."""

    script_name: str
    schedule: str | None
    timezone: str
    declared_at: datetime
    next_due_at: datetime | None
    overdue_at: datetime | None
    paused_until: datetime | None
    retired_at: datetime | None

    @property
    def due(self) -> Due | None:
        """When it is due by what they found out."""
        known = self.next_due_at, self.overdue_at
        return None if known[0] is None or known[1] is None else Due(known[0], known[1])

    def is_paused(self, now: datetime) -> bool:
        """Tell whether nothing is expected of it at this moment."""
        return self.paused_until is not None and self.paused_until > now


@dataclass(frozen=True, slots=True)
class Standing:
    """A script at this moment.

    Attributes:
        newest: None for one that never ran.
        due: None without a schedule, or with one that never comes.
        is_new: what is kept of it has changed.
    """

    expectation: Expectation
    newest: NewestRun | None
    declared_at: datetime
    due: Due | None
    is_paused: bool
    is_new: bool

    @property
    def script_name(self) -> str:
        """The script."""
        return self.expectation.script_name

    def kept(self) -> dict[str, Any]:
        """Return the row of ``runlog_scripts``."""
        schedule = self.expectation.schedule
        return {
            "script_name": self.script_name,
            "schedule": schedule and schedule.text,
            "timezone": self.expectation.timezone,
            "declared_at": self.declared_at,
            "next_due_at": self.due and self.due.at,
            "overdue_at": self.due and self.due.overdue_at,
        }


def list_standings(
    newest: Iterable[NewestRun],
    known: Iterable[Expected] | None,
    config: Config,
    now: datetime,
    blind: Iterable[Blindness] = (),
    company: Company = ALONE,
) -> list[Standing]:
    """Return how the scripts stand that ran or that the file names.

    Args:
        newest: the newest run of each script.
        known: what watchers keep; None: nobody remembers when a schedule was declared, so that it
            counts from the newest start.
        config: the file.
        now: the moment.
        blind: outages.
        company: who else looks.
    """
    runs = {run.script_name: run for run in newest}
    kept = {row.script_name: row for row in known or ()}
    named = {name for name in config.scripts if not set("*?") & set(name)}
    judge = _Judge(config, now, tuple(blind), company, has_memory=known is not None)
    return [
        judge.standing(name, runs.get(name), kept.get(name))
        for name in sorted(runs.keys() | named)
        if not (name in kept and kept[name].retired_at)
    ]


class _Judge:
    def __init__(
        self,
        config: Config,
        now: datetime,
        blind: tuple[Blindness, ...],
        company: Company,
        *,
        has_memory: bool,
    ) -> None:
        self._company = company
        self._has_memory = has_memory
        self._config = config
        self._now = now
        self._blind = blind

    def standing(self, name: str, newest: NewestRun | None, kept: Expected | None) -> Standing:
        expectation = expectation_of(
            name,
            newest.expects if newest else None,
            self._config,
            is_github=newest is not None and newest.is_github,
            timezone=kept.timezone if kept and kept.schedule and self._company.has_others else None,
        )
        is_paused = kept is not None and kept.is_paused(self._now)
        if kept is not None and self._company.is_guest:
            return Standing(
                expectation, newest, kept.declared_at, kept.due, is_paused, is_new=False
            )
        schedule = expectation.schedule
        declared_at = self._declared_at(expectation, newest, kept)
        started_at = newest.started_at if newest else None
        ended_at = newest.finished_at if newest else None
        due = schedule and schedule.next_due(declared_at, started_at, ended_at)
        if schedule and due is None:
            expectation = expectation.with_fault(f"schedule={schedule.text!r} never comes")
        standing = Standing(
            expectation,
            newest,
            declared_at,
            due and self._forgiven(due),
            is_paused=is_paused,
            is_new=kept is None,
        )
        is_same = kept is not None and all(
            getattr(kept, key) == value for key, value in standing.kept().items()
        )
        return standing if is_same == (not standing.is_new) else _changed(standing)

    def _declared_at(
        self, expectation: Expectation, newest: NewestRun | None, kept: Expected | None
    ) -> datetime:
        """Return since when the schedule holds; another schedule voids the old promise."""
        if not self._has_memory:
            return newest.started_at if newest else self._now
        schedule = expectation.schedule
        text = schedule and schedule.text
        is_known = (
            kept is not None
            and kept.schedule == text
            and (text is None or kept.timezone == expectation.timezone)
        )
        if kept is not None and is_known:
            return kept.declared_at
        told = newest.declared_at if newest else None
        if kept is None and told and expectation.origins.get("schedule") == "code":
            return told
        return self._now

    def _forgiven(self, due: Due) -> Due:
        """Give time to what was due while the database was away."""
        overdue_at = due.overdue_at
        for span in self._blind:
            if span.since <= due.overdue_at and due.at <= span.until:
                overdue_at = max(overdue_at, span.until + AFTER_BLINDNESS)
        return due._replace(overdue_at=overdue_at)


def _changed(standing: Standing) -> Standing:
    from dataclasses import replace

    return replace(standing, is_new=True)


def fetch_newest(connection: Connection[Any], schema: str, now: datetime) -> list[NewestRun]:
    """Return the newest run of each script."""
    return statements.fetch(connection, schema, "scripts", NewestRun, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    script_name: str
    started_at: datetime
    host: str | None


def list_faults(
    connection: Connection[Any],
    schema: str,
    standings: Iterable[Standing],
    now: datetime,
    script: str | None = None,
) -> tuple[str, ...]:
    """Return what cannot be judged: declarations nobody understands, runs of clocks ahead."""
    faults = [
        f"{each.script_name}: {said}" for each in standings for said in each.expectation.faults
    ]
    for row in statements.fetch(connection, schema, "ahead", _Ahead, now=now):
        if script is not None and not fnmatchcase(row.script_name, script):
            continue
        late = span_of(row.started_at - now)
        faults.append(
            f"{row.script_name}: a run began {late} in the future, so the clock of "
            f"{row.host or 'its machine'} is ahead; it is not judged before that"
        )
    return tuple(faults)
