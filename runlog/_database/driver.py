"""psycopg as the other rooms see it; only this room imports it.

The names below are loaded when they are first used, so that a room may import this file at its top
and importing runlog stays cheap. What an error means is asked by its code, see ``faults``.
"""

from __future__ import annotations

import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from runlog._database import statements
from runlog._process import fork

if TYPE_CHECKING:
    from psycopg import (
        Connection,
        Error,
        InterfaceError,
        InternalError,
        IsolationLevel,
        OperationalError,
        Pipeline,
        ProgrammingError,
        Rollback,
    )
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.pq import TransactionStatus
    from psycopg.rows import class_row, tuple_row
    from psycopg.sql import SQL, Identifier
    from psycopg.types.json import Jsonb

__all__ = [
    "SQL",
    "Connection",
    "Error",
    "Identifier",
    "InterfaceError",
    "InternalError",
    "IsolationLevel",
    "Jsonb",
    "OperationalError",
    "Pipeline",
    "ProgrammingError",
    "Rollback",
    "TransactionStatus",
    "class_row",
    "conninfo_to_dict",
    "make_conninfo",
    "preload",
    "tuple_row",
]

_HOMES = (
    "psycopg",
    "psycopg.conninfo",
    "psycopg.pq",
    "psycopg.rows",
    "psycopg.sql",
    "psycopg.types.json",
)

if not TYPE_CHECKING:
    # Hidden from the type checker, which would take any misspelt name for one of these.
    def __getattr__(name: str) -> Any:
        for home in _HOMES if name in __all__ else ():
            with fork.without_fork():
                found = getattr(import_module(home), name, None)
            if found is not None:
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def preload() -> None:
    """Import what the shipper needs; a fork waits until it is done.

    What cannot be imported now (no memory, no descriptor) is told by the first pass that needs it.
    """
    with fork.without_fork(), contextlib.suppress(Exception):
        import orjson  # noqa: F401 - loaded for later
        import psycopg  # noqa: F401 - as above

        from runlog._database import connection  # noqa: F401 - as above

        statements.folder()  # What it is asked with loads more of Python.
