"""Recorder: spool, store and shipper wired together for one database, one per process.

Also the keeper of what belongs to the process: which recorder is the active one, what happens at
fork and at exit. Recording runs on the caller's thread and does not block.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _binding, _dsn, _folders
from ._dead_letters import DeadLetters
from ._entry import Encoder
from ._json_writer import JsonWriter
from ._notices import notices, say
from ._redact import Redactor
from ._run import RunState
from ._settings import Settings, resolve
from ._shipper import Shipper
from ._spool import Spool
from ._store import Store
from ._texts import storable

_ERROR = 40
_WARNING = 30


@dataclass(frozen=True, slots=True)
class Stats:
    """Where this process's entries are: ``appended = committed + waiting + dead_letters + shed``."""

    appended: int
    committed: int
    waiting: int
    dead_letters: int
    shed: int
    unbound: int
    """Records logged outside of any run; they were never entries."""
    adopted: int
    """Entries of processes that are gone, committed by this one."""


class Recorder:
    """Takes entries and run events of this process for one database, and sees them delivered."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet: the first entry or run does."""
        self.settings = settings
        self.redactor = Redactor(
            enabled=settings.redact,
            keys=settings.redact_keys,
            patterns=settings.redact_patterns,
            callback=settings.redact_callback,
        )
        self.encoder = Encoder(
            redactor=self.redactor,
            default_step=settings.default_step,
            max_entry_bytes=settings.max_entry_bytes,
        )
        self._json = JsonWriter(self.redactor)
        self._runs: dict[str, RunState] = {}
        self._past = Stats(0, 0, 0, 0, 0, 0, 0)
        self._unbound = 0
        self._told: dict[tuple[str, str], int] = {}
        self._start_afresh()

    def _start_afresh(self) -> None:
        # Re-entrant: a signal handler may log while the spool is being opened.
        self._opening = threading.RLock()
        self._spool: Spool | None = None
        self._shipper: Shipper | None = None
        self._store: Store | None = None

    def record(
        self,
        run_id: str,
        created: float,
        levelno: int,
        levelname: str | None,
        step: object,
        message: object,
        meta: dict[str, Any] | None,
    ) -> None:
        """Encode one entry and append it to the spool; PostgreSQL gets it later."""
        line = self.encoder.encode(run_id, created, levelno, levelname, step, message, meta)
        spool = self._spool or self._open()
        while not spool.append(line, levelno, run_id):
            spool = self._open()
        if levelno >= _ERROR and self._shipper is not None:
            self._shipper.wake()

    def _open(self) -> Spool:
        """Open spool and shipper; anew when the last one was sealed at an exit or by ``close``."""
        with self._opening:
            if self._spool is not None and not self._spool.is_sealed:
                return self._spool
            folder = _database_folder(self.settings)
            spool = Spool(folder, self.settings.spool_max_bytes)
            if self._spool is not None and not self._spool.is_sealed:
                spool.close(remove=True)
                return self._spool
            if spool.folder is None:
                say("no folder can be written for waiting entries; they are kept in memory only")
            self._store = _store(self.settings)
            self._told.clear()
            dead_letters = DeadLetters(folder)
            self._shipper = Shipper(
                spool, self._store, self, dead_letters, self.settings, folder
            )
            self._spool = spool
            # A forked child's own spool must bring the runs that it inherited: its parent's may
            # not be there yet.
            self.append_starts()
            _finish_with_multiprocessing(self)
            self._shipper.start()
            return spool

    def count_unbound(self) -> None:
        """Count a record that belongs to no run; the first one is told."""
        self._unbound += 1
        notices.change(
            "unbound",
            "some",
            "a record was logged outside of any run and is not stored; wrap the script in "
            '"with runlog.RunContext(name):" or call runlog.install()',
        )

    def start_run(self, run: RunState) -> None:
        """Take the start of ``run``; its row appears within a moment if the database answers."""
        if self._spool is None:
            self._open()
        self._runs[run.id_text] = run
        _binding.open_runs[run.id_text] = run
        self._append_event(run.start_event(self._to_json))

    def finish_run(self, run: RunState, status: str, error_message: str | None) -> None:
        """Take the end of ``run``."""
        if error_message is not None:
            error_message = storable(self.redactor.redact_text(error_message))
        self._append_event(run.finish_event(status, error_message, self._to_json))
        self.forget_run(run)

    def _to_json(self, value: Any) -> str:
        return self._json.dumps(value).decode()

    def forget_run(self, run: RunState) -> None:
        """Let go of ``run`` without an event: it ended, or it is another process's."""
        self._runs.pop(run.id_text, None)
        _binding.open_runs.pop(run.id_text, None)

    def _append_event(self, event: dict[str, Any]) -> None:
        spool = self._spool or self._open()
        if not spool.append_event(event):
            spool = self._open()
            if not spool.append_event(event):
                notices.change("events", "lost", f"no place for the {event['event']} of a run")
        if self._shipper is not None:
            self._shipper.wake()

    def open_ids(self) -> list[str]:
        """Return the open runs that this process started."""
        return [run.id_text for run in list(self._runs.values()) if run.is_own]

    def append_starts(self) -> None:
        """Write the starts of all open runs once more; the database knows them already or not."""
        if self._spool is not None:
            for run in list(self._runs.values()):
                self._spool.append_event(run.start_event(self._to_json))

    def append_progress(self) -> None:
        """Write what has changed in open runs since the last time."""
        for run in list(self._runs.values()):
            event = run.progress_event(self._to_json) if run.is_own else None
            if event is not None and self._spool is not None:
                self._spool.append_event(event)

    def tell_shed(self) -> None:
        """Tell in one row a run what was shed of it, once there is room again."""
        spool = self._spool
        if spool is None or spool.is_under_pressure:
            return
        for key, count in spool.shed_counts().items():
            new = count - self._told.get(key, 0)
            if new > 0:
                self._told[key] = count
                run_id, reason = key
                message = f"runlog shed {new} entries of this run; {_SHED_REASONS[reason]}"
                meta = {"shed": new, "reason": reason}
                self.record(run_id, time.time(), _WARNING, "WARNING", "RUNLOG", message, meta)

    def wake(self) -> None:
        """Ask for delivery now, without waiting for it."""
        if self._shipper is not None:
            self._shipper.wake()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything appended so far is committed; False if not within ``timeout``."""
        shipper = self._shipper
        if shipper is None:
            return True
        return shipper.flush(self.settings.exit_timeout if timeout is None else timeout)

    def stats(self) -> Stats:
        """Count where the entries are; reads the spool's files."""
        past, spool, shipper = self._past, self._spool, self._shipper
        if spool is None or shipper is None:
            return past
        shed = sum(spool.shed_counts().values())
        return Stats(
            appended=past.appended + spool.entries_taken + shed,
            committed=past.committed + shipper.committed,
            waiting=past.waiting + spool.entries.count_waiting(),
            dead_letters=past.dead_letters + shipper.dead,
            shed=past.shed + shed,
            unbound=self._unbound,
            adopted=past.adopted + shipper.adopted,
        )

    def close(self, timeout: float | None = None) -> bool:
        """Deliver what waits within ``timeout`` seconds and stop; what is left stays in the spool.

        A later record opens a new spool. Returns whether everything was delivered.
        """
        spool, shipper = self._spool, self._shipper
        if spool is None or shipper is None or spool.is_sealed:
            return True
        until = time.monotonic() + (self.settings.exit_timeout if timeout is None else timeout)
        done = shipper.stop(max(0.0, until - time.monotonic()))
        spool.seal()
        if done and not shipper.is_done():
            done = shipper.stop(max(0.0, until - time.monotonic()))
        self._past = self.stats()
        if not done:
            waiting = spool.entries.count_waiting()
            say(f"{waiting} entries wait in {spool.folder or 'memory, and are lost now'}; "
                'the next runlog process or "runlog flush" delivers them')  # fmt: skip
        if shipper.is_stopped:
            spool.close(remove=done)
        self._spool, self._shipper = None, None
        return done

    def after_fork_in_child(self) -> None:
        """Let go of everything that is the parent's."""
        if self._spool is not None:
            self._spool.abandon()
        if self._store is not None:
            self._store.forget_in_child()
        for run in self._runs.values():
            run.renew_lock()
        self._past = Stats(0, 0, 0, 0, 0, 0, 0)
        self._start_afresh()


_SHED_REASONS = {
    "limit": "the spool was near its limit, see RUNLOG_SPOOL_MAX_BYTES",
    "disk": "the disk was full or not writable, and so was the memory set aside",
}
_recorders: dict[tuple[str | None, str, str | None], Recorder] = {}
_registry = threading.RLock()
_active: Recorder | None = None
_is_exiting = False


def _database_folder(settings: Settings) -> Path | None:
    folder = _folders.root(settings.spool_dir, os.environ)
    if folder is None:
        return None
    return folder / _dsn.folder_name(settings.dsn or "", settings.schema, os.environ)


def _store(settings: Settings) -> Store:
    script = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else "python"
    store = Store(
        settings.dsn or "",
        settings.schema,
        application_name=f"runlog:{script}",
        connect_timeout=settings.connect_timeout,
    )
    store.on_exposed = lambda: notices.change(
        "encryption",
        store.shown(),
        f"the connection to {store.shown()} is not encrypted; add sslmode=require to the address",
    )
    return store


def _finish_with_multiprocessing(recorder: Recorder) -> None:
    # Children of multiprocessing end through its finalizers and skip atexit.
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, recorder.close, exitpriority=-100)


def recorder_for(settings: Settings) -> Recorder | None:
    """Return the process's recorder for this database; None when there is no database to record to."""
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


def is_exiting() -> bool:
    """Tell whether the interpreter has begun to exit."""
    return _is_exiting


def close_all() -> None:
    """Deliver and stop every recorder; together they take the longest ``exit_timeout``."""
    began = time.monotonic()
    for recorder in list(_recorders.values()):
        left = recorder.settings.exit_timeout - (time.monotonic() - began)
        recorder.close(max(0.0, left))


def reset() -> None:
    """Close everything and forget it; for ``runlog.testing``."""
    global _active  # noqa: PLW0603 - as above
    close_all()
    _recorders.clear()
    _binding.open_runs.clear()
    _active = None


def _at_exit() -> None:
    global _is_exiting  # noqa: PLW0603 - as above
    _is_exiting = True
    for end in before_exit:
        with contextlib.suppress(Exception):
            end()
    close_all()


def _after_fork_in_child() -> None:
    global _registry  # noqa: PLW0603 - the lock may be held by a thread that is not here
    _registry = threading.RLock()
    for recorder in list(_recorders.values()):
        recorder.after_fork_in_child()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
