"""Delivery: one pass over everything that waits, own entries first, then those of the dead.

Reads downwards from ``make_pass``. Nothing is acknowledged before COMMIT, so order and completeness
are kept, and a pass that fails is simply made again. When a pass is made, and what is said of one
that failed, is the shipper's. Runs on the shipper's thread, or on the exiting one.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from runlog._database.asking import database_id
from runlog._database.faults import Fault, fault_of
from runlog._delivery.housekeeping import Housekeeping
from runlog._delivery.orphans import Orphans
from runlog._process.notices import notices
from runlog._spool.backlog import list_lines
from runlog._spool.dead_letters import DeadLetter, DeadLetters
from runlog._spool.destination import note_database
from runlog._spool.places import folders_of
from runlog._spool.writer import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlog._delivery.living_runs import LivingRuns
    from runlog._delivery.store import Store
    from runlog._settings import Settings
    from runlog._spool.orphan import OrphanedSpool
    from runlog._spool.spool import Spool

_EVENT_BYTES = 2**18
_LETTER_BYTES_MIN = 2**24


def _nothing() -> None:
    pass


class Delivery:
    """Brings one spool, and those of processes that are gone, to one database."""

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
        self._schema = settings.schema
        self._heartbeat_interval = settings.heartbeat_interval
        self._next_beat = time.monotonic() + settings.heartbeat_interval
        self._dead_letters = DeadLetters(
            database_folder,
            max(settings.spool_max_bytes // 4, _LETTER_BYTES_MIN),
            self._database_id,
        )
        self._housekeeping = Housekeeping(store, runs, settings)
        self._orphans = Orphans(
            folders_of(database_folder, settings),
            spool.folder,
            store,
            self._deliver_orphan,
            runs.owned_ids,
            self._database_id,
        )
        # A block whose rows are refused one by one must not make the runs look dead.
        store.between_statements = self._beat
        self._noted: tuple[Path | None, str | None] = (None, None)
        self.is_replay = False
        """Whether the next block may be there already: its answer was lost."""
        self.before_idle: Callable[[], None] = _nothing
        """Called when this process's own entries are delivered; may append to the spool."""
        self.after_block: Callable[[], None] = _nothing
        """Called after each block of this process's own entries."""
        # Re-entrant: a signal handler may ask for the statistics.
        self.accounts = threading.RLock()
        """Held while entries go from waiting to committed, adopted or dead, and by who adds up."""
        self.committed = 0
        self.dead = 0
        self.adopted = 0

    def make_pass(self) -> None:
        """Deliver everything that waits, own entries first, then those of the dead."""
        self._deliver(self._spool, is_live=True)
        self.before_idle()
        self._beat()
        self._note_database()
        self._orphans.bury_all()
        self._housekeeping.do_what_is_due()

    def _database_id(self) -> str | None:
        return database_id(self._store.connection(), self._schema)

    def _note_database(self) -> None:
        """Note in the spool which database it is for, should others have to deliver it."""
        folder = self._spool.folder
        if folder is None or not self._store.is_connected:
            return
        noted = (folder, self._database_id())
        if noted[1] is not None and noted != self._noted:
            note_database(folder, noted[1])
            self._noted = noted

    def look_for_orphans(self) -> None:
        """Look for spools of dead processes in the next pass, whenever the last look was."""
        self._orphans.look_again()

    def _deliver(self, spool: Spool | OrphanedSpool, *, is_live: bool) -> None:
        # What comes meanwhile waits for the next pass: small batches cost the script more, and a
        # pass must not run for ever after a script that logs as fast as it delivers.
        end = spool.entries.end()
        is_all = False
        while not is_all:
            # Read before the events: whatever run an entry in it belongs to, its start is there.
            block = spool.entries.read(BLOCK_BYTES)
            self._apply_events(spool, is_live=is_live)
            if block is None:
                return
            # Here too: a long backlog must not make the runs of this process look dead.
            self._beat()
            written = self._store.write(block.data, sure=self.is_replay or not is_live)
            self._dead_letters.keep(written.dead)
            with self.accounts:
                is_all = is_live and block.end >= end
                spool.entries.acknowledge(block.end)
                if is_live:
                    self.committed += written.committed
                    self.dead += len(written.dead)
                else:
                    self.adopted += written.committed
            self.is_replay = False
            if is_live:
                self._spool.measure()
                self.after_block()

    def _deliver_orphan(self, orphan: OrphanedSpool) -> None:
        for death in orphan.deaths:
            self._store.note_started(death.run_id)
        self._deliver(orphan, is_live=False)

    def _apply_events(self, spool: Spool | OrphanedSpool, *, is_live: bool) -> None:
        import orjson

        while block := spool.events.read(_EVENT_BYTES):
            for line in list_lines(block.data):
                try:
                    letter = self._store.apply(orjson.loads(line), is_live=is_live)
                except orjson.JSONDecodeError:
                    letter = DeadLetter(line.decode("utf-8", "backslashreplace"), None, "damaged")
                self._dead_letters.keep([letter] if letter else [])
            if is_live and block.end.segment > spool.events.position.segment:
                # The next process must find the start of each open run, also after this file goes.
                self._runs.append_starts()
            spool.events.acknowledge(block.end)

    def _beat(self) -> None:
        """Leave a sign of life and the counts so far on the rows of the open runs."""
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + self._heartbeat_interval
        self._spool.leave_memory()
        if ids := self._runs.owned_ids():
            self._runs.append_progress()
            self._apply_events(self._spool, is_live=True)
            self._tell_alive(ids)

    def _tell_alive(self, run_ids: list[str]) -> None:
        import psycopg

        try:
            self._store.heartbeat(run_ids)
        except psycopg.Error as error:
            if fault_of(error) is not Fault.ROW:
                raise
            # A constraint or a trigger of the user's, for what ails a row must not hold up entries.
            reason = str(error).strip().splitlines()[0]
            told = f"the sign of life of the open runs is refused: {reason}; mend what refuses it"
            notices.change("heartbeat", "refused", told)

    def is_done(self) -> bool:
        """Tell whether nothing of this process waits."""
        return self._spool.entries.is_empty() and self._spool.events.is_empty()

    def release(self) -> None:
        """Give back the orphans that could not be delivered."""
        self._orphans.release()
