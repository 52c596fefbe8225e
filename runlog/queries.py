"""Reading the history back: one function for each file of ``sql/queries``, of the same name.

Every function takes first where to ask: nothing (the database of the environment, as for
recording), an address, a psycopg connection or a ``ConnectionPool``. A call is one statement and
waits for it; nothing is kept in between, so any thread may ask. Answers are lists of frozen
dataclasses. ``script=`` and ``step=`` take a name or a pattern with ``*`` and ``?``; ``level=`` means
this level and those above; ``since=`` is a moment or a ``timedelta`` back from the database's now.
Pages follow each other by the last row seen (``before=``, ``after=``), never by counting.

Every function raises ``DatabaseUnavailableError`` when there is no database or no answer, and
``SchemaError`` when the tables are missing or this role may not read them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from ._asking import before, limited, matching, moments, selecting, starting_like, state
from ._figures import (
    Day,
    ErrorGroup,
    ScriptHealth,
    ScriptStatistics,
    SlowStep,
    TableSize,
)
from ._reading import Source, fetch
from ._rows import (
    Entry,
    LastSuccess,
    RecentError,
    Run,
    RunDetail,
    RunningRun,
    ScriptEntry,
    Step,
)

if TYPE_CHECKING:
    from datetime import datetime

__all__ = []
