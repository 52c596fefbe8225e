"""Recorder: spool, store and shipper wired together for one database, one per process.

Recording runs on the caller's thread and does not block.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from runlog._database.session import Session
from runlog._delivery.run_events import fitting
from runlog._entry.encoder import Encoder
from runlog._entry.levels import ERROR, WARNING
from runlog._entry.redaction.redactor import Redactor
from runlog._entry.texts import storable
from runlog._process import clock
from runlog._process import exit as _exit
from runlog._process.fork import at_end_of_child
from runlog._process.notices import notices, say
from runlog._recorder.open_runs import OpenRuns
from runlog._recorder.stats import Stats, count_entries, waiting_words
from runlog._recorder.wiring import wire
from runlog._spool.places import place_of
from runlog._spool.segment import counted
from runlog._spool.spool import NEVER_SHED, Spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._delivery.shipper import Shipper
    from runlog._recorder.run_state import RunState
    from runlog._settings import Settings
    from runlog._spool.places import Place


class Recorder:
    """Takes entries and run events of this process for one database, and sees them delivered."""

    has_database = True
    """Whether there is a database to ask; the recorder of ``runlog.testing`` has none."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet: the first entry or run does."""
        self.settings = settings
        redactor = Redactor(
            enabled=settings.redact,
            keys=settings.redact_keys,
            patterns=settings.redact_patterns,
            callback=settings.redact_callback,
        )
        self.encoder = Encoder(
            redactor=redactor,
            default_step=settings.default_step,
            max_entry_bytes=settings.max_entry_bytes,
        )
        self._runs = OpenRuns(self.append_event, self.encoder.to_json)
        self._past = Stats()
        self._unbound = itertools.count()
        self._told: dict[tuple[str, str], int] = {}
        self._place: Place | None = None  # kept, for it cannot be found when modules are torn down
        self._start_afresh()

    def _start_afresh(self) -> None:
        # Re-entrant: a signal handler may log while the spool is being opened.
        self._opening = threading.RLock()
        self._spool: Spool | None = None
        # The same once there is a thread that delivers it: until then each record tries again.
        self._ready: Spool | None = None
        self._shipper: Shipper | None = None
        self._session: Session | None = None

    def record(
        self,
        run_id: str,
        created: float,
        levelno: int,
        levelname: str | None,
        step: object,
        message: object,
        meta: dict[str, Any] | None,
        logger: str | None = None,
    ) -> None:
        """Encode one entry and append it to the spool; PostgreSQL gets it later."""
        line = self.encoder.encode(run_id, created, levelno, levelname, step, message, meta, logger)
        self.put(line, levelno, run_id)

    def put(self, line: bytes, levelno: int, run_id: str) -> None:
        """Append the line of one entry to the spool, or count it as shed."""
        spool = self._ready or self.open()
        # As ``Spool.append`` does; a call less for every entry.
        while not (
            (levelno >= spool.lowest_level and spool.take(line)) or spool.shed(levelno, run_id)
        ):
            spool = self.open()
        if levelno >= ERROR and self._shipper is not None:
            self._shipper.wake()

    def open(self) -> Spool:
        """Open spool and shipper; anew when the last one was sealed at an exit or by ``close``."""
        with self._opening:
            if self._spool is not None and not self._spool.is_sealed:
                return self._started(self._spool)
            if self._place is None or not sys.is_finalizing():
                self._place = place_of(self.settings)
            place, limit = self._place, self.settings.spool_max_bytes
            spool = Spool(place.folder, limit, place.address, on_block=self.wake)
            if self._spool is not None and not self._spool.is_sealed:
                spool.close(remove=True)
                return self._spool
            if spool.folder is None:
                told = "no folder can be written for waiting entries; they are kept in memory only"
                notices.change("folder", "none", told)
            self._told.clear()
            self._session = Session(self.settings)
            self._shipper = wire(
                spool, self._session, self._runs, self.settings, place, before_idle=self.tell_shed
            )
            self._spool = spool
            # A forked child's own spool must bring the runs that it inherited: its parent's may
            # not be there yet.
            self._runs.append_starts()
            at_end_of_child(self.close)
            return self._started(spool)

    def _started(self, spool: Spool) -> Spool:
        if self._shipper is not None and self._shipper.start():
            self._ready = spool
        return spool

    def count_unbound(self) -> None:
        """Count a record that belongs to no run; the first one is told."""
        next(self._unbound)
        notices.change(
            "unbound",
            "some",
            "a record was logged outside of any run and is not stored; wrap the script in "
            '"with runlog.RunContext(name):" or call runlog.install()',
        )

    def start_run(self, run: RunState) -> None:
        """Take the start of ``run``; its row appears within a moment if the database answers."""
        try:
            self._introduce(run)
        finally:
            # Whatever was in the way: the next spool that is opened begins with the runs.
            self._runs.start(run)

    def start_event(self, run: RunState) -> dict[str, Any]:
        """Return the event that inserts the row of ``run``, for who inserts it beforehand."""
        self._introduce(run)
        return run.start_event(self.encoder.to_json)

    def _introduce(self, run: RunState) -> None:
        """Note in ``run`` how others can tell whether its process lives: by beat, and by spool."""
        spool = self._spool or self.open()
        place = {"spool": spool.folder.name} if spool.folder is not None else {}
        run.note(heartbeat_interval=self.settings.heartbeat_interval, **place)

    def update_run(self, run: RunState, **facts: Any) -> None:
        """Take what has changed in ``run`` now, not with the next heartbeat; ``facts`` go first."""
        if (event := run.progress_event(self.encoder.to_json)) is not None:
            self.append_event({**event, **facts})

    def finish_run(self, run: RunState, status: str, error_message: str | None) -> None:
        """Take the end of ``run``."""
        if error_message is not None:
            error_message = storable(self.encoder.redact_text(error_message))
        self._runs.finish(run, status, error_message)

    def forget_run(self, run: RunState) -> None:
        """Let go of ``run`` without an event: it ended, or it is another process's."""
        self._runs.forget(run)

    def open_ids(self) -> list[str]:
        """Return the open runs that this process started."""
        return self._runs.owned_ids()

    def append_event(self, event: dict[str, Any]) -> None:
        """Append a run event to the spool and ask for delivery."""
        event = fitting(event)
        spool = self._spool or self.open()
        if not spool.append_event(event) and not self.open().append_event(event):
            notices.change("events", "lost", f"no place for the {event['event']} of a run")
        self.wake()

    def tell_shed(self, *, has_room: bool = True) -> None:
        """Tell in one row a run what was shed of it, once there is room again or never will be."""
        spool = self._spool
        if spool is None or (has_room and spool.is_under_pressure):
            return
        for key, count in spool.shed_counts().items():
            if (new := count - self._told.get(key, 0)) > 0:
                self._told[key] = count
                run_id, reason = key
                message = f"runlog shed {new} entries of this run; {_SHED_REASONS[reason]}"
                meta = {"shed": new, "reason": reason}
                line = self.encoder.encode(
                    run_id, time.time(), WARNING, "WARNING", "RUNLOG", message, meta
                )
                spool.append(line, NEVER_SHED, run_id)

    def wake(self) -> None:
        """Ask for delivery now, without waiting for it."""
        if self._shipper is not None:
            self._shipper.wake()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything appended so far is committed; False if not within ``timeout``."""
        shipper = self._shipper
        if shipper is None:
            return True
        longest = _exit.left_of(self.settings.exit_timeout) if timeout is None else timeout
        return shipper.flush(longest)

    def catch_up(self, timeout: float | None = None) -> bool:
        """Deliver what waits on this machine, before a question; also what dead processes left."""
        if self._spool is None:
            self.open()
        if self._shipper is None:
            return True
        longest = self.settings.statement_timeout if timeout is None else timeout
        return self._shipper.flush(longest, orphans=True)

    def stats(self) -> Stats:
        """Count where the entries are, at one moment; reads the spool's files."""
        # Not while another thread puts one spool in the place of another.
        with self._opening:
            past = self._past._replace(unbound=counted(self._unbound))
            spool, shipper = self._spool, self._shipper
            if spool is None or shipper is None:
                return past
            return past.plus(count_entries(spool, shipper.delivery))

    def losses(self) -> dict[str, int]:
        """Return how many entries were refused or shed so far; nothing where none was. Cheap."""
        spool, shipper = self._spool, self._shipper
        dead = self._past.dead_letters + (shipper.delivery.dead if shipper else 0)
        shed = self._past.shed + (sum(spool.shed_counts().values()) if spool else 0)
        return {name: n for name, n in (("dead_letters", dead), ("shed", shed)) if n}

    def close(self, timeout: float | None = None) -> bool:
        """Deliver what waits within ``timeout`` seconds and stop; what is left stays in the spool.

        A later record opens a new spool. Returns whether everything was delivered.
        """
        spool, shipper = self._spool, self._shipper
        if spool is None or shipper is None or spool.is_sealed:
            return True
        longest = _exit.left_of(self.settings.exit_timeout) if timeout is None else timeout
        until = clock.monotonic() + longest
        self.tell_shed(has_room=False)
        done = shipper.stop(longest)
        self.tell_shed(has_room=False)
        spool.seal()
        if shipper.is_stopped and not shipper.delivery.is_done():
            # What other threads have logged meanwhile; from now on they log into another spool.
            done = shipper.stop(max(0.0, until - clock.monotonic()))
        with self._opening:
            last = count_entries(spool, shipper.delivery)
            self._past = self._past.plus(last)
            # Another thread may have logged since ``seal``, and opened the next spool.
            if self._spool is spool:
                self._spool, self._ready, self._shipper = None, None, None
        if not done:
            say(waiting_words(last.left(), spool.folder, last.shed))
            # The thread may hang in a statement until the process is gone.
            spool.secure()
            for tell in undelivered:
                tell(self.settings, last.left(), str(spool.folder) if spool.folder else None)
        shipper.when_stopped(lambda: spool.close(remove=shipper.delivery.is_done()))
        return done

    def after_fork_in_child(self) -> None:
        """Let go of everything that is the parent's."""
        if self._spool is not None:
            self._spool.abandon()
        if self._session is not None:
            self._session.forget_in_child()
        if self._shipper is not None:
            self._shipper.delivery.forget_in_child()
        self._runs.renew_locks()
        self._past = Stats()
        self._start_afresh()


undelivered: list[Callable[[Settings, int, str | None], None]] = []
"""Told at the end of a process that leaves entries behind: how many, and in which folder."""

_SHED_REASONS = {
    "limit": "the spool was near its limit, see RUNLOG_SPOOL_MAX_BYTES",
    "disk": "the disk was full or not writable, and so was the memory set aside",
}
