"""Whether the process that made a spool lives, as far as this machine can tell. Any thread."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runlog._process import origin
from runlog._spool.folders import adopt

if TYPE_CHECKING:
    from pathlib import Path


def owner_lives(root: Path | None, host: str | None, name: str | None) -> bool | None:
    """Tell whether the process of ``host`` that made folder ``name`` lives; None if unknown.

    By the folder's name, which no other process ever has: a pid can be another's by now. In any
    database's folder: another address of the same database has another one.
    """
    if root is None or not name or host != origin.host():
        return None
    name = os.path.basename(name)  # noqa: PTH119 - a name, no path
    with contextlib.suppress(OSError):
        for folder in [place / name for place in root.iterdir() if name]:
            if folder.is_dir():
                lock = adopt(folder)
                if lock is None:
                    return True
                lock.close()
                return False
    return None
