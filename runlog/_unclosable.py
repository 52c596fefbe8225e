"""Runs of dead processes that PostgreSQL does not let end: told once, and left as they are.

A damaged id, or a constraint or a trigger of the user's, concerns one run. It must keep neither
other runs nor the spools behind it from their end. Any thread; never blocks.
"""

from __future__ import annotations

from uuid import UUID

from ._notices import notices

_SHOWN_MAX = 60


def tell_left(run_id: str, refusal: BaseException) -> None:
    """Say on stderr, once for each run, why it stays open."""
    reason = _reason(run_id, refusal)
    told = f"run {run_id[:_SHOWN_MAX]!r} of a process that is gone cannot be closed: {reason}"
    notices.change(f"closing of {run_id}", "refused", f"{told}; it is left as it is")


def _reason(run_id: str, refusal: BaseException) -> str:
    try:
        UUID(run_id)
    except ValueError:
        return "that is no UUID, so its spool file was damaged"
    # The lines after the first show the row.
    told = (str(refusal).strip() or repr(refusal)).splitlines()[0]
    return f'{told}; mend what refuses it and run "runlog reap"'
