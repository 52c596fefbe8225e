"""What belongs to the process: its recorders, which one is active, what fork and exit do to them.

Any thread; blocks only at exit, for ``exit_timeout`` at the most.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from runlog._database import dsn
from runlog._entry.ids import reseed
from runlog._process import exit as _exit
from runlog._process import fork
from runlog._process.notices import notices, say
from runlog._process.prefork import tell_unseen_forks
from runlog._process.state import process
from runlog._recorder.recorder import Recorder
from runlog._settings import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from runlog._recorder.given import AllSettings
    from runlog._settings import Settings


class Taker(Protocol):
    """A handler or processor, told when the process is to record elsewhere."""

    def follow(self) -> None:
        """Ask ``settings_for`` again."""


class Recorders:
    """The recorders of this process, who uses them, and which of them is meant."""

    def __init__(self) -> None:
        self.all: dict[tuple[str | None, str, str | None], Recorder] = {}
        self.lock = threading.RLock()
        """While one is looked up or made."""
        self.active: Recorder | None = None
        self.configured: Settings | None = None
        """What ``configure`` was last told, also where it is told to record nothing."""
        self.takers: weakref.WeakSet[Taker] = weakref.WeakSet()
        """The handlers and processors, each of which has entered itself."""
        self.make_instead: Callable[[Settings], Recorder] | None = None
        """In ``runlog.testing``: what makes a recorder, for any settings at all."""


recorders = process.part(Recorders)


def recorder_for(settings: Settings) -> Recorder | None:
    """Return the process's recorder for this database; None when there is no database."""
    if recorders.make_instead is not None:
        recorder = recorders.make_instead(settings)
        recorders.active = recorders.active or recorder
        return recorder
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
    with recorders.lock:
        known = recorders.all.get(key)
        if known is None:
            tell_unseen_forks()
            known = recorders.all[key] = Recorder(settings)
        if recorders.active is None:
            recorders.active = known
        return known


def active() -> Recorder | None:
    """Return the active recorder: the configured one, else a handler's, else the environment's."""
    return recorders.active or recorder_for(recorders.configured or resolve())


def configured() -> Settings:
    """Return the settings that hold for who names none of their own."""
    active = recorders.active
    return active.settings if active is not None else recorders.configured or resolve()


def settings_for(given: dict[str, Any]) -> Settings:
    """Return the settings of a handler or processor.

    One that names no database goes where this process records, whatever the environment says: its
    entries must be beside their run.
    """
    named = {name: value for name, value in given.items() if value is not None}
    resolved = resolve(given)
    if "dsn" in named or (recorders.active is None and recorders.configured is None):
        return resolved
    return configured().replaced(**{name: getattr(resolved, name) for name in named})


def current() -> Recorder | None:
    """Return the active recorder if there is one already."""
    return recorders.active


def close_all(*, at_once: bool = False) -> None:
    """Deliver and stop every recorder; together they take the longest ``exit_timeout``.

    With ``at_once`` nothing more is waited for.
    """
    _exit.begin()
    for recorder in list(recorders.all.values()):
        try:
            recorder.close(0.0 if at_once else None)
        except Exception as error:
            # No memory, no descriptor: what waits is in the spool.
            name = type(error).__name__
            say(f"the last delivery failed ({name}); the next runlog process goes on")


def reset(timeout: float) -> None:
    """Close every recorder, with ``timeout`` seconds for each, and forget it; for tests."""
    for recorder in list(recorders.all.values()):
        recorder.close(timeout)
    recorders.all.clear()
    recorders.active = recorders.configured = None


def _after_fork_in_child() -> None:
    # It may be held by a thread that is not here.
    recorders.lock = threading.RLock()
    _exit.forget()
    for recorder in list(recorders.all.values()):
        recorder.after_fork_in_child()


_exit.deliveries.append(close_all)

# Encoding, where the ids are made, knows nothing of processes.
fork.in_child(fork.InChild.IDS, reseed)
fork.in_child(fork.InChild.RECORDERS, _after_fork_in_child)


def configure(**settings: Unpack[AllSettings]) -> None:
    """Choose the database and the settings of this process; optional, the environment will do.

    Does not connect and does not wait. Every setting is also the variable ``RUNLOG_<NAME>``; an
    argument wins. The reference page of the settings lists them with their defaults.

    Raises:
        SettingError: an argument is unknown or unusable; the message names it and what would do.
    """
    chosen = recorders.configured = resolve(settings)
    recorder = recorder_for(chosen)
    if recorder is not None or not chosen.enabled:
        recorders.active = recorder
    for taker in list(recorders.takers):
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
