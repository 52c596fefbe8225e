"""For the tests of scripts that use runlog: what they record, with and without a database.

``capture()`` works anywhere. With ``pytest_plugins = ["runlog.testing"]`` in ``conftest.py`` the
fixtures ``runlog_capture`` and ``runlog_database`` are there too.
"""

from __future__ import annotations

import contextlib

from runlog.queries._rows import Entry
from runlog.testing._capture import Capture, capture
from runlog.testing._database import Database
from runlog.testing._spool_reading import CapturedRun

with contextlib.suppress(ModuleNotFoundError):
    # Without pytest there is capture().
    from runlog.testing._fixtures import (
        _runlog_template,
        runlog_capture,
        runlog_database,
        runlog_server,
    )

__all__ = [
    "Capture",
    "CapturedRun",
    "Database",
    "Entry",
    "_runlog_template",
    "capture",
    "runlog_capture",
    "runlog_database",
    "runlog_server",
]
