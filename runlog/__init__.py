"""runlog: two PostgreSQL tables that hold the history of every job you run.

The way of an entry, room by room; each room uses only what stands below it:

    _capture     a LogRecord or an event_dict is taken (``handler``, ``processor``) …
    _entry       … becomes one line of COPY text (``encoder``)
    _spool       … which one os.write puts into a file that survives kill -9 (``spool``, ``writer``)
    _delivery    … and PostgreSQL gets each exactly once (``shipper``, ``delivery``, ``store``)

Beside it: _run (RunContext), _recorder (the four wired for one database), _database (every way to
PostgreSQL), _process (fork, exit, signals), queries (reading back).
"""

from typing import TYPE_CHECKING, Any

from runlog import errors
from runlog._capture.handler import RunLogHandler
from runlog._capture.install import install
from runlog._capture.processor import RunLogProcessor
from runlog._recorder.open_runs import step
from runlog._recorder.registry import configure, flush
from runlog._run.alert import alert
from runlog._run.batch import batch
from runlog._run.context import RunContext, current_run
from runlog._run.cursor import last_success
from runlog.errors import Skipped

if TYPE_CHECKING:
    __version__: str

    from runlog import alerts, queries, testing

__all__ = [
    "RunContext",
    "RunLogHandler",
    "RunLogProcessor",
    "Skipped",
    "alert",
    "alerts",
    "batch",
    "configure",
    "current_run",
    "errors",
    "flush",
    "install",
    "last_success",
    "queries",
    "step",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from runlog._process.distribution import version

        return version()
    # Loaded when first used: a script that only records pays for neither.
    if name in {"alerts", "queries", "testing"}:
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
