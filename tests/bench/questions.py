"""The questions that people wait for, and what each costs the server.

Milliseconds of processor time of the session that answers, planning and all, warm and without
parallel workers: what a busy machine shows as well as a quiet one. Where the server is not on this
machine (Linux), by the clock.
"""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from runlog import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROUNDS = 5
_DAY = timedelta(days=1)
_RUN_OF = "select id from runs where records_inserted <= %s order by records_inserted desc"
_BY_RUNS = "select script_name from runs group by 1 order by count(*)"

Connection = psycopg.Connection[Any]
Answers = dict[str, dict[str, float]]


class _Noting(psycopg.Cursor[Any]):
    """Notes what it sends."""

    sent: tuple[Any, Any] = (b"", None)

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        _Noting.sent = query, params
        return super().execute(query, params, **options)


def ask_all(dsn: str) -> Answers:
    """Return of each question how many rows it has and what it costs in ``ms``."""
    with (
        psycopg.connect(dsn, autocommit=True, cursor_factory=_Noting) as client,
        psycopg.connect(dsn, autocommit=True) as measured,
    ):
        measured.execute("set max_parallel_workers_per_gather = 0")
        answers = {}
        for name, ask in _questions(client):
            found = ask()
            rows = len(found) if isinstance(found, list) else 1
            answers[name] = {"rows": rows, "ms": _cost_ms(measured, *_Noting.sent)}
        return answers


def _cost_ms(connection: Connection, query: Any, params: Any) -> float:
    costs = []
    for _ in range(_ROUNDS + 1):
        before = _clock_ms(connection)
        connection.execute(query, params, prepare=False).fetchall()
        costs.append(_clock_ms(connection) - before)
    return statistics.median(costs[1:])


def _clock_ms(connection: Connection) -> float:
    process = Path(f"/proc/{connection.info.backend_pid}")
    if (process / "comm").exists() and (process / "comm").read_text().startswith("postgres"):
        return int((process / "schedstat").read_text().split()[0]) / 1e6
    return time.perf_counter() * 1000


def _questions(c: Connection) -> Iterator[tuple[str, Callable[[], Any]]]:
    busy, quiet = _first(c, f"{_BY_RUNS} desc"), _first(c, _BY_RUNS)
    small, large = _first(c, _RUN_OF, 100), _first(c, _RUN_OF, 7000)
    yield "newest 50 runs", lambda: queries.last_runs(c, limit=50)
    yield "newest 50 runs of a script", lambda: queries.last_runs(c, script=busy, limit=50)
    yield "runs by a pattern that nothing matches", lambda: queries.last_runs(c, script="nothing-*")
    yield "newest 30 runs of each script", lambda: queries.recent_runs(c, each=30)
    yield "what runs now", lambda: queries.running_now(c)
    yield "runs by state, 30 days", lambda: queries.count_runs(c, since=30 * _DAY)
    yield "runs by state, all", lambda: queries.count_runs(c)
    yield "100 entries of a run of 100", lambda: queries.entries_of_run(c, run_id=small, limit=100)
    yield (
        "newest 100 of a run of 7,000",
        lambda: queries.newest_entries_of_run(c, run_id=large, limit=100),
    )
    yield "steps of a run of 7,000", lambda: queries.steps_of_run(c, run_id=large)
    yield "last success of a script", lambda: queries.find_last_success(c, script=quiet)
    yield "errors of 24 hours", lambda: queries.recent_errors(c)
    for days in (1, 14, 30):
        yield f"kinds of errors, {_days(days)}", _since(queries.error_groups, c, days)
    for days in (7, 30, 90):
        yield f"health of all scripts, {_days(days)}", _since(queries.script_health, c, days)
    for days in (30, 90):
        yield f"day by day, {_days(days)}", _since(queries.daily_statistics, c, days)
        yield (
            f"day by day and script, {_days(days)}",
            _since(queries.daily_statistics, c, days, by_script=True),
        )
    yield "slowest steps, 7 days", lambda: queries.slowest_steps(c)
    yield "newest 100 entries with a word", lambda: queries.search_entries(c, text="contacts")
    yield (
        "entries with a number that is nowhere, 24 hours",
        lambda: queries.search_entries(c, text="99999999999", since=_DAY),
    )
    yield (
        "entries with a word that is nowhere, 24 hours",
        lambda: queries.search_entries(c, text="nowhere", since=_DAY),
    )
    yield (
        "entries of a step that is nowhere, 14 days",
        lambda: queries.search_entries(c, step="NOTHING", since=14 * _DAY),
    )
    views = {
        "view runlog_script_health": "runlog_script_health",
        "view runlog_daily_statistics, 90 days": (
            "runlog_daily_statistics where day > now() - interval '90 days'"
        ),
        "view runlog_error_groups": "runlog_error_groups",
        "view runlog_step_durations of a run": f"runlog_step_durations where run_id = '{large}'",
    }
    for name, view in views.items():
        yield name, lambda view=view: c.execute(f"select * from {view}").fetchall()


def _since(ask: Callable[..., Any], connection: Connection, days: int, **more: Any) -> Any:
    return lambda: ask(connection, since=days * _DAY, **more)


def _days(days: int) -> str:
    return "24 hours" if days == 1 else f"{days} days"


def _first(connection: Connection, query: str, *values: int) -> Any:
    row = connection.execute(f"{query} limit 1".encode(), values or None).fetchone()
    return row[0] if row else None
