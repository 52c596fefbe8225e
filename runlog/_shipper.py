"""Shipper: the one background thread of a process that brings the spool to PostgreSQL.

When it ships: at once for what is urgent (ERROR, a run's start and end), else every
``flush_interval`` seconds, and again at once while a full block waits. What it does in one pass
reads downwards from ``_pass``. After a failure it waits longer and longer, with jitter, and sends
the same block again: nothing is acknowledged before COMMIT, so order and completeness are kept.

At the end of the script the thread makes a last pass within ``exit_timeout``; where there is no
thread (it cannot start late in an exit), the exiting thread makes it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING

from . import _jitter
from ._dead_letters import DeadLetters
from ._fork import preload
from ._housekeeping import Housekeeping
from ._notices import notices
from ._orphans import Orphans
from ._sqlstate import Fault, fault_of, find_remedy
from ._store import OutOfTimeError, RunNotThereYetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ._open_runs import OpenRuns
    from ._settings import Settings
    from ._spool import OrphanedSpool, Spool
    from ._store import Store

_BLOCK_BYTES = 2**20
_EVENT_BYTES = 2**18
_NEVER = float("inf")
_FAILING = "failing"


class Shipper:
    """Ships one spool, and those of processes that are gone, to one database."""

    def __init__(
        self,
        spool: Spool,
        store: Store,
        runs: OpenRuns,
        settings: Settings,
        database_folder: Path | None,
    ) -> None:
        self._spool = spool
        self._store = store
        self._runs = runs
        self._settings = settings
        self._dead_letters = DeadLetters(database_folder)
        self.before_idle: Callable[[], None] = lambda: None
        """Called when this process's own entries are delivered; may append to the spool."""
        self._thread: threading.Thread | None = None
        # SimpleQueue and not Event: its put may run in a signal handler that interrupts a put.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._passing = threading.Lock()
        self._passed = threading.Condition()
        self._pass_number = 0
        self._last_success = 0
        self._in_a_hurry = False
        self._stop_at = _NEVER
        self._failures = 0
        self._is_replay = False
        self._next_beat = time.monotonic() + settings.heartbeat_interval
        self._housekeeping = Housekeeping(store, runs, settings)
        # A block whose rows are refused one by one must not make the runs look dead.
        store.between_statements = self._beat
        self._orphans = Orphans(database_folder, spool.folder, store, self._deliver_orphan)
        self.committed = 0
        self.dead = 0
        self.adopted = 0

    def start(self) -> None:
        """Start the thread; late in an exit there may be none, and the last pass does the work."""
        self._thread = threading.Thread(target=self._loop, name="runlog-shipper", daemon=True)
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def wake(self) -> None:
        """Ask for a pass now; never blocks, safe in signal handlers."""
        if self._wake.empty():
            self._wake.put(None)

    def _loop(self) -> None:
        preload()
        pause = 0.0
        while self._stop_at == _NEVER:
            self._pause(pause)
            self._spool.touch()
            pause = self._settings.flush_interval if self._attempt() else self._backoff()
        if self._last_success < self._pass_number or not self.is_done():
            self._attempt()

    def _pause(self, seconds: float) -> None:
        """Wait; an urgent entry ends the wait, but only a hurry ends the wait before a retry."""
        until = time.monotonic() + seconds
        while not self._in_a_hurry and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=left)
                if not self._failures:
                    break
        self._in_a_hurry = False

    def _backoff(self) -> float:
        """Return the seconds before the next try: doubling; jitter spreads 50 scripts."""
        longest = self._settings.retry_interval_max
        doubled: float = self._settings.retry_interval * 2.0 ** min(self._failures - 1, 20)
        step = min(longest, doubled)
        return step * _jitter.between(0.5, 1.0)

    def _attempt(self) -> bool:
        """Make one pass; False when it failed, which is said once and tried again later."""
        with self._passing:
            self._pass_number += 1
            number = self._pass_number
            try:
                self._pass_or_reconnect()
            except (RunNotThereYetError, OutOfTimeError):
                self._failures += 1
            except Exception as error:
                self._fail(error)
            else:
                self._succeed()
                with self._passed:
                    self._last_success = number
                    self._passed.notify_all()
                return True
            return False

    def _pass_or_reconnect(self) -> None:
        """Make a pass; if a connection from an earlier one is gone, once more on a new one.

        Servers and poolers end idle connections (57P01, a reset): that is no outage to tell of.
        """
        was_connected = self._store.is_connected
        try:
            self._pass()
        except Exception as error:
            if not was_connected or self._store.is_connected or fault_of(error) is not Fault.OUTAGE:
                raise
            self._is_replay = True
            self._tell_starts_again()
            self._pass()

    def _tell_starts_again(self) -> None:
        """Have the open runs' rows inserted again where they are missing.

        What is found after a lost connection may be a restored or a recreated database.
        """
        if self._stop_at == _NEVER:
            self._runs.append_starts()

    def _pass(self) -> None:
        """Deliver everything that waits, own entries first, then those of the dead."""
        self._deliver(self._spool, is_live=True)
        self.before_idle()
        self._beat()
        self._orphans.bury_all()
        self._housekeeping.do_what_is_due()

    def look_for_orphans(self) -> None:
        """Look for spools of dead processes in the next pass, whenever the last look was."""
        self._orphans.look_again()

    def _deliver(self, spool: Spool | OrphanedSpool, *, is_live: bool) -> None:
        while True:
            # Read before the events: whatever run an entry in it belongs to, its start is there.
            block = spool.entries.read(_BLOCK_BYTES)
            self._apply_events(spool, is_live=is_live)
            if block is None:
                return
            # Here too: a long backlog must not make the runs of this process look dead.
            self._beat()
            written = self._store.write(block.data, sure=self._is_replay or not is_live)
            self._dead_letters.keep(written.dead)
            spool.entries.acknowledge(block.end)
            self._is_replay = False
            if is_live:
                self._spool.measure()
                self.committed += written.committed
                self.dead += len(written.dead)
            else:
                self.adopted += written.committed

    def _deliver_orphan(self, orphan: OrphanedSpool) -> None:
        for death in orphan.deaths:
            self._store.note_started(death.run_id)
        self._deliver(orphan, is_live=False)

    def _apply_events(self, spool: Spool | OrphanedSpool, *, is_live: bool) -> None:
        import orjson

        while block := spool.events.read(_EVENT_BYTES):
            for line in block.data.splitlines():
                with contextlib.suppress(orjson.JSONDecodeError):
                    event = orjson.loads(line)
                    letter = self._store.apply(event, is_live=is_live)
                    self._dead_letters.keep([letter] if letter else [])
            if is_live and block.end.segment > spool.events.position.segment:
                # The next process must find the start of each open run, also after this file goes.
                self._runs.append_starts()
            spool.events.acknowledge(block.end)

    def _beat(self) -> None:
        """Leave a sign of life and the counts so far on the rows of the open runs."""
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + self._settings.heartbeat_interval
        self._spool.leave_memory()
        if ids := self._runs.owned_ids():
            self._runs.append_progress()
            self._apply_events(self._spool, is_live=True)
            self._store.heartbeat(ids)

    def _fail(self, error: Exception) -> None:
        self._is_replay = True
        fault = fault_of(error)
        if not self._failures:
            self._tell_starts_again()
        if self._stop_at == _NEVER:
            self._store.cancel()
        # A setup fault is for a person to mend: the slow pace at once.
        self._failures = max(self._failures + 1, 20 if fault is Fault.SETUP else 0)
        self._store.close()
        self._tell(error)

    def _tell(self, error: Exception) -> None:
        topic, advice = self._store.shown(), find_remedy(error)
        reason = self._store.without_password(str(error).strip() or repr(error)).splitlines()[0]
        told = f"{reason}; {advice}" if advice else reason
        place = self._spool.folder or "memory"
        message = f"cannot write to {topic}: {told}; entries wait in {place}"
        if advice:
            notices.explain(topic, _FAILING, advice, message)
        else:
            notices.change(topic, _FAILING, message)

    def _succeed(self) -> None:
        self._failures = 0
        if not self._store.is_connected:
            # Nothing waited, so nothing was asked: that says nothing about the database.
            return
        topic = self._store.shown()
        if notices.is_in(topic, _FAILING):
            notices.change(topic, "ok", f"{topic} answers again; everything is delivered")

    @property
    def is_stopped(self) -> bool:
        """Tell whether no thread uses the spool any more."""
        return self._thread is None or not self._thread.is_alive()

    def is_done(self) -> bool:
        """Tell whether nothing of this process waits."""
        return self._spool.entries.is_empty() and self._spool.events.is_empty()

    def flush(self, timeout: float) -> bool:
        """Wait until everything appended before this call is committed; False if not in time."""
        if self.is_stopped:
            return self._attempt()
        with self._passed:
            wanted = self._pass_number + 1
            self._in_a_hurry = True
            self._wake.put(None)
            return self._passed.wait_for(lambda: self._last_success >= wanted, timeout)

    def stop(self, timeout: float) -> bool:
        """Make a last pass within ``timeout`` seconds and stop; True if nothing waits then."""
        self._stop_at = time.monotonic() + timeout
        self._store.hasten(self._stop_at)
        self._orphans.look_again()
        self._in_a_hurry = True
        self._wake.put(None)
        if self._thread is not None and self._thread.is_alive():
            # A little more, for the statement to notice its deadline, which psycopg looks at ten
            # times a second.
            self._thread.join(timeout + 0.3)
            if self._thread.is_alive():
                return False
        else:
            self._attempt()
        self._orphans.release()
        self._store.close()
        return self.is_done()
