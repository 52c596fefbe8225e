"""What is said on stderr of a database that cannot be written to, and when it answers again.

Once for each change, with the remedy. Runs under the shipper's lock, on whichever thread ships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._database.faults import find_remedy, is_passing
from runlog._process import clock
from runlog._process import exit as _exit
from runlog._process.notices import notices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlog._database.session import Session

_FAILING = "failing"

_THREAD = "shipper"

_READING = "reading"

_PASSING_SECONDS = 15.0
"""So long a rush hour, or somebody's lock on the tables, is nothing to tell of."""


class Complaints:
    """Of one session; ``place`` is where entries wait meanwhile."""

    def __init__(self, session: Session, place: Callable[[], Path | None]) -> None:
        self._session = session
        self._place = place
        self._since: float | None = None

    def tell(self, error: BaseException) -> None:
        """Say that nothing can be written, and why, unless that was said."""
        now = clock.monotonic()
        self._since = now if self._since is None else self._since
        if is_passing(error) and now - self._since < _PASSING_SECONDS:
            # What is still left at an exit is told there.
            return
        topic, advice = self._session.shown(), find_remedy(error)
        reason = self._session.without_password(str(error).strip() or repr(error)).splitlines()[0]
        told = f"{reason}; {advice}" if advice else reason
        message = f"cannot write to {topic}: {told}; entries wait in {self._place() or 'memory'}"
        if advice:
            notices.explain(topic, _FAILING, advice, message)
        else:
            notices.change(topic, _FAILING, message)

    def tell_success(self, *, has_asked: bool) -> None:
        """Say that all is well again, if anything else was said; also of the database if asked."""
        if notices.is_in(_READING, "refused"):
            notices.change(_READING, "ok", "what waits can be read again")
        if has_asked:
            self._since = None
            if notices.is_in(topic := self._session.shown(), _FAILING):
                notices.change(topic, "ok", f"{topic} answers again; everything is delivered")

    def tell_unreadable(self, error: OSError) -> None:
        """Say that this process's own spool cannot be read now."""
        notices.change(
            _READING, "refused", f"what waits cannot be read: {error}; it is tried again"
        )

    def tell_surprise(self, error: Exception) -> None:
        """Say that the delivery was interrupted by what no database has to do with."""
        told = f"the delivery was interrupted ({error!r}); it goes on"
        notices.change("shipping", repr(error), told)

    def tell_no_thread(self, error: Exception) -> None:
        """Say that no thread can be started; late in an exit that is as it should be."""
        if not _exit.is_exiting():
            told = f"the thread that delivers cannot be started ({error}); entries wait"
            notices.change(_THREAD, "none", f"{told}, and it is tried again with the next ones")

    def tell_thread(self) -> None:
        """Say that there is a thread now, if it was said that there is none."""
        if notices.is_in(_THREAD, "none"):
            notices.change(_THREAD, "ok", "the thread that delivers could be started")
