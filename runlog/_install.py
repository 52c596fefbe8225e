"""install(): one line in a script stores every record, in a run as long as the process.

Nothing that the script does with logging changes. A handler on the root logger would: it switches
off logging's last resort, makes ``basicConfig`` a no-op and is thrown out by ``dictConfig``. So the
records are taken where every one of them passes, at ``Logger.callHandlers``.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import _process
from ._context import RunContext
from ._endings import FINISHED, Ending, ending_of, exited
from ._handler import RunLogHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

_HIDDEN_LEVEL = logging.INFO - 1
_SYSTEM_EXIT_UNSEEN = Ending(
    "error",
    "exited",
    "ended by SystemExit with a code that could not be seen; use sys.exit(code)",
)


def install(script_name: str | None = None, **settings: Any) -> RunContext:
    """Record this process: a run that ends as the process ends, and every log record as its entry.

    Records of all loggers that propagate to the root are stored, from INFO up even where the
    script leaves logging unconfigured; what the script itself prints stays as it was. Calling it
    again returns the same run.

    Guarantees: those of ``RunContext``; nothing raises because of the database.

    Args:
        script_name: default: the name of the script's file without its ending.
        settings: any setting of ``configure``, or argument of ``RunContext``.

    Returns:
        The run, for ``run.count(...)`` and its attributes.

    Raises:
        SettingError: an argument is unknown or unusable.
    """
    if _Installed.run is not None:
        return _Installed.run
    context = {name: settings.pop(name) for name in _CONTEXT_ARGUMENTS & settings.keys()}
    handler = RunLogHandler(**settings)
    run = RunContext(script_name or _own_name(), **context)
    run.start()
    _Installed.run = run
    _take_records(handler)
    _watch_exit(run)
    return run


_CONTEXT_ARGUMENTS = frozenset(
    {"triggered_by", "batch_id", "sync_mode", "sync_start_date", "sync_end_date", "overlap_window",
     "metadata", "overlap", "lifecycle_logs"}
)  # fmt: skip


class _Installed:
    """The state of ``install`` in this process."""

    run: RunContext | None = None
    outermost: FrameType | None = None
    last_exit: Ending | None = None
    error: Ending | None = None


def _own_name() -> str:
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    if main is not None and main.name:
        # python -m package.module; __main__ says nothing, its package does.
        name: str = main.name.removesuffix(".__main__")
        return name
    return Path(sys.argv[0]).stem if sys.argv and sys.argv[0] not in {"", "-c"} else "python"


def _take_records(handler: RunLogHandler) -> None:
    root = logging.getLogger()
    if root.level == logging.WARNING and not root.handlers:
        # Unconfigured: INFO would not even become a record. A level that nobody else sets, so
        # that it can be told when the script sets its own.
        root.setLevel(_HIDDEN_LEVEL)
    original = logging.Logger.callHandlers

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if record.levelno >= handler.level and _reaches_root(self, handler):
            handler.handle(record)
        if root.level == _HIDDEN_LEVEL and _is_only_ours(self, record):
            return
        original(self, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def _reaches_root(logger: logging.Logger, handler: RunLogHandler) -> bool:
    """Tell whether a root handler would see the record, and no handler of ours on the way does."""
    place: logging.Logger | None = logger
    while place is not None:
        for other in place.handlers:
            if isinstance(other, RunLogHandler) and other.shares_recorder_with(handler):
                return False
        if not place.propagate and place.parent is not None:
            return False
        place = place.parent
    return True


def _is_only_ours(logger: logging.Logger, record: logging.LogRecord) -> bool:
    """Tell whether the record exists only because ``install`` lowered the root's level."""
    return record.levelno < logging.WARNING and logger.getEffectiveLevel() == _HIDDEN_LEVEL


def _watch_exit(run: RunContext) -> None:
    _Installed.outermost = _outermost_frame()
    previous_hook = sys.excepthook

    def excepthook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        _Installed.error = ending_of(error)
        previous_hook(kind, error, traceback)

    sys.excepthook = excepthook
    sys.exit = _remembering(sys.exit)
    _process.before_exit.append(lambda: _end_with_process(run))


def _remembering(original: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    def exit(code: Any = None, /) -> NoReturn:  # noqa: A001 - stands in for sys.exit
        if threading.current_thread() is threading.main_thread():
            _Installed.last_exit = exited(code)
        original(code)

    exit.__doc__ = original.__doc__
    return exit


def _end_with_process(run: RunContext) -> None:
    if os.getpid() == run.pid:
        run.end(_Installed.error or _ending_seen_from_outside(), stay_bound=True)


def _ending_seen_from_outside() -> Ending:
    """Return how the main program ended, where no exception reached ``sys.excepthook``.

    Either it fell off the end or a SystemExit ended it, which Python shows to no hook. The last
    instruction of the outermost frame tells which: a SystemExit that the program caught is no end.
    """
    frame = _Installed.outermost
    if frame is None or _returned(frame):
        return FINISHED
    return _Installed.last_exit or _SYSTEM_EXIT_UNSEEN


def _outermost_frame() -> FrameType | None:
    if threading.current_thread() is not threading.main_thread():
        return None
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the documented way to the frames
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _returned(frame: FrameType) -> bool:
    import opcode

    return opcode.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")
