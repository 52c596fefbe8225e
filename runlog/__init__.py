"""runlog: two PostgreSQL tables that hold the history of every job you run.

The way of an entry, file by file:

    _handler, _processor   a LogRecord or an event_dict …
    _entry                 … becomes one line of COPY text
    _segments              … which one os.write puts into the spool (survives kill -9)
    _shipper               … where a thread comes for it, now and then, again after failures
    _delivery              … takes a block of whole lines, in order
    _store                 … and PostgreSQL gets each exactly once

Beside it: _context (the run), _recorder (the wiring, fork and exit), queries (reading back).
"""

from typing import TYPE_CHECKING, Any

from . import errors
from ._api import configure, flush
from ._batch import batch
from ._binding import step
from ._context import RunContext, current_run
from ._handler import RunLogHandler
from ._install import install
from ._processor import RunLogProcessor
from ._questions import last_success
from .errors import Skipped

if TYPE_CHECKING:
    from . import queries, testing

__all__ = [
    "RunContext",
    "RunLogHandler",
    "RunLogProcessor",
    "Skipped",
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
    # Loaded when first used: a script that only records pays for neither.
    if name in {"queries", "testing"}:
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
