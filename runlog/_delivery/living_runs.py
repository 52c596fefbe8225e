"""What delivery needs of the runs that are open in this process."""

from __future__ import annotations

from typing import Protocol


class LivingRuns(Protocol):
    """The open runs of one recorder, as the shipper's thread asks for them."""

    def owned_ids(self) -> list[str]:
        """Return the open runs that this process started, not those it was forked in."""

    def append_starts(self) -> None:
        """Write the starts of all open runs once more; who has them already ignores them."""

    def append_progress(self) -> None:
        """Write what has changed in open runs since the last time."""
