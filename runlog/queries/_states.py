"""How a run stands, in a word; which words there are. Pure.

The same in SQL: ``sql/parts/state_filters.sql`` selects what ``state_of`` calls by these words, and
``sql/parts/is_silent.sql`` is the rule by which a run counts as silent. A test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runlog.errors import QueryError

if TYPE_CHECKING:
    from datetime import timedelta

STATES: Final = ("running", "success", "error", "crashed", "partial", "lost")

WIDER: Final = {"crashed": "error", "partial": "success", "lost": "running"}
"""Whoever asks for the wider state finds these too."""

MISSED_HEARTBEATS: Final = 3
"""After so many nobody can say whether the process is alive."""


def state_of(
    status: str,
    *,
    outcome: str | None,
    silence: timedelta | None,
    every: float,
    records_failed: int | None,
) -> str:
    """Return how a run stands, in a word.

    ``running``, ``lost?`` (running, but silent for three of its own heartbeats), ``success``,
    ``partial`` (a success with failed records), ``error``, ``crashed`` (its process died without a
    word).

    Args:
        status: as in the row.
        outcome: how it ended in detail, where runlog wrote it.
        silence: time since its last heartbeat; None for runs that have none.
        every: seconds between its heartbeats.
        records_failed: as in the row.
    """
    if status == "running":
        is_silent = silence is not None and silence.total_seconds() > MISSED_HEARTBEATS * every
        return "lost?" if is_silent else "running"
    if status == "error" and outcome == "died":
        return "crashed"
    return "partial" if status == "success" and (records_failed or 0) > 0 else status


def in_state(state: str | None) -> dict[str, object]:
    """Return the parameters that select runs of a state (``Run.state``, without question mark).

    Raises:
        QueryError: there is no such state.
    """
    if state is not None and state not in STATES:
        raise QueryError(f"status {state!r} is unknown; use one of {', '.join(STATES)}")
    status = WIDER.get(state or "", state)
    return {
        "status": status,
        "outcome": "died" if state == "crashed" else None,
        "is_partial": state == "partial",
        "is_lost": state == "lost",
    }
