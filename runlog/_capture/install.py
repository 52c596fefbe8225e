"""install(): one line in a script stores every record, in a run as long as the process.

Nothing that the script does with logging changes. A handler on the root logger would: it switches
off logging's last resort, makes ``basicConfig`` a no-op and is thrown out by ``dictConfig``. So the
records are taken where every one of them passes: when ``Logger.handle`` asks the logger's filters,
and these have let the record through. Our part is over before any handler is called, so whoever
walks the frames of a call from a handler finds those that are always there.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from runlog._capture.calls import pass_for
from runlog._capture.handler import RunLogHandler
from runlog._process import fork, origin
from runlog._process.state import process
from runlog._recorder import open_runs
from runlog._run.context import RunContext

if TYPE_CHECKING:
    from typing import Unpack

    from runlog._recorder.given import InstallSettings

_HIDDEN_LEVEL = logging.INFO - 1
# For children that multiprocessing spawns; a program that a script starts is told RUNLOG_RUN_ID.
_INSTALLED_VARIABLE = process.variable("RUNLOG_INSTALLED_RUN_ID")


class Installed:
    """What ``install`` has begun in this process."""

    def __init__(self) -> None:
        self.run: RunContext | None = None


installed = process.part(Installed)


def install(script_name: str | None = None, **settings: Unpack[InstallSettings]) -> RunContext:
    """Record this process: a run that ends as the process ends, and every log record as its entry.

    Every record is stored that reaches the root logger or a handler on its way, from INFO up even
    where the script leaves logging unconfigured; what the script itself prints stays as it was.
    Calling it again returns the same run.

    Guarantees: those of ``RunContext``; nothing raises because of the database.

    Args:
        script_name: default: the name of the script's file without its ending.
        settings: any setting of ``configure``, or argument of ``RunContext``.

    Returns:
        The run, for ``run.count(...)`` and its attributes.

    Raises:
        SettingError: an argument is unknown or unusable.
    """
    if installed.run is not None:
        return installed.run
    _join_parent()
    context: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in settings.items():
        (context if name in _CONTEXT_ARGUMENTS else others)[name] = value
    handler = RunLogHandler(**others)
    run = RunContext(script_name or origin.script_name(), **context)
    # Started and never finished: it ends as the process does.
    run._state.is_whole_process = True  # noqa: SLF001 - only here is it known
    run.start()
    installed.run = run
    os.environ[_INSTALLED_VARIABLE] = run._state.id_text  # noqa: SLF001 - the id as a text
    _take_records(handler)
    return run


_CONTEXT_ARGUMENTS = frozenset(
    {"triggered_by", "batch_id", "sync_mode", "sync_start_date", "sync_end_date", "overlap_window",
     "cursor", "metadata", "overlap", "lifecycle_logs", "expects"}
)  # fmt: skip


def _join_parent() -> None:
    """Log into the parent's run where multiprocessing imports the script again in a new process."""
    run_id = os.environ.get(_INSTALLED_VARIABLE)
    if run_id and fork.is_child_of_multiprocessing():
        os.environ.setdefault(open_runs.RUN_ID_VARIABLE, run_id)


def _take_records(handler: RunLogHandler) -> None:
    root = logging.getLogger()
    if root.level == logging.WARNING and not root.handlers:
        # Unconfigured: INFO would not even become a record. A level that nobody else sets, so
        # that it can be told when the script sets its own.
        root.setLevel(_HIDDEN_LEVEL)
    original: Any = logging.Logger.filter

    def filter(self: logging.Logger, record: logging.LogRecord) -> Any:  # noqa: A001 - logging's name
        passed = original(self, record)
        if not passed:
            return passed
        # Since Python 3.12 a filter may hand on another record.
        shown = record if passed is True else passed
        # Handlers of ours on the way find it stored already.
        if shown.levelno >= handler.level and _is_meant_to_be_seen(self, shown.levelno):
            handler.handle(shown)
        return False if root.level == _HIDDEN_LEVEL and _is_only_ours(self, shown) else passed

    # While filters of a logger run this frame is below them.
    pass_for(filter, original)
    logging.Logger.filter = filter  # type: ignore[method-assign,assignment] # of loggers


def _is_meant_to_be_seen(logger: logging.Logger, levelno: int) -> bool:
    """Tell whether a record gets to the root, or to a handler that takes its level.

    Loggers that do not propagate may be open for DEBUG and have a handler that is not (Jupyter's
    kernel, with all that is typed into it).
    """
    place: logging.Logger | None = logger
    while place is not None:
        for handler in place.handlers:
            if levelno >= handler.level and not isinstance(handler, logging.NullHandler):
                return True
        if not place.propagate:
            return place.parent is None
        place = place.parent
    return True


def _is_only_ours(logger: logging.Logger, record: logging.LogRecord) -> bool:
    """Tell whether the record exists only because ``install`` lowered the root's level."""
    return record.levelno < logging.WARNING and logger.getEffectiveLevel() == _HIDDEN_LEVEL
