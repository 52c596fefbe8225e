"""What runlog says of itself: one line on stderr for each change of state, never into the log.

Any thread; never raises.
"""

from __future__ import annotations

from runlog._process.state import process
from runlog._process.visible import visible
from runlog._process.voice import write_line


def say(message: str) -> None:
    """Write one line to stderr, if there is one; what a terminal would obey is shown instead."""
    write_line(f"runlog: {visible(message)}")


_MOST_REASONS = 100


class Notices:
    """Says a thing when its state changes, and is silent while it stays."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._reasons: dict[str, set[str]] = {}

    def change(self, topic: str, state: str, message: str) -> None:
        """Say ``message`` if ``topic`` was not in ``state`` before."""
        if self._states.get(topic) != state:
            self.settle(topic, state)
            say(message)

    def explain(self, topic: str, state: str, reason: str, message: str) -> None:
        """Say ``message`` if ``topic`` was not in ``state`` before, or not for this ``reason``.

        However often reasons take turns, each is said once while the state lasts, and not more than
        a hundred of them: a loop must not fill the screen, nor memory.
        """
        if self._states.get(topic) != state:
            self.settle(topic, state)
        reasons = self._reasons.setdefault(topic, set())
        if reason not in reasons and len(reasons) < _MOST_REASONS:
            reasons.add(reason)
            say(message)

    def is_in(self, topic: str, state: str) -> bool:
        """Tell whether ``topic`` was last said to be in ``state``."""
        return self._states.get(topic) == state

    def settle(self, topic: str, state: str) -> None:
        """Note ``state`` without saying anything."""
        self._states[topic] = state
        self._reasons.pop(topic, None)


notices = process.part(Notices)
"""Those of this process."""
