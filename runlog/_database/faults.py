"""What an error of PostgreSQL means for the shipper: whose fault it is, and what to do about it.

Pure: it looks at SQLSTATE and text, never at a connection. Codes:
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Whose fault an error is."""

    ROW = "row"
    """The row itself is refused; sent again it would be refused again."""
    OUTAGE = "outage"
    """The database or the way to it; the same batch will go through later."""
    SETUP = "setup"
    """Credentials, database, table or right; a person has to do something."""


# 22 data, 23 integrity, 44 check option, 54 limits (a value too long to index or for jsonb),
# P0 raised by a trigger.
_ROW_CLASSES = frozenset({"22", "23", "44", "54", "P0"})
_SETUP_CLASSES = frozenset({"28", "3D", "3F", "42", "0L", "0P"})

# A failed connection carries no SQLSTATE, only text: PostgreSQL's and the poolers' words.
_SETUP_WORDS = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "does not exist",
    "no such database",
    "no such user",
    "Tenant or user not found",
    "wrong password",
    "invalid connection option",
    "invalid URI query parameter",
    'missing "=" after',
    "server does not support SSL",
    "certificate verify failed",
    "root certificate file",
)
_CONNECTION_CLASS = "08"
"""Poolers answer with it whatever it was that kept them from the server."""

# Shutdown by an operator or a crash, a dropped database, sessions that idled too long.
_ENDS_OF_SESSIONS = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05", "25P03"})

_CHECK_ADDRESS = "check RUNLOG_DSN (address, role, password, sslmode)"
_TAKEN = "all connections are taken; close some, raise max_connections or use a pooler"
_REMEDIES = {
    "42P01": 'the tables are missing; run "runlog migrate"',
    "3F000": 'the schema is missing; run "runlog migrate --schema …" or mend RUNLOG_SCHEMA',
    "42703": 'the tables lack a column; run "runlog migrate"',
    "42501": 'the role lacks a right; run "runlog migrate --writer-role <role>" as the owner',
    "25006": "it takes no writes: a standby, or default_transaction_read_only is on; "
    "name the primary in RUNLOG_DSN (target_session_attrs=read-write finds it)",
    "53100": "the server's disk is full; make room there",
    "53200": "the server has no memory left; see its settings",
    "53300": _TAKEN,
    "55P03": "another session holds a lock on the table; pg_stat_activity shows which",
    "57014": "a time limit of the server ended it; raise statement_timeout for the role",
}
_REMEDIES_BY_WORDS = {
    "too many clients already": _TAKEN,
    "too many connections": _TAKEN,
    "remaining connection slots": _TAKEN,
    "no more connections allowed": _TAKEN,
    "max clients reached": _TAKEN,
    "did not answer in time": "a lock on the tables, a pooler without a free connection or the "
    "network holds it up; pg_stat_activity shows locks",
}


def fault_of(error: BaseException) -> Fault:
    """Return whose fault ``error`` is; an outage when nothing is known about it."""
    state = sqlstate(error)
    if state is None and type(error).__name__ == "DataError":
        return Fault.ROW
    if state is None or state[:2] == _CONNECTION_CLASS:
        text = str(error)
        return Fault.SETUP if any(word in text for word in _SETUP_WORDS) else Fault.OUTAGE
    if state[:2] in _ROW_CLASSES:
        return Fault.ROW
    return Fault.SETUP if state[:2] in _SETUP_CLASSES else Fault.OUTAGE


def is_crowded(error: BaseException) -> bool:
    """Tell whether all that ails the server is that each of its connections is taken."""
    return find_remedy(error) == _TAKEN


def ends_session(error: BaseException) -> bool:
    """Tell whether the server closes the connection after ``error``, though it may be open yet."""
    return sqlstate(error) in _ENDS_OF_SESSIONS


def sqlstate(error: BaseException) -> str | None:
    """Return the five-letter code of ``error``; None for one of the connection or of the client."""
    return getattr(error, "sqlstate", None)


def find_remedy(error: BaseException) -> str | None:
    """Return what a person can do, ready to follow a semicolon; None: nothing but wait."""
    known = _REMEDIES.get(sqlstate(error) or "")
    if known is None:
        text = str(error)
        known = next((told for word, told in _REMEDIES_BY_WORDS.items() if word in text), None)
    return known or (_CHECK_ADDRESS if fault_of(error) is Fault.SETUP else None)
