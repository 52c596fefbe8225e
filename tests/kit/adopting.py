"""Taking over the spools of the dead, as a delivery does, but all of them and without a database."""

from __future__ import annotations

from runlog._spool.orphan import adopt_orphan, list_orphans


def adopt_orphans(database_folder, own=None):
    """Return every spool of this database whose owner is gone, oldest first, adopted."""
    found = [adopt_orphan(folder) for folder in list_orphans(database_folder, own)]
    return [orphan for orphan in found if orphan is not None]
