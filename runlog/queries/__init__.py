"""Reading the history back: one function for each file of ``sql/queries``, of the same name.

Every function takes first where to ask: nothing (the database of the environment, as for
recording), an address, a psycopg connection or a ``ConnectionPool``. A call is one statement and
waits for it; nothing is kept in between, so any thread may ask. Answers are lists of frozen
dataclasses. ``script=`` and ``step=`` take a name or a pattern with ``*`` and ``?``; ``level=`` is
this level and those above; ``since=`` is a moment or a ``timedelta`` back from the database's now.
Pages follow each other by the last row seen (``before=``, ``after=``), never by counting.

Every function raises ``DatabaseUnavailableError`` when there is no database or no answer, and
``SchemaError`` when the tables are missing or this role may not read them.
"""

from runlog.errors import QueryError
from runlog.queries._entries import (
    entries_after,
    entries_of_run,
    newest_entries_of_run,
    recent_errors,
    search_entries,
)
from runlog.queries._figures import (
    Day,
    ErrorGroup,
    ScriptHealth,
    ScriptStatistics,
    SlowStep,
    TableSize,
)
from runlog.queries._insight import (
    daily_statistics,
    error_groups,
    script_health,
    script_statistics,
    slowest_steps,
    table_sizes,
)
from runlog.queries._rows import (
    Entry,
    LastSuccess,
    RecentError,
    Run,
    RunDetail,
    RunningRun,
    ScriptEntry,
    Step,
)
from runlog.queries._runs import (
    find_last_success,
    find_run,
    last_runs,
    running_now,
    runs_of_batch,
    runs_with_prefix,
    steps_of_run,
)

__all__ = [
    "Day",
    "Entry",
    "ErrorGroup",
    "LastSuccess",
    "QueryError",
    "RecentError",
    "Run",
    "RunDetail",
    "RunningRun",
    "ScriptEntry",
    "ScriptHealth",
    "ScriptStatistics",
    "SlowStep",
    "Step",
    "TableSize",
    "daily_statistics",
    "entries_after",
    "entries_of_run",
    "error_groups",
    "find_last_success",
    "find_run",
    "last_runs",
    "newest_entries_of_run",
    "recent_errors",
    "running_now",
    "runs_of_batch",
    "runs_with_prefix",
    "script_health",
    "script_statistics",
    "search_entries",
    "slowest_steps",
    "steps_of_run",
    "table_sizes",
]
