"""The columns in which runs are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._process.visible import visible
from runlog._readable import duration, moment, number
from runlog.cli._database import SHORT_ID
from runlog.cli.show.table import STATE_STYLES, Column

if TYPE_CHECKING:
    from uuid import UUID

    from runlog.queries._rows import Run


_FEW = 100


def run_columns(ids: dict[UUID, str], *, utc: bool) -> list[Column]:
    """Return the columns of a list of runs; ``ids`` are the shortened ones."""
    return [
        Column("RUN", lambda run: ids[run.id]),
        Column("SCRIPT", lambda run: run.script_name, is_name=True),
        Column("STATE", lambda run: run.state, style=state_style),
        Column("STARTED", lambda run: moment(run.started_at, utc=utc)),
        Column("TOOK", lambda run: duration(run.elapsed_ms), right=True, is_optional=True),
        Column("PROGRESS", lambda run: progress_words(run.progress), is_optional=True),
        Column("FETCHED", lambda run: number(run.records_fetched), right=True, is_optional=True),
        Column("INSERTED", lambda run: number(run.records_inserted), right=True, is_optional=True),
        Column("UPDATED", lambda run: number(run.records_updated), right=True, is_optional=True),
        Column(
            "FAILED", lambda run: number(run.records_failed or None), right=True, is_optional=True
        ),
        Column("BY", lambda run: run.triggered_by, is_optional=True),
        Column("ERROR", lambda run: run.error_message, style=state_style, is_flexible=True),
    ]


def run_line(run: Run, *, utc: bool) -> str:
    """Return a run as one line, for those who follow."""
    facts = (
        moment(run.finished_at or run.started_at, utc=utc),
        f"{run.state:<7}",
        visible(run.script_name),
        str(run.id)[:SHORT_ID],
        duration(run.elapsed_ms),
        progress_words(run.progress),
        visible(run.error_message),
    )
    return "  ".join(filter(None, facts))


def progress_words(told: Any) -> str:
    """Return how far ``run.track`` is: ``deals: 40 of 150, 12 a second, 9.2 s left``."""
    if not isinstance(told, dict) or not isinstance(told.get("done"), int):
        return ""
    done, total, rate, eta = (told.get(name) for name in ("done", "total", "rate", "eta_seconds"))
    parts = [number(done) + (f" of {number(total)}" if isinstance(total, int) else "")]
    if isinstance(rate, int | float):
        parts.append(f"{number(round(rate)) if rate >= _FEW else f'{rate:.3g}'} a second")
    if isinstance(eta, int | float):
        parts.append(f"{duration(int(eta * 1000))} left")
    what = visible(told.get("what"))
    return (f"{what}: " if what else "") + ", ".join(parts)


def state_style(run: Run) -> str:
    """Return the style of a run's state."""
    return STATE_STYLES.get(run.state, "")
