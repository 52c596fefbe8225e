"""Shipper: the one background thread of a process that brings the spool to PostgreSQL.

When it ships: at once for what is urgent (ERROR, a run's start and end), else every
``flush_interval`` seconds, and again at once when a full block waits. What it does in one pass is
the subject of ``_delivery``. After a failure it waits longer and longer, with jitter, and makes the
pass again.

At the end of the script the thread makes a last pass within ``exit_timeout``; where there is no
thread (it cannot start late in an exit), the exiting thread makes it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING

from runlog._database.driver import preload
from runlog._database.faults import Fault, ends_session, fault_of, find_remedy
from runlog._delivery.delivery import Delivery
from runlog._delivery.store import OutOfTimeError, RunNotThereYetError
from runlog._process import jitter
from runlog._process.notices import notices
from runlog._spool.backlog import UnreadableError
from runlog._spool.dead_letters import NoPlaceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlog._delivery.living_runs import LivingRuns
    from runlog._delivery.store import Store
    from runlog._settings import Settings
    from runlog._spool.spool import Spool

_NEVER = float("inf")
_TOUCH_INTERVAL = 1.0
_FAILING = "failing"


class Shipper:
    """Ships one spool, and those of processes that are gone, to one database."""

    def __init__(
        self,
        spool: Spool,
        store: Store,
        runs: LivingRuns,
        settings: Settings,
        database_folder: Path | None,
    ) -> None:
        self._spool = spool
        self._store = store
        self._runs = runs
        self._settings = settings
        self.delivery = Delivery(spool, store, runs, settings, database_folder)
        self.delivery.after_block = self._notify
        self._thread: threading.Thread | None = None
        self._ending = threading.Lock()
        self._has_ended = False
        self._last_action: Callable[[], None] = lambda: None
        # SimpleQueue and not Event: its put may run in a signal handler that interrupts a put.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._passing = threading.Lock()
        self._passed = threading.Condition()
        self._pass_number = 0
        self._last_success = 0
        self._in_a_hurry = False
        self._stop_at = _NEVER
        self._failures = 0

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
        # Without a pass there is no sign of life.
        interval = min(self._settings.flush_interval, self._settings.heartbeat_interval)
        pause = 0.0
        while self._stop_at == _NEVER:
            self._pause(pause)
            self._spool.touch()
            pause = interval if self._attempt() else self._backoff()
        if self._last_success < self._pass_number or not self.is_done():
            self._attempt()
        # ``stop`` may have given up on this thread long ago.
        self._let_go()
        with self._ending:
            self._has_ended = True
        self._last_action()

    def when_stopped(self, action: Callable[[], None]) -> None:
        """Call ``action`` once no thread uses the spool any more; now, if there is none."""
        with self._ending:
            if not self.is_stopped and not self._has_ended:
                # It hangs in a statement or a connection; the spool is nobody's as soon as it ends.
                self._last_action = action
                return
        action()

    def _let_go(self) -> None:
        self.delivery.release()
        self._store.close()

    def _pause(self, seconds: float) -> None:
        """Wait; an urgent entry ends the wait, but only a hurry ends the wait before a retry."""
        until = time.monotonic() + seconds
        while not self._in_a_hurry and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=min(left, _TOUCH_INTERVAL))
                if not self._failures:
                    break
            # However long the database is away: what the disk refused must not wait in memory.
            self._spool.touch()
        self._in_a_hurry = False
        # Whoever asked before the pass gets this one.
        with contextlib.suppress(queue.Empty):
            while True:
                self._wake.get_nowait()

    def _backoff(self) -> float:
        """Return the seconds before the next try: doubling; jitter spreads 50 scripts."""
        doubled: float = self._settings.retry_interval * 2.0 ** min(self._failures - 1, 20)
        return min(self._settings.retry_interval_max, doubled) * jitter.between(0.5, 1.0)

    def _attempt(self) -> bool:
        """Make one pass; False when it failed, which is said once and tried again later."""
        with self._passing:
            self._pass_number += 1
            number = self._pass_number
            try:
                self._pass_or_reconnect()
            except (RunNotThereYetError, OutOfTimeError, NoPlaceError):
                self._failures += 1
            except UnreadableError as error:
                # No fault of the database; what waits stays where it is.
                self._failures += 1
                told = f"what waits cannot be read: {error}; it is tried again"
                notices.change("reading", "refused", told)
            except Exception as error:
                self._fail(error)
            else:
                self._succeed()
                self._last_success = number
                self._notify()
                return True
            return False

    def _notify(self) -> None:
        with self._passed:
            self._passed.notify_all()

    def _pass_or_reconnect(self) -> None:
        """Make a pass; if a connection from an earlier one is gone, once more on a new one.

        Servers and poolers end idle connections (57P01, a reset): that is no outage to tell of.
        """
        was_connected = self._store.is_connected
        try:
            self.delivery.make_pass()
        except Exception as error:
            # The server's last word can be here before the end of its stream.
            is_lost = not self._store.is_connected or ends_session(error)
            if not was_connected or not is_lost or fault_of(error) is not Fault.OUTAGE:
                raise
            self._store.close()
            self.delivery.is_replay = True
            self._tell_starts_again()
            self.delivery.make_pass()

    def _tell_starts_again(self) -> None:
        """Have the open runs' rows inserted again where they are missing.

        What is found after a lost connection may be a restored or a recreated database.
        """
        if self._stop_at == _NEVER:
            self._runs.append_starts()

    def _fail(self, error: Exception) -> None:
        self.delivery.is_replay = True
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
        if notices.is_in("reading", "refused"):
            notices.change("reading", "ok", "what waits can be read again")
        if not self._store.is_connected:
            # Nothing waited, so nothing was asked: that says nothing about the database.
            return
        if notices.is_in(topic := self._store.shown(), _FAILING):
            notices.change(topic, "ok", f"{topic} answers again; everything is delivered")

    @property
    def is_stopped(self) -> bool:
        """Tell whether no thread uses the spool any more."""
        return self._thread is None or not self._thread.is_alive()

    def is_done(self) -> bool:
        """Tell whether nothing of this process waits."""
        return self.delivery.is_done()

    def flush(self, timeout: float, *, orphans: bool = False) -> bool:
        """Wait until everything appended before this call is committed; False if not in time.

        With ``orphans`` until a whole pass is made, which also delivers what the dead have left.
        """
        if orphans:
            self.delivery.look_for_orphans()
        if self.is_stopped:
            return self._attempt()
        entries, events = self._spool.entries, self._spool.events
        last_entry, last_event = entries.end(), events.end()
        with self._passed:
            wanted = self._pass_number + 1 if orphans else 0
            self._in_a_hurry = True
            self._wake.put(None)
            # Not the end of a pass: one that is under way began before this call, and one that
            # finds nothing to read ends well.
            return self._passed.wait_for(
                lambda: (
                    self._last_success >= wanted
                    and entries.position >= last_entry
                    and events.position >= last_event
                ),
                timeout,
            )

    def stop(self, timeout: float) -> bool:
        """Make a last pass within ``timeout`` seconds and stop; True if nothing waits then."""
        self._stop_at = time.monotonic() + timeout
        self._store.hasten(self._stop_at)
        self.delivery.look_for_orphans()
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
        self._let_go()
        return self.is_done()
