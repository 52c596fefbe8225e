"""What belongs to the process: its recorders, which one is active, what fork and exit do to them.

Any thread; blocks only at exit, for ``exit_timeout`` at the most.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from runlog._database import dsn
from runlog._process import exit as _exit
from runlog._process.notices import notices, say
from runlog._recorder import open_runs
from runlog._recorder.recorder import Recorder
from runlog._settings import resolve

if TYPE_CHECKING:
    from typing import Unpack

    from runlog._recorder.given import AllSettings
    from runlog._settings import Settings

_recorders: dict[tuple[str | None, str, str | None], Recorder] = {}

_registry = threading.RLock()

_active: Recorder | None = None

_configured: Settings | None = None
"""What ``configure`` was last told, also where it is told to record nothing."""


def recorder_for(settings: Settings) -> Recorder | None:
    """Return the process's recorder for this database; None when there is no database."""
    global _active  # noqa: PLW0603 - one per process by design
    if not settings.enabled:
        return None
    if settings.dsn is None:
        notices.change("database", "none", f"nothing is recorded: {dsn.no_database()}")
        return None
    if not dsn.is_address(settings.dsn):
        # No spool either: whatever the address will be once it is mended, its folder is another.
        told = f"nothing is recorded: {dsn.not_understood(settings.dsn)}"
        notices.change("address", "unreadable", told)
        return None
    key = (settings.dsn, settings.schema, settings.spool_dir)
    with _registry:
        recorder = _recorders.get(key)
        if recorder is None:
            recorder = _recorders[key] = Recorder(settings)
        if _active is None:
            _active = recorder
        return recorder


def active() -> Recorder | None:
    """Return the active recorder: the configured one, else a handler's, else the environment's."""
    return _active or recorder_for(_configured or resolve())


def configured() -> Settings:
    """Return the settings that hold for who names none of their own."""
    return _active.settings if _active is not None else _configured or resolve()


def settings_for(given: dict[str, Any]) -> Settings:
    """Return the settings of a handler or processor.

    One that names no database goes where this process records, whatever the environment says: its
    entries must be beside their run.
    """
    named = {name: value for name, value in given.items() if value is not None}
    resolved = resolve(given)
    if "dsn" in named or (_active is None and _configured is None):
        return resolved
    return configured().replaced(**{name: getattr(resolved, name) for name in named})


class Taker(Protocol):
    """A handler or processor, told when the process is to record elsewhere."""

    def follow(self) -> None:
        """Ask ``settings_for`` again."""


takers: weakref.WeakSet[Taker] = weakref.WeakSet()
"""The handlers and processors of this process, each of which has entered itself."""


def current() -> Recorder | None:
    """Return the active recorder if there is one already."""
    return _active


def close_all(*, at_once: bool = False) -> None:
    """Deliver and stop every recorder; together they take the longest ``exit_timeout``.

    With ``at_once`` nothing more is waited for.
    """
    _exit.begin()
    for recorder in list(_recorders.values()):
        try:
            recorder.close(0.0 if at_once else None)
        except Exception as error:
            # No memory, no descriptor: what waits is in the spool.
            name = type(error).__name__
            say(f"the last delivery failed ({name}); the next runlog process goes on")


def reset(timeout: float) -> None:
    """Close everything, ``timeout`` seconds for each recorder, and forget it; for tests."""
    global _active, _configured  # noqa: PLW0603 - as above
    for recorder in list(_recorders.values()):
        recorder.close(timeout)
    _recorders.clear()
    _exit.forget()
    _configured = None
    open_runs.refused_ids.clear()
    open_runs.open_runs.clear()
    open_runs.ended_with_process.clear()
    _active = None


def _after_fork_in_child() -> None:
    global _registry  # noqa: PLW0603 - the lock may be held by a thread that is not here
    _registry = threading.RLock()
    _exit.forget()
    for recorder in list(_recorders.values()):
        recorder.after_fork_in_child()


_exit.deliveries.append(close_all)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def configure(**settings: Unpack[AllSettings]) -> None:
    """Choose the database and the settings of this process; optional, the environment will do.

    Does not connect and does not wait. Every setting is also the variable ``RUNLOG_<NAME>``; an
    argument wins. The reference page of the settings lists them with their defaults.

    Raises:
        SettingError: an argument is unknown or unusable; the message names it and what would do.
    """
    global _active, _configured  # noqa: PLW0603 - as above
    _configured = resolve(settings)
    recorder = recorder_for(_configured)
    if recorder is not None or not _configured.enabled:
        _active = recorder
    for taker in list(takers):
        taker.follow()


def flush(timeout: float | None = None) -> bool:
    """Wait until everything logged so far is committed.

    Args:
        timeout: seconds to wait at the most; default: the setting ``exit_timeout``.

    Returns:
        True when all is committed or there is nothing to do; False when time ran out: the entries
        stay in the spool and are delivered later.
    """
    recorder = current()
    return True if recorder is None else recorder.flush(timeout)
