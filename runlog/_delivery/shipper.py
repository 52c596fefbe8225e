"""Shipper: the one background thread of a process that brings the spool to PostgreSQL.

When it ships: at once for what is urgent (ERROR, a run's start and end), else every
``flush_interval`` seconds, and again at once when a full block waits. What it does in one pass is
the subject of ``_delivery``. After a failure it waits longer and longer, with jitter, and makes the
pass again.

At the end of the script the thread makes a last pass within ``exit_timeout``; where there is no
thread (it cannot start late in an exit), the exiting thread makes it. A thread that cannot be
started is tried again, with the next record and the next wake.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING

from runlog._database.driver import preload
from runlog._database.faults import Fault, ends_session, fault_of
from runlog._database.session import OutOfTimeError
from runlog._delivery.late_runs import RunNotThereYetError
from runlog._delivery.refusals import NotYetSureError
from runlog._process import clock, jitter
from runlog._process.threads import start_thread
from runlog._spool.backlog import UnreadableError
from runlog._spool.dead_letters import NoPlaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._database.session import Session
    from runlog._delivery.complaints import Complaints
    from runlog._delivery.delivery import Delivery
    from runlog._delivery.living_runs import LivingRuns
    from runlog._settings import Settings
    from runlog._spool.spool import Spool

_NEVER = float("inf")
_A_MOMENT = 1.0
"""Seconds between signs of life, tries to start a thread, and tries after a surprise."""


class Shipper:
    """Ships one spool, and those of processes that are gone, to one database."""

    def __init__(
        self,
        *,
        spool: Spool,
        session: Session,
        delivery: Delivery,
        runs: LivingRuns,
        complaints: Complaints,
        settings: Settings,
    ) -> None:
        self._spool = spool
        self._session = session
        self._runs = runs
        self._complaints = complaints
        self._settings = settings
        self.delivery = delivery
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._next_start = 0.0
        self._ending = threading.Lock()
        self._in_a_hurry = self._has_ended = False
        self._last_action: Callable[[], None] = lambda: None
        # SimpleQueue and not Event: its put may run in a signal handler that interrupts a put.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._passing = threading.Lock()
        self._passed = threading.Condition()
        self._pass_number = self._last_success = self._failures = 0
        self._refused_pass = -1
        self._stop_at = _NEVER

    def start(self) -> bool:
        """Start the thread unless it runs or was stopped; False where it cannot be started now.

        Late in an exit there may be none, and the last pass does the work.
        """
        if not self.is_stopped or self._stop_at != _NEVER:
            return True
        # Whoever finds it taken is in the middle of a start, or a signal came in between.
        if clock.monotonic() < self._next_start or not self._starting.acquire(blocking=False):
            return False
        try:
            self._next_start = clock.monotonic() + _A_MOMENT
            self._thread = start_thread(self._run, "runlog-shipper")
        except Exception as error:
            self._complaints.tell_no_thread(error)
            return False
        finally:
            self._starting.release()
        self._complaints.tell_thread()
        return True

    def wake(self) -> None:
        """Ask for a pass now; never blocks, safe in signal handlers."""
        if self._wake.empty():
            self._wake.put(None)
        if self.is_stopped:
            self.start()

    def _run(self) -> None:
        try:
            self._loop()
        finally:
            # ``stop`` may have given up on this thread long ago.
            self._session.close()
            with self._ending:
                self._has_ended = self._stop_at != _NEVER
            if self._has_ended:
                self._last_action()

    def _loop(self) -> None:
        # Without a pass there is no sign of life.
        interval = min(self._settings.flush_interval, self._settings.heartbeat_interval)
        pause = 0.0
        while self._stop_at == _NEVER:
            try:
                preload()
                self._pause(pause)
                self._spool.touch()
                pause = interval if self._attempt() else self._backoff()
            except Exception as error:
                # No memory, no descriptor: whatever it is, it must not be the thread's end.
                with contextlib.suppress(Exception):
                    self._complaints.tell_surprise(error)
                clock.sleep(_A_MOMENT)
        is_left = self._last_success < self._pass_number or not self.delivery.is_done()
        # Who was refused just now would be again, and tries are counted (fail2ban).
        if is_left and self._refused_pass < self._pass_number:
            self._attempt()

    def when_stopped(self, action: Callable[[], None]) -> None:
        """Call ``action`` once no thread uses the spool any more; now, if there is none."""
        with self._ending:
            if not self.is_stopped and not self._has_ended:
                # It hangs in a statement or a connection; the spool is nobody's as soon as it ends.
                self._last_action = action
                return
        action()

    def _pause(self, seconds: float) -> None:
        """Wait; an urgent entry ends the wait, but only a hurry ends the wait before a retry."""
        until = clock.monotonic() + seconds
        while not self._in_a_hurry and (left := until - clock.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=min(left, _A_MOMENT))
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
                self._complaints.tell_unreadable(error)
            except NotYetSureError as error:
                self._fail(error.__cause__ or error)
            except Exception as error:
                self._fail(error)
            else:
                self._failures = 0
                # Where nothing waited nothing was asked: that says nothing about the database.
                self._complaints.tell_success(has_asked=self._session.is_connected)
                self._last_success = number
                self._notify()
                return True
            return False

    def _notify(self) -> None:
        with self._passed:
            self._passed.notify_all()

    def _make_pass(self) -> None:
        for _ in self.delivery.make_pass(is_last=self._stop_at != _NEVER):
            self._notify()

    def _pass_or_reconnect(self) -> None:
        """Make a pass; if a connection from an earlier one is gone, once more on a new one.

        Servers and poolers end idle connections (57P01, a reset): that is no outage to tell of.
        """
        was_connected = self._session.is_connected
        try:
            self._make_pass()
        except Exception as error:
            # The server's last word can be here before the end of its stream.
            is_lost = not self._session.is_connected or ends_session(error)
            if not was_connected or not is_lost or fault_of(error) is not Fault.OUTAGE:
                raise
            self._session.close()
            self.delivery.is_replay = True
            self._tell_starts_again()
            self._make_pass()

    def _tell_starts_again(self) -> None:
        """Have the open runs' rows inserted again where they are missing.

        What is found after a lost connection may be a restored or a recreated database.
        """
        if self._stop_at == _NEVER:
            self._runs.append_starts()

    def _fail(self, error: BaseException) -> None:
        """Get ready for another try; nothing of it raises, whatever state the process is in."""
        self.delivery.is_replay = True
        is_setup = fault_of(error) is Fault.SETUP
        self._refused_pass = self._pass_number if is_setup else -1
        is_first = not self._failures
        # A setup fault is for a person to mend: the slow pace at once.
        self._failures = max(self._failures + 1, 20 if is_setup else 0)
        with contextlib.suppress(Exception):
            if is_first:
                self._tell_starts_again()
        if not is_setup:
            self.delivery.note_outage()
        if self._stop_at == _NEVER:
            self._session.cancel()
        self._session.close()
        with contextlib.suppress(Exception):
            self._complaints.tell(error)

    @property
    def is_stopped(self) -> bool:
        """Tell whether no thread uses the spool any more."""
        return self._thread is None or not self._thread.is_alive()

    def flush(self, timeout: float, *, orphans: bool = False) -> bool:
        """Wait until everything appended before this call is committed; False if not in time.

        With ``orphans`` until a whole pass is made, which also delivers what the dead have left.
        """
        if orphans:
            self.delivery.look_for_orphans()
        self.start()
        if self.is_stopped:
            return self._attempt()
        try:
            marks = self._spool.entries.mark(), self._spool.events.mark()
        except OSError:
            # What cannot be read now cannot be delivered now.
            return False
        with self._passed:
            wanted = self._pass_number + 1 if orphans else 0
            self._in_a_hurry = True
            self._wake.put(None)
            # Not the end of a pass: one that is under way began before this call, and one that
            # finds nothing to read ends well.
            return self._passed.wait_for(
                lambda: self._last_success >= wanted and all(mark() for mark in marks), timeout
            )

    def stop(self, timeout: float) -> bool:
        """Make a last pass within ``timeout`` seconds and stop; True if nothing waits then."""
        self._stop_at = clock.monotonic() + timeout
        self._session.hasten(self._stop_at)
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
        self._session.close()
        return self.delivery.is_done()
