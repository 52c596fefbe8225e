"""A run that a parent process hands down: RUNLOG_RUN_ID, and beside it where that run lives.

A run id alone says neither which database its row is in nor whether anybody still has it open. So
``runlog exec`` tells both in RUNLOG_RUN_PLACE; a process that records elsewhere, or whose parent is
gone, has runs of its own. An id without a place (set by hand) is taken at its word. Runs on the
caller's thread; never blocks, never raises.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runlog._database import dsn
from runlog._process import origin
from runlog._process.state import process
from runlog._recorder import open_runs

if TYPE_CHECKING:
    from runlog._settings import Settings

PLACE_VARIABLE = process.variable("RUNLOG_RUN_PLACE")
_PARTS = 5
_BEGAN_FIELD = 19
"""The moment at which a process began, in /proc/PID/stat behind the name."""


def handed_down(run_id: str, settings: Settings) -> dict[str, str]:
    """Return the variables that make a child process log into run ``run_id`` of this process."""
    place = (run_id, _database(settings), _machine(), str(os.getpid()), _began(os.getpid()) or "")
    return {open_runs.RUN_ID_VARIABLE: run_id, PLACE_VARIABLE: "/".join(place)}


def run_to_join(settings: Settings | None = None) -> str | None:
    """Return the run of another process that a run which begins here is a part of.

    Only the outermost run of a process is a part: one inside another is a run of its own, of the
    same batch.

    Args:
        settings: where this process records; None: not known yet.
    """
    if open_runs.run_variable.get() is not None:
        return None
    run_id = open_runs.inherited_run_id()
    # Set in this process for its children: its own run is nobody else's.
    if run_id is None or run_id in open_runs.runs.open:
        return None
    if _is_elsewhere(run_id, settings):
        open_runs.runs.refused_ids.add(run_id)
        return None
    return run_id


def _is_elsewhere(run_id: str, settings: Settings | None) -> bool:
    """Tell whether the run is another database's, or its process is gone."""
    parts = os.environ.get(PLACE_VARIABLE, "").split("/")
    if len(parts) != _PARTS or parts[0] != run_id:
        return False
    _, database, machine, pid, began = parts
    if settings is not None and database != _database(settings):
        return True
    return machine == _machine() and bool(began) and _began(pid) != began


def _database(settings: Settings) -> str:
    return dsn.folder_name(settings.dsn or "", settings.schema, os.environ)


def _machine() -> str:
    """Return a name of this machine, within which a pid means one process."""
    space = ""
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - a name, no path
    return f"{origin.host()}:{space}".replace("/", "_")


def _began(pid: int | str) -> str | None:
    """Return when a process began, in the kernel's ticks; None: there is none, or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "surrogateescape")
        return stat.rpartition(")")[2].split()[_BEGAN_FIELD]
    except (OSError, ValueError, IndexError):
        return None
