"""The first page: is anything wrong now?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from runlog import queries
from runlog.dashboard import _words as words
from runlog.dashboard._attention import (
    Concern,
    find_concern,
    find_lateness,
    rank_of,
    worst_of,
)
from runlog.dashboard._site import STATES, csv_answer, format_of, json_answer, page, site_of
from runlog.dashboard._watching import find_dues
from runlog.queries._rows import records_seen

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from runlog.alerts import ScriptDue
    from runlog.queries import RecentRun, RunningRun, ScriptHealth, Total

_MONTH = timedelta(days=30)
_BARS = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One script of the table; its newest runs are in order of time."""

    health: ScriptHealth
    recent: list[RecentRun]
    concern: Concern | None

    @property
    def last_fetched(self) -> int | None:
        """What the newest run that has ended fetched."""
        ended = (run for run in reversed(self.recent) if run.status != "running")
        return next((run.records_fetched for run in ended), None)

    @property
    def running_ms(self) -> int | None:
        """For how long the newest run has been going on."""
        return self.recent[-1].elapsed_ms if self.recent else None


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the last 24 hours, with what it is to be compared with."""

    label: str
    value: str
    note: str


def overview(request: Request) -> Response:
    """Answer ``/`` and its twins."""
    with site_of(request).database.page() as connection:
        health = queries.script_health(connection, since=_MONTH)
        recent = queries.recent_runs(connection, each=_BARS)
        totals = queries.totals(connection, spans=8)
        running = queries.running_now(connection)
        dues = find_dues(connection, site_of(request).database.schema)
    newest = {name: list(runs) for name, runs in groupby(recent, lambda run: run.script_name)}
    scripts = [_row(it, newest.get(it.script_name, []), dues.get(it.script_name)) for it in health]
    scripts.sort(key=lambda row: rank_of(row.concern))
    concerns = [row.concern for row in scripts if row.concern]
    figures = _figures(totals, running, health)
    if format_of(request) == "json":
        return json_answer({"concerns": concerns, "figures": figures, "scripts": health})
    if format_of(request) == "csv":
        columns = list(queries.ScriptHealth.__dataclass_fields__)
        return csv_answer("scripts", columns, health)
    return page(
        request,
        "overview.html",
        now=health[0].read_at if health else None,
        active="overview",
        icon="attention" if concerns else "fine",
        scripts=scripts,
        concerns=concerns,
        figures=figures,
    )


def _row(health: ScriptHealth, recent: list[RecentRun], due: ScriptDue | None) -> Row:
    concern = worst_of(find_concern(health, recent, STATES), find_lateness(health, due))
    return Row(health, recent[::-1], concern)


def _figures(
    totals: list[Total], running: list[RunningRun], health: list[ScriptHealth]
) -> list[Figure]:
    today = next((total for total in totals if total.span == 0), None)
    before = next((total for total in totals if total.span == 1), None)
    runs = today.runs if today else 0
    ended = today.successful + today.failed if today else 0
    month_good, month_all = _month(health)
    fetched = (today.records_fetched if today else None) or 0
    failed = (today.records_failed if today else None) or 0
    seen = records_seen(today) if today else 0
    week = [total for total in totals if total.span > 0]
    # A database of two days has no week to be compared with.
    days = max((total.span for total in week), default=0)
    mean = sum(total.records_fetched or 0 for total in week) / days if days else None
    alive = [run for run in running if run.state == "running"]
    longest = max((run.elapsed_ms or 0 for run in alive), default=0)
    told = f"longest {words.duration(longest)}" if alive else "nothing runs"
    silent = len(running) - len(alive)
    return [
        Figure(
            "Runs, 24 h",
            words.number(runs),
            f"{words.number(before.runs if before else 0)} the day before",
        ),
        Figure(
            "Succeeded, 24 h",
            words.share(today.successful / ended if today and ended else None),
            f"30 days: {words.share(month_good / month_all if month_all else None)}",
        ),
        Figure(
            "Running now",
            words.number(len(alive)),
            told + (f"; {words.number(silent)} silent" if silent else ""),
        ),
        Figure(
            "Records fetched, 24 h",
            words.number(fetched),
            f"{words.change(fetched, mean)} on the {days}-day mean"
            if mean
            else "nothing to compare with",
        ),
        Figure(
            "Records failed, 24 h",
            words.number(failed),
            f"{words.share(failed / seen)} of {words.number(seen)}" if seen else "of none",
        ),
    ]


def _month(health: list[ScriptHealth]) -> tuple[int, int]:
    good = sum(script.successful for script in health)
    return good, good + sum(script.failed for script in health)
