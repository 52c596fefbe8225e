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
from runlog.queries._kinds import (
    ErrorDay,
    ErrorEntry,
    ErrorKind,
    error_days,
    error_kind_of_run,
    errors_of_kind,
)
from runlog.queries._lines import (
    Line,
    UsualRun,
    Volume,
    lines_of_run,
    run_after,
    runs_with_number,
    usual_run,
    volume_of_run,
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
from runlog.queries._trends import (
    HourOfWeek,
    RecentRun,
    RunCount,
    SlowingScript,
    Total,
    count_runs,
    hours_of_week,
    recent_runs,
    slowing_scripts,
    totals,
)

__all__ = [
    "Day",
    "Entry",
    "ErrorDay",
    "ErrorEntry",
    "ErrorGroup",
    "ErrorKind",
    "HourOfWeek",
    "LastSuccess",
    "Line",
    "QueryError",
    "RecentError",
    "RecentRun",
    "Run",
    "RunCount",
    "RunDetail",
    "RunningRun",
    "ScriptEntry",
    "ScriptHealth",
    "ScriptStatistics",
    "SlowStep",
    "SlowingScript",
    "Step",
    "TableSize",
    "Total",
    "UsualRun",
    "Volume",
    "count_runs",
    "daily_statistics",
    "entries_after",
    "entries_of_run",
    "error_days",
    "error_groups",
    "error_kind_of_run",
    "errors_of_kind",
    "find_last_success",
    "find_run",
    "hours_of_week",
    "last_runs",
    "lines_of_run",
    "newest_entries_of_run",
    "recent_errors",
    "recent_runs",
    "run_after",
    "running_now",
    "runs_of_batch",
    "runs_with_number",
    "runs_with_prefix",
    "script_health",
    "script_statistics",
    "search_entries",
    "slowest_steps",
    "slowing_scripts",
    "steps_of_run",
    "table_sizes",
    "totals",
    "usual_run",
    "volume_of_run",
]
