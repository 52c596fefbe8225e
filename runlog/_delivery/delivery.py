"""Delivery: one pass over everything that waits, own entries first, then those of the dead.

Reads downwards from ``make_pass``. Nothing is acknowledged before COMMIT, so order and completeness
are kept, and a pass that fails is simply made again. When a pass is made, and what is said of one
that failed, is the shipper's. Runs on the shipper's thread, or on the exiting one.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from runlog._database import driver
from runlog._database.faults import is_of_a_row
from runlog._delivery.late_runs import OwnLateRuns, RunNotThereYetError
from runlog._delivery.store import Ended, Row
from runlog._entry.pack import unpack_event
from runlog._process import clock
from runlog._process.notices import notices
from runlog._spool.backlog import list_lines
from runlog._spool.dead_letters import DeadLetter, NoPlaceError
from runlog._spool.writer import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runlog._delivery.ended_runs import EndedRuns
    from runlog._delivery.housekeeping import Housekeeping
    from runlog._delivery.identity import Identity
    from runlog._delivery.late_runs import LateRuns
    from runlog._delivery.living_runs import LivingRuns
    from runlog._delivery.orphans import Orphans
    from runlog._delivery.store import Store
    from runlog._spool.backlog import Block
    from runlog._spool.dead_letters import DeadLetters
    from runlog._spool.orphan import OrphanedSpool
    from runlog._spool.spool import Spool

EVENT_BYTES = 2**18


class Delivery:
    """Brings one spool, and those of processes that are gone, to one database."""

    def __init__(
        self,
        *,
        spool: Spool,
        store: Store,
        runs: LivingRuns,
        dead_letters: DeadLetters,
        orphans: Orphans,
        housekeeping: Housekeeping,
        identity: Identity,
        ended_runs: EndedRuns,
        heartbeat_interval: float,
        before_idle: Callable[[], None],
    ) -> None:
        """Call ``before_idle`` once the process's own entries are delivered; it may append more."""
        self._spool = spool
        self._store = store
        self._runs = runs
        self._dead_letters = dead_letters
        self._orphans = orphans
        self._housekeeping = housekeeping
        self._identity = identity
        self._ended_runs = ended_runs
        self._before_idle = before_idle
        self._heartbeat_interval = heartbeat_interval
        self._next_beat = clock.monotonic() + heartbeat_interval
        self._late_runs = OwnLateRuns()
        self.is_replay = False
        """Whether the next block may be there already: its answer was lost."""
        # Re-entrant: a signal handler may ask for the statistics.
        self.accounts = threading.RLock()
        """Held while entries go from waiting to committed, adopted or dead, and by who adds up."""
        self.committed = 0
        self.dead = 0
        self.adopted = 0

    def make_pass(self, *, is_last: bool) -> Iterator[None]:
        """Deliver everything that waits; yields after each block of this process's own entries."""
        yield from self._deliver_own(is_last=is_last)
        with contextlib.suppress(NoPlaceError):
            # What was delivered has made room for those that memory stood in for.
            self._dead_letters.keep([])
        self._before_idle()
        self._ended_runs.tell()
        self._beat()
        if self._identity.is_asked and not (is_last and self.is_done()):
            # A folder that goes away in a moment needs no note, nor its script another round trip.
            self._identity.note_in(self._spool.folder)
        self._orphans.bury_all(self._deliver_orphan)
        self._ended_runs.tell()
        self._housekeeping.do_what_is_due()

    def look_for_orphans(self) -> None:
        """Look for spools of dead processes in the next pass, whenever the last look was."""
        self._orphans.look_again()

    def note_outage(self) -> None:
        """Note that the database was away: nobody else could give a sign of life either."""
        self._housekeeping.put_off()

    def _deliver_own(self, *, is_last: bool) -> Iterator[None]:
        # What comes meanwhile waits for the next pass: small batches cost the script more, and a
        # pass must not run for ever after a script that logs as fast as it delivers.
        end = self._spool.entries.end()
        is_all = False
        while not is_all:
            # Read before the events: whatever run an entry in it belongs to, its start is there.
            block = self._spool.entries.read(BLOCK_BYTES)
            if not is_last and not self.is_done():
                # Before anything is there: whoever dies then has a run in no other database.
                self._identity.note_in(self._spool.folder)
            at_once = self._try_at_once(block)
            if at_once is None:
                self._apply_own_events()
            if block is None:
                return
            committed, dead, late = (
                self._write(block, self._late_runs, sure=self.is_replay)
                if at_once is None
                else (at_once, [], [])
            )
            if late:
                raise RunNotThereYetError
            self._keep(dead)
            with self.accounts:
                is_all = block.end >= end
                self._spool.entries.acknowledge(block.end)
                self.committed += committed
                self.dead += len(dead)
            self.is_replay = False
            self._spool.measure()
            yield

    def _try_at_once(self, block: Block | None) -> int | None:
        """Store run events and the entries after them together; return how many entries it were.

        None where the careful way is to take them: one by one, in the same order. What failed once
        goes that way too, so nothing depends on what a pooler makes of several statements at once.
        """
        end = self._spool.events.end()
        events = None if self.is_replay else self._spool.events.read(EVENT_BYTES)
        if events is None or events.end < end:
            return None
        done = self._store.write_at_once(list_lines(events.data), block.data if block else b"")
        if done is None:
            return None
        for run_id in done.ended:
            self._ended_runs.note(run_id, self._spool.entries.mark())
        self._acknowledge_events(events)
        return done.committed

    def _write(
        self, block: Block, late_runs: LateRuns, *, sure: bool
    ) -> tuple[int, list[DeadLetter], list[Row]]:
        """Store a block; return how many entries are committed, the refused, those too early."""
        committed, dead, late = 0, list[DeadLetter](), list[Row]()
        # A long backlog, or a block whose rows are refused one by one, must not make the runs of
        # this process look dead.
        self._beat()
        for written in self._store.write(block.data, late_runs, sure=sure):
            committed += written.committed
            dead += written.dead
            late += written.late
            self._beat()
        return committed, dead, late

    def _apply_own_events(self) -> None:
        while block := self._spool.events.read(EVENT_BYTES):
            for line in list_lines(block.data):
                ended = self._apply(line, self._late_runs, is_live=True)
                if ended.is_late:
                    raise RunNotThereYetError
                self._keep(ended.dead)
            self._acknowledge_events(block)

    def _acknowledge_events(self, block: Block) -> None:
        if block.end.segment > self._spool.events.position.segment:
            # The next process must find the start of each open run, also after this file goes.
            self._runs.append_starts()
        self._spool.events.acknowledge(block.end)

    def _apply(self, line: bytes, late_runs: LateRuns, *, is_live: bool) -> Ended:
        try:
            event = unpack_event(line)
        except ValueError:
            return Ended([DeadLetter(line.decode("utf-8", "backslashreplace"), None, "damaged")])
        done = self._store.apply(event, late_runs, is_live=is_live)
        if done.ended is not None:
            # Its entries were written before its end, and may be delivered after it.
            is_delivered = self._spool.entries.mark() if is_live else lambda: True
            self._ended_runs.note(done.ended, is_delivered)
        return done

    def _keep(self, dead: list[DeadLetter]) -> None:
        try:
            self._dead_letters.keep(dead)
        except NoPlaceError:
            # A disk that is full of what waits behind the refused one would stay so. Where memory
            # stands in for it already, that holds the letters as well.
            if self._spool.is_safe():
                raise
            self._dead_letters.hold(dead)

    def _deliver_orphan(self, orphan: OrphanedSpool, late_runs: LateRuns) -> bool:
        """Deliver what waits there but for what is too early, which is put back at its end.

        Returns whether nothing is left.
        """
        for death in orphan.deaths:
            self._store.note_started(death.run_id)
            self._ended_runs.note(death.run_id, lambda: True)
        is_all = True
        while True:
            # In the order of ``_deliver_own``, and for its reasons.
            block = orphan.entries.read(BLOCK_BYTES)
            is_all &= self._apply_events_of(orphan, late_runs)
            if block is None:
                return is_all
            committed, dead, late = self._write(block, late_runs, sure=True)
            if late:
                orphan.put_back_entries(late)
                is_all = False
            self._keep(dead)
            with self.accounts:
                orphan.entries.acknowledge(block.end)
                self.adopted += committed

    def _apply_events_of(self, orphan: OrphanedSpool, late_runs: LateRuns) -> bool:
        is_all = True
        while block := orphan.events.read(EVENT_BYTES):
            for line in list_lines(block.data):
                ended = self._apply(line, late_runs, is_live=False)
                if ended.is_late:
                    orphan.put_back_event(line)
                    is_all = False
                self._keep(ended.dead)
            orphan.events.acknowledge(block.end)
        return is_all

    def _beat(self) -> None:
        """Leave a sign of life and the counts so far on the rows of the open runs."""
        if clock.monotonic() < self._next_beat:
            return
        self._next_beat = clock.monotonic() + self._heartbeat_interval
        self._spool.leave_memory()
        if ids := self._runs.owned_ids():
            self._runs.append_progress()
            self._apply_own_events()
            self._tell_alive(ids)

    def _tell_alive(self, run_ids: list[str]) -> None:
        try:
            self._store.heartbeat(run_ids)
        except driver.Error as error:
            if not is_of_a_row(error):
                raise
            # A constraint or a trigger of the user's, for what ails a row must not hold up entries.
            reason = str(error).strip().splitlines()[0]
            told = f"the sign of life of the open runs is refused: {reason}; mend what refuses it"
            notices.change("heartbeat", "refused", told)

    def is_done(self) -> bool:
        """Tell whether nothing of this process waits; what cannot be read now does."""
        try:
            return self._spool.entries.is_empty() and self._spool.events.is_empty()
        except OSError:
            return False

    def forget_in_child(self) -> None:
        """Let go of what is the parent's after a fork."""
        self._orphans.forget_in_child()
