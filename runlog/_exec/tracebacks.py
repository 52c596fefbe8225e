"""Lines of output → entries, with each Python traceback in them as one.

A traceback is over when a line comes that cannot belong to it; until then it is held back, so
whoever feeds lines calls ``flush`` when none comes for a while. Pure; never raises.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from runlog._entry.levels import ERROR
from runlog._exec.lines import Line, read_line

_HEADER = "Traceback (most recent call last):"
_GROUP_HEADER = "  + Exception Group Traceback (most recent call last):"
_CHAINS = frozenset(
    {
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    }
)
_RAISED = re.compile(r"([A-Za-z_][\w.]*)(?:: ?(.*))?$")
_GROUP_RAISED = re.compile(r"  \| ([A-Za-z_][\w.]*(?:: .*)?)$")
_MOST_CHARACTERS = 128 * 1024


class _Place(Enum):
    OUTSIDE = auto()
    FRAMES = auto()
    GROUP = auto()
    AFTER = auto()
    """Behind the line that names the exception: another one may be chained to it."""
    CHAIN = auto()


class LineReader:
    """Reads one stream of lines.

    Attributes:
        last_message: the message of the last entry.
        ended_in_traceback: whether the last entry is a traceback.
    """

    def __init__(self) -> None:
        self._place = _Place.OUTSIDE
        self._held: list[str] = []
        self._held_size = 0
        self._raised = ""
        self.last_message = ""
        self.ended_in_traceback = False

    @property
    def is_holding(self) -> bool:
        """Whether lines are held back that may be the beginning of a longer entry."""
        return bool(self._held)

    def feed(self, text: str) -> list[Line]:
        """Take a line without its newline; return the entries that are complete now."""
        if self._place is _Place.OUTSIDE and text[:1] not in {"T", " ", ""}:
            return [self._told(read_line(text))]
        if self._belongs(text):
            self._held.append(text)
            self._held_size += len(text)
            return self.flush() if self._held_size > _MOST_CHARACTERS else []
        complete = self.flush()
        if self._belongs(text):
            self._held.append(text)
        elif text.strip():
            complete.append(self._told(read_line(text)))
        return complete

    def flush(self) -> list[Line]:
        """Return what is held back as an entry."""
        held, raised = self._held, self._raised
        self._place, self._held, self._held_size, self._raised = _Place.OUTSIDE, [], 0, ""
        if not held:
            return []
        stack = "\n".join(held).rstrip("\n")
        if not raised:
            # Cut off in the middle of it.
            line = Line(held[0], ERROR, "ERROR", None, {"stack": stack})
        else:
            found = _RAISED.match(raised)
            kind, text = (found[1], found[2] or "") if found else ("", raised)
            meta = {"error": text, "error_type": kind, "stack": stack}
            line = Line(raised, ERROR, "ERROR", None, meta)
        self._told(line)
        self.ended_in_traceback = bool(raised)
        return [line]

    def _told(self, line: Line) -> Line:
        self.last_message, self.ended_in_traceback = line.message, False
        return line

    def _belongs(self, text: str) -> bool:
        """Move on by one line; False when it is not part of a traceback."""
        match self._place:
            case _Place.FRAMES:
                self._in_frames(text)
                return True
            case _Place.GROUP:
                return self._in_group(text)
            case _Place.AFTER:
                return self._after(text)
            case _:
                return self._begins(text)

    def _begins(self, text: str) -> bool:
        is_chained = self._place is _Place.CHAIN
        if text == _HEADER:
            self._place = _Place.FRAMES
        elif text == _GROUP_HEADER:
            self._place = _Place.GROUP
        else:
            return is_chained and not text
        return True

    def _in_frames(self, text: str) -> None:
        if text and not text[0].isspace():
            self._raised = text
            self._place = _Place.AFTER

    def _in_group(self, text: str) -> bool:
        if not text[:1].isspace():
            self._place = _Place.AFTER
            return self._after(text)
        if found := _GROUP_RAISED.match(text):
            self._raised = self._raised or found[1]
        return True

    def _after(self, text: str) -> bool:
        if not text:
            # Once: a second empty line is no part of a chain.
            return bool(self._held[-1])
        if text in _CHAINS:
            self._place = _Place.CHAIN
            self._raised = ""
            return True
        return False
