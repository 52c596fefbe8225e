"""Runs that ended, and have not told yet what they logged (``sql/delivery/tell_run.sql``).

Once for each, when its entries are delivered. It saves those who read the adding up, and nothing
depends on it: what cannot be told is left. Runs on the shipping thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._database import driver, statements
from runlog._database.faults import NOT_SUPPORTED, Fault, fault_of, sqlstate
from runlog._database.session import OutOfTimeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._database.session import Session

_MOST_WAITING = 1000


class EndedRuns:
    """Those of one process, and of the dead whose spools it delivers."""

    def __init__(self, session: Session, schema: str) -> None:
        self._session = session
        self._schema = schema
        # In the order in which they ended.
        self._waiting: dict[str, Callable[[], bool]] = {}
        self._may_tell = True

    def note(self, run_id: str, is_delivered: Callable[[], bool]) -> None:
        """Note that this run ended; ``is_delivered`` tells whether its entries are all stored."""
        if self._may_tell and len(self._waiting) < _MOST_WAITING:
            self._waiting[run_id] = is_delivered

    def tell(self) -> None:
        """Have those tell whose entries are stored; what comes between is no fault of delivery."""
        sql = statements.statement("delivery/tell_run", self._schema)
        for run_id in [it for it, is_delivered in self._waiting.items() if is_delivered()]:
            del self._waiting[run_id]
            try:
                self._session.connection().execute(sql, {"id": run_id})
            except OutOfTimeError:
                self._waiting.clear()
                return
            except driver.Error as error:
                fault = fault_of(error)
                if fault is Fault.SETUP or sqlstate(error) == NOT_SUPPORTED:
                    # A role that may write and not read, or a cluster: the same for the next run.
                    self._may_tell = False
                    self._waiting.clear()
                    return
                if fault is Fault.OUTAGE:
                    return
