"""Stats: where the entries of a process are, counted at one moment while calls and delivery go on.

Reads the counters of ``_spool`` and ``_delivery`` and the spool's files, and keeps the delivery
from counting meanwhile. Runs on any thread; for people and tests, not for the hot path.
"""

from __future__ import annotations

import operator
import time
from typing import TYPE_CHECKING, NamedTuple

from runlog._readable import plural

if TYPE_CHECKING:
    from pathlib import Path

    from runlog._delivery.delivery import Delivery
    from runlog._spool.spool import Spool

_READINGS_MAX = 100


class Stats(NamedTuple):
    """Where entries are: ``appended = committed + waiting + dead_letters + shed``."""

    appended: int = 0
    committed: int = 0
    waiting: int = 0
    dead_letters: int = 0
    shed: int = 0
    unbound: int = 0
    """Records logged outside of any run; they were never entries."""
    adopted: int = 0
    """Entries of processes that are gone, committed by this one."""

    def left(self) -> int:
        """Return how many entries wait by the law, also where what waits cannot be read."""
        return self.appended - self.committed - self.dead_letters - self.shed

    def plus(self, other: Stats) -> Stats:
        """Return the sums of both."""
        return Stats(*map(operator.add, self, other))


def waiting_words(waiting: int, folder: Path | None, shed: int) -> str:
    """Say that so many entries wait when the process ends; without a folder they are lost.

    So is then, perhaps, the row that tells how many were shed.
    """
    if folder is None:
        lost = f"{plural(waiting, 'entry', 'entries')} in memory could not be delivered: lost"
        return f"{lost}; {plural(shed, 'entry was', 'entries were')} shed" if shed else lost
    entries = plural(waiting, "entry waits", "entries wait")
    return f'{entries} in {folder}; the next runlog process or "runlog flush" delivers them'


def count_entries(spool: Spool, delivery: Delivery) -> Stats:
    """Count the entries of one spool.

    Calls may go on meanwhile. One that is under way stands in the file before it is counted, so
    what is accounted for must lie between what was taken before and after. A reading that caught
    such a call is made again, and one that breaks the law for good is returned as it is.
    """
    for _ in range(_READINGS_MAX):
        with delivery.accounts:
            lost, least = spool.entries_lost, spool.entries_taken
            shed = sum(spool.shed_counts().values())
            waiting = spool.entries.count_waiting()
            accounted = delivery.committed + delivery.dead + waiting + lost
            most = spool.entries_taken
            stats = Stats(
                appended=shed + (accounted if least <= accounted <= most else most),
                committed=delivery.committed,
                waiting=waiting,
                dead_letters=delivery.dead,
                shed=shed + lost,
                adopted=delivery.adopted,
            )
        if least <= accounted <= most:
            break
        time.sleep(0)
    return stats
