"""For the tests of scripts that use runlog: what they record, with and without a database.

``capture()`` works anywhere. With ``pytest_plugins = ["runlog.testing"]`` in ``conftest.py`` the
fixtures ``runlog_capture`` and ``runlog_database`` are there too.
"""

from __future__ import annotations

import contextlib

from ._rows import Entry
from ._testing_capture import Capture, capture
from ._testing_database import Database
from ._testing_reading import CapturedRun

with contextlib.suppress(ModuleNotFoundError):
    # Without pytest there is capture().
    from ._testing_fixtures import (
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
