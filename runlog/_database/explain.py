"""What an error of the database means to a person: one text, one class, one remedy.

For the questions, the read side and ``migrate``; the shipper has words of its own. Passwords appear
nowhere. Imported where something failed: it imports psycopg.
"""

from __future__ import annotations

import os

from psycopg import errors

from runlog._database import dsn as _dsn
from runlog._database.faults import find_remedy, is_in_the_way, sqlstate
from runlog.errors import DatabaseUnavailableError, QueryError, RunlogError, SchemaError

MISSING_RIGHTS = {
    "read": 'as the owner of the tables run "runlog migrate --reader-role NAME"',
    "change": "connect as the owner of the tables",
}
"""What the statement was for → what a role without the right to it can do."""

_TRY_AGAIN = "check the address, then try again"


def first_line(error: BaseException, dsn: str) -> str:
    """Return what the driver says in one line, without the password of ``dsn``."""
    diagnosis = getattr(error, "diag", None)
    told = (diagnosis and diagnosis.message_primary) or str(error).strip() or repr(error)
    # The first address tried is the most telling one; libpq lists them all.
    return _dsn.without_password(str(told).splitlines()[0], dsn, os.environ)


def unreachable(error: BaseException, dsn: str) -> DatabaseUnavailableError:
    """Return the error of a connection that was not made, was lost, or had others in the way."""
    told, remedy = first_line(error, dsn), find_remedy(error) or _TRY_AGAIN
    happened = "was held up" if is_in_the_way(error) else "could not be reached"
    return DatabaseUnavailableError(f"the database {happened}: {told}; {remedy}")


def meaning(error: BaseException, dsn: str, schema: str, *, purpose: str = "read") -> RunlogError:
    """Return what ``error`` means for who asked; ``purpose`` is a key of ``MISSING_RIGHTS``."""
    told = first_line(error, dsn)
    match error:
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.InvalidSchemaName():
            return SchemaError(
                f"the tables runs and logs are not in schema {schema!r} as documented ({told}); "
                'run "runlog migrate", or name another schema in RUNLOG_SCHEMA'
            )
        case errors.InsufficientPrivilege():
            return SchemaError(f"this role may not do that ({told}); {MISSING_RIGHTS[purpose]}")
        case errors.QueryCanceled():
            return DatabaseUnavailableError(f"the database ended the query ({told}); ask for less")
        case errors.OperationalError() | errors.InterfaceError():
            return unreachable(error, dsn)
        case errors.ProgrammingError() | errors.DataError() if not sqlstate(error):
            # Not sent at all: a text that no database has, or an address that cannot be read.
            is_text = isinstance(error, errors.DataError)
            return QueryError(told) if is_text else DatabaseUnavailableError(told)
        case _:
            return RunlogError(f"the database refused the query: {told}")
