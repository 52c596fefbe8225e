"""A script that logs without a pause, as a thread of the test: what it logged is known exactly."""

from __future__ import annotations

import threading
from typing import Self

_PAUSE = 0.001


class Chatter:
    """Logs ``line 000000``, ``line 000001`` … from a thread of its own while the block lasts.

    Attributes:
        lines: what was logged so far, in order.
        raised: what a call of logging raised, which it never may.
    """

    def __init__(self, made) -> None:
        self.lines: list[str] = []
        self.raised: list[BaseException] = []
        self._made = made
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, name="chatter", daemon=True)

    def _work(self) -> None:
        try:
            while not self._done.wait(_PAUSE):
                self._log()
        except BaseException as error:
            self.raised.append(error)

    def _log(self) -> None:
        line = f"line {len(self.lines):06d}"
        self._made.log(line)
        self.lines.append(line)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(10)
        assert not self._thread.is_alive(), "a call of logging waits"
        assert self.raised == []
