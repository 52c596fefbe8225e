"""Asking to be told: an entry of step ALERT, which watchers (``runlog watch``) tell.

On the caller's thread; like any entry it survives the process and waits while the database is away.
Nothing is sent from here, and nothing raises.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from runlog._entry.levels import NAMED_LEVELS
from runlog._entry.meta import as_dict
from runlog._entry.texts import repr_of
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices
from runlog._recorder import open_runs, registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlog._recorder.recorder import Recorder

STEP: Final = "ALERT"
_LEVELS: Final = {severity: NAMED_LEVELS[severity] for severity in ("info", "warning", "error")}


def alert(
    message: str, *, severity: str = "warning", meta: Mapping[str, Any] | None = None
) -> None:
    """Ask to be told of something, in the current run.

    An entry of step ALERT: crash-safe, once, and told by whoever watches. The same as
    ``log.warning(message, extra={"step": "ALERT"})``. Never waits and never raises.

    Args:
        message: what to tell; texts that differ in numbers only are one alert.
        severity: error, warning, or info, which is shown and told to nobody.
        meta: anything; becomes JSON.
    """
    try:
        recorder, run_id = registry.active(), open_runs.run_id()
        if recorder is not None and run_id is None:
            recorder.count_unbound()
        elif recorder is not None and run_id is not None:
            record_alert(recorder, run_id, message, severity, meta)
    except Exception as error:
        if is_interrupt(error):
            raise
        # Whatever it is, the script must not notice.
        shown = repr_of(error)
        notices.change("alert", shown, f"an alert could not be stored: {shown}")


def record_alert(
    recorder: Recorder, run_id: str, message: str, severity: str, meta: Mapping[str, Any] | None
) -> None:
    """Append the entry; a severity that nobody knows is the loudest."""
    known = severity if type(severity) is str and severity in _LEVELS else "error"
    levelno, levelname = _LEVELS[known]
    recorder.record(run_id, time.time(), levelno, levelname, STEP, message, as_dict(meta))
