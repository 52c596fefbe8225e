"""How a run stands, in a word; which words there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runlog.errors import QueryError

if TYPE_CHECKING:
    from runlog.queries._rows import Run

STATES: Final = ("running", "success", "error", "crashed", "partial", "lost")


def in_state(state: str | None) -> dict[str, object]:
    """Return the parameters that select runs of a state (``Run.state``, without question mark).

    Raises:
        QueryError: there is no such state.
    """
    if state is not None and state not in STATES:
        raise QueryError(f"status {state!r} is unknown; use one of {', '.join(STATES)}")
    status = {"crashed": "error", "partial": "success", "lost": "running"}.get(state or "", state)
    return {
        "status": status,
        "outcome": "died" if state == "crashed" else None,
        "is_partial": state == "partial",
        "is_lost": state == "lost",
    }


LOST_AFTER_SECONDS = 90.0
"""Three missed heartbeats: after that nobody can say whether the process is alive."""


def state_of(run: Run) -> str:
    """Return how the run stands, in a word.

    ``running``, ``lost?`` (running, but silent for three heartbeats), ``success``, ``partial`` (a
    success with failed records), ``error``, ``crashed`` (its process died without a word).
    """
    if run.status == "running":
        silence = run.read_at - run.heartbeat_at if run.heartbeat_at else None
        return "lost?" if silence and silence.total_seconds() > LOST_AFTER_SECONDS else "running"
    if run.outcome == "died":
        return "crashed"
    return "partial" if run.status == "success" and run.records_failed else run.status
