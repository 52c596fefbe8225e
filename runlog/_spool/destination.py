"""For which database a spool is: a note in its folder, for people and for who delivers it.

    <spool_dir>/<database>/database.json                      the address, without a password
    <spool_dir>/<database>/<start>-<pid>-<random>/database.json   the identity, once it is known

Blocks on the disk only; never raises.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog._spool.whole import append_whole

if TYPE_CHECKING:
    from pathlib import Path

NAME = "database.json"


@dataclass(frozen=True, slots=True)
class Destination:
    """What is known of a database: as much as a person may read, and its own id."""

    address: str
    identity: str = ""


def note(folder: Path, destination: Destination) -> bool:
    """Write into ``folder`` for which database it is, if it does not say so; False if refused."""
    import orjson

    if _read(folder) == destination:
        return True
    facts = {"address": destination.address, "identity": destination.identity}
    new = folder / f".{NAME}.{os.getpid()}"
    with contextlib.suppress(OSError):
        new.unlink(missing_ok=True)
        append_whole(new, orjson.dumps(facts) + b"\n")
        # In one step: whoever reads it meanwhile finds the one or the other.
        new.replace(folder / NAME)
        return True
    return False


def find(folder: Path) -> Destination | None:
    """Return for which database the spool ``folder`` is; None if nothing says so.

    What stands in the folder itself, else in that of the database.
    """
    return _read(folder) or _read(folder.parent)


def forget(folder: Path) -> None:
    """Remove the note in ``folder``: a person has decided otherwise."""
    with contextlib.suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)


def _read(folder: Path) -> Destination | None:
    import orjson

    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        facts = orjson.loads((folder / NAME).read_bytes())
        return Destination(str(facts["address"]), str(facts["identity"]))
    return None
