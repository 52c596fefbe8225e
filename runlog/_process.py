"""What belongs to the process: its recorders, which one is active, what fork and exit do to them.

Any thread; blocks only at exit, for ``exit_timeout`` at the most.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from . import _binding
from ._notices import notices, say
from ._recorder import Recorder
from ._settings import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._settings import Settings

_recorders: dict[tuple[str | None, str, str | None], Recorder] = {}
_registry = threading.RLock()
_active: Recorder | None = None
_is_exiting = False


def recorder_for(settings: Settings) -> Recorder | None:
    """Return the process's recorder for this database; None when there is no database."""
    global _active  # noqa: PLW0603 - one per process by design
    if not settings.enabled:
        return None
    if settings.dsn is None:
        notices.change("database", "none", _NO_DATABASE)
        return None
    key = (settings.dsn, settings.schema, settings.spool_dir)
    with _registry:
        recorder = _recorders.get(key)
        if recorder is None:
            recorder = _recorders[key] = Recorder(settings)
        if _active is None:
            _active = recorder
        return recorder


_NO_DATABASE = (
    "no database is named, so nothing is recorded; set RUNLOG_DSN or DATABASE_URL, pass dsn=, set "
    'PGHOST and friends, or install the embedded one: pip install "runlog-pg[embedded]"'
)


def configure(**settings: Any) -> Recorder | None:
    """Make a recorder from ``settings`` the active one (see ``runlog.configure``)."""
    global _active  # noqa: PLW0603 - as above
    recorder = recorder_for(resolve(settings))
    if recorder is not None:
        _active = recorder
    return recorder


def active() -> Recorder | None:
    """Return the active recorder: the configured one, else a handler's, else the environment's."""
    return _active or recorder_for(resolve())


def current() -> Recorder | None:
    """Return the active recorder if there is one already."""
    return _active


before_exit: list[Callable[[], None]] = []
"""Called when the interpreter exits, before the last delivery."""


after_exit: list[Callable[[], None]] = []
"""Called after that delivery."""


def is_exiting() -> bool:
    """Tell whether the interpreter has begun to exit."""
    return _is_exiting


def close_all(*, at_once: bool = False) -> None:
    """Deliver and stop every recorder; together they take the longest ``exit_timeout``.

    With ``at_once`` nothing more is waited for.
    """
    began = time.monotonic()
    for recorder in list(_recorders.values()):
        left = recorder.settings.exit_timeout - (time.monotonic() - began)
        try:
            recorder.close(0.0 if at_once else max(0.0, left))
        except Exception as error:
            # No memory, no descriptor: what waits is in the spool.
            name = type(error).__name__
            say(f"the last delivery failed ({name}); the next runlog process goes on")


def reset(timeout: float) -> None:
    """Close everything, ``timeout`` seconds for each recorder, and forget it; for tests."""
    global _active  # noqa: PLW0603 - as above
    for recorder in list(_recorders.values()):
        recorder.close(timeout)
    _recorders.clear()
    _binding.open_runs.clear()
    _active = None


def _at_exit() -> None:
    global _is_exiting  # noqa: PLW0603 - as above
    _is_exiting = True
    try:
        _call_all(before_exit)
        close_all()
    except KeyboardInterrupt:
        # Whoever presses Ctrl-C while it delivers does not want to wait; the spool keeps the rest.
        # Pressed again, it ends the process at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _call_all(before_exit)
        close_all(at_once=True)
    _call_all(after_exit)


def _call_all(ends: list[Callable[[], None]]) -> None:
    for end in ends:
        with contextlib.suppress(Exception):
            end()


def _after_fork_in_child() -> None:
    global _registry  # noqa: PLW0603 - the lock may be held by a thread that is not here
    _registry = threading.RLock()
    for recorder in list(_recorders.values()):
        recorder.after_fork_in_child()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
