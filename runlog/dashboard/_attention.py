"""What needs attention: of each script, what is wrong with how it runs now, worst first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from runlog._readable import plural
from runlog.dashboard import _words as words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from runlog.alerts import ScriptDue
    from runlog.queries import RecentRun, ScriptHealth

_BAD: Final = {"crashed": 0, "lost?": 1, "error": 2, "failed": 2, "partial": 3}
_MISSED, _LATE, _SLOW, _FEW, _FINE = 2, 6, 4, 5, 9
# A run is unusually long when it takes this many times what 95 of 100 take, and a minute more.
_TIMES_LONGER, _LONGER_MS = 2, 60_000
# Fewer records than this share of what is usual are unusual, where more than a few are usual.
_FEW_SHARE, _FEW_OF = 0.5, 20
# Of fewer successes nobody knows what is usual.
_USUAL_OF = 5


@dataclass(frozen=True, slots=True)
class Concern:
    """What is wrong with one script.

    Attributes:
        rank: lower is worse.
        kind: which icon and colour.
        word: the state, or what is unusual.
        cause: why, in a line.
        at: when its run began, or should have.
        is_text: whether the cause is the script's own text.
        note: how long it has been so, or nothing.
    """

    rank: int
    script_name: str
    kind: str
    word: str
    cause: str
    run_id: UUID
    at: datetime
    is_text: bool = False
    note: str = ""


def find_concern(
    health: ScriptHealth, recent: Sequence[RecentRun], kind_of: dict[str, str]
) -> Concern | None:
    """Return what is wrong with a script, given its newest runs, newest first; None if nothing."""
    # A new run that has not ended says nothing yet: the one before it counts.
    judged = next((run for run in recent if run.state != "running"), None)
    if judged is not None and judged.state in _BAD:
        return _bad(health, recent, judged, kind_of)
    newest = recent[0] if recent else None
    if newest is None:
        return None
    return _slow(health, newest) or (_few(health, judged) if judged is not None else None)


def _bad(
    health: ScriptHealth, recent: Sequence[RecentRun], run: RecentRun, kind_of: dict[str, str]
) -> Concern:
    ended = [other for other in recent if other.state != "running"]
    in_row = len(list(takewhile(lambda other: other.state == run.state, ended)))
    if run.state == "partial":
        # It need not count what it fetches.
        is_part = (run.records_fetched or 0) >= (run.records_failed or 0)
        of = f" of {words.number(run.records_fetched)}" if is_part else ""
        cause, is_text = f"{words.number(run.records_failed)}{of} records failed", False
    elif run.state == "lost?":
        silence = words.span_ms(run.heartbeat_at, run.read_at) or 0
        cause, is_text = f"no sign of life for {words.span_words(silence)}", False
    elif health.last_run_id == run.id and health.last_error_message:
        cause, is_text = words.first_line(health.last_error_message), True
    else:
        cause, is_text = f"the run of {words.duration(run.elapsed_ms)} ended like this", False
    more = "+" if in_row == len(ended) and in_row > 1 else ""
    return Concern(
        rank=_BAD[run.state],
        script_name=health.script_name,
        kind=kind_of.get(run.state, "other"),
        word=run.state,
        cause=cause,
        is_text=is_text,
        note=f"{in_row}{more} times in a row" if in_row > 1 else "",
        run_id=run.id,
        at=run.started_at,
    )


def _slow(health: ScriptHealth, run: RecentRun) -> Concern | None:
    usual, took = health.p95_duration_ms, run.elapsed_ms
    if run.state != "running" or usual is None or took is None or health.successful < _USUAL_OF:
        return None
    if took < _TIMES_LONGER * usual or took < usual + _LONGER_MS:
        return None
    return Concern(
        rank=_SLOW,
        script_name=health.script_name,
        kind="slow",
        word="unusually long",
        cause=f"running for {words.duration(took)}, usually {words.duration(usual)}",
        run_id=run.id,
        at=run.started_at,
    )


def _few(health: ScriptHealth, run: RecentRun) -> Concern | None:
    usual, fetched = health.usual_fetched, run.records_fetched
    if health.successful < _USUAL_OF:
        return None
    if usual is None or fetched is None or usual < _FEW_OF or fetched >= usual * _FEW_SHARE:
        return None
    return Concern(
        rank=_FEW,
        script_name=health.script_name,
        kind="few",
        word="unusually few",
        cause=f"{plural(fetched, 'record')}, usually {words.number(usual)}",
        run_id=run.id,
        at=run.started_at,
    )


def find_lateness(health: ScriptHealth, due: ScriptDue | None) -> Concern | None:
    """Return that a script did not start when it was due, by what watchers found out."""
    now = health.read_at
    # While one of its runs goes on, nobody knows whether the next is late.
    if due is None or due.next_due_at is None or not due.is_late or health.last_status == "running":
        return None
    is_missed = due.is_overdue
    late = words.span_words(words.span_ms(due.next_due_at, now) or 0)
    return Concern(
        rank=_MISSED if is_missed else _LATE,
        script_name=health.script_name,
        kind="missed" if is_missed else "late",
        word="missed" if is_missed else "late",
        cause=f"was due {late} ago: {due.schedule}",
        run_id=health.last_run_id,
        at=due.next_due_at,
    )


def worst_of(*concerns: Concern | None) -> Concern | None:
    """Return the worst of what is wrong; None if nothing is."""
    return min((each for each in concerns if each), key=lambda each: each.rank, default=None)


def rank_of(concern: Concern | None) -> int:
    """Return where a script stands in the table: lower is worse."""
    return concern.rank if concern else _FINE
