"""What an examination finds: one fact, how bad it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the examination.

    Attributes:
        check: what was looked at.
        state: ``ok`` and ``note`` need nothing; ``warning`` and ``problem`` have a remedy.
        found: what there is.
        remedy: what to do; empty when there is nothing to do.
    """

    check: str
    state: State
    found: str
    remedy: str = ""

    @property
    def is_bad(self) -> bool:
        """Tell whether somebody should do something."""
        return self.state in {"warning", "problem"}
