"""What an error of PostgreSQL means for the shipper: whose fault it is, and what to do about it.

Pure: it looks at SQLSTATE and text, never at a connection. Codes:
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import re
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

_SERVERS_OWN_CLASSES = frozenset({"08", "0A", "25", "40", "53", "55", "57", "58", "F0", "HV", "XX"})
"""What they tell of passes, or is the same for every row."""

# A failed connection carries no SQLSTATE, only text, in the server's language. What follows is
# libpq's own, PostgreSQL's and the poolers' in English; what is not in it, see _ANSWERED.
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
    "does not support SSL",
    "certificate",
    "private key file",
    "channel binding",
    "definition of service",
    "service file",
)
_OUTAGE_WORDS = re.compile(
    "(?i)starting up|shutting down|recovery|not (?:yet )?accepting|too many|max.{0,8}client|slots"
    "|no more connections|n[o']t connect|time[d-]* ?out|crash|paused|suspend|check ?out|closed"
    "|terminat|temporar|try again|unavailable|failing|cannot allocate"
)
_ANSWERED = re.compile(r"(?m)(?:^|: )[^\s:]+:  \S")
"""The server's own word, in any language: what it says follows its severity and two spaces.

A server that refuses at once will refuse again, and counts every try (fail2ban, locked accounts).
"""

NO_RIGHT = "42501"
NO_TABLE = "42P01"
NOT_SUPPORTED = "0A000"
"""Of a role or a layout: COPY under row level security, much of what joins distributed tables."""
LOCKED = "55P03"
"""Not within ``lock_timeout``, or not at once where that was asked."""
_ROLLED_BACK_CLASS = "40"
"""The loser of a deadlock, or of a race between transactions that look strictly."""
_OUT_OF_TIME, _OUT_OF_TIME_AND_GONE = "57014", "25P04"
"""A time limit of the server ended the statement, or with the transaction the session too."""

_STATEMENT_CLASS = "42"
"""The statement does not fit what is there: a table, a column, a type."""

_CONNECTION_CLASS = "08"
"""Poolers answer with it whatever it was that kept them from the server."""

# Shutdown by an operator or a crash, a dropped database, sessions that idled too long.
_ENDS_OF_SESSIONS = frozenset(
    {"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", _OUT_OF_TIME_AND_GONE}
)

# A publication that has updates, and a table without a replica identity.
_SETUP_STATES = frozenset({"55000"})

_CHECK_ADDRESS = "check RUNLOG_DSN (address, role, password, sslmode)"
_REFUSED = f"{_CHECK_ADDRESS}, and whether connections are left (max_connections)"
_TAKEN = "all connections are taken; close some, raise max_connections or use a pooler"
_HELD = "other sessions hold locks on the tables; try again, pg_stat_activity shows which"
OTHER_TABLES = 'the tables are not as runlog needs them; "runlog migrate" says what is wrong'
"""For whatever of class 42 has no remedy of its own: the address is right."""
_REMEDIES = {
    NO_TABLE: 'the tables are missing; run "runlog migrate"',
    "3F000": 'the schema is missing; run "runlog migrate --schema …" or mend RUNLOG_SCHEMA',
    "42703": 'the tables lack a column; run "runlog migrate"',
    NO_RIGHT: 'the role lacks a right; run "runlog migrate --writer-role <role>" as the owner',
    "25006": "it takes no writes: a standby, or default_transaction_read_only is on; "
    "name the primary in RUNLOG_DSN (target_session_attrs=read-write finds it)",
    "428C9": 'runlog writes this column itself; run "alter table … alter column … drop expression"',
    "55000": 'a publication needs a replica identity of the table; run "alter table … replica '
    'identity using index …" with the unique index on id',
    "53100": "the server's disk is full; make room there",
    "53200": "the server has no memory left; see its settings",
    "53300": _TAKEN,
    LOCKED: _HELD,
    "40001": _HELD,
    "40P01": _HELD,
    _OUT_OF_TIME: "a time limit of the server ended it; raise statement_timeout for the role",
    _OUT_OF_TIME_AND_GONE: "a time limit of the server ended it; raise transaction_timeout for "
    "the role",
}
_NO_ARBITER = (
    "ON CONFLICT",
    ("a deferrable unique constraint forbids what sends rows once only; make it not deferrable"),
)
"""PostgreSQL's word in any language, and what to do: the code is that of a missing identity."""

_REMEDIES_BY_WORDS = {
    "ould not translate host name": "check the host in RUNLOG_DSN, and the network",
    "etwork is unreachable": "the host may have IPv6 only, as Supabase's direct one: name its "
    "pooler in RUNLOG_DSN",
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
    if state is None or state[:2] == _CONNECTION_CLASS:
        return _fault_without_state(error)
    if state[:2] in _ROW_CLASSES:
        return Fault.ROW
    is_setup = state[:2] in _SETUP_CLASSES or state in _SETUP_STATES
    return Fault.SETUP if is_setup else Fault.OUTAGE


def is_of_a_row(error: BaseException) -> bool:
    """Tell whether ``error`` ails the rows that were touched, while others may go through.

    A trigger or a policy of the user's may refuse with a class that nobody else has.
    """
    fault, state = fault_of(error), sqlstate(error)
    is_odd = state is not None and state[:2] not in _SERVERS_OWN_CLASSES
    return fault is Fault.ROW or (fault is Fault.OUTAGE and is_odd)


def _fault_without_state(error: BaseException) -> Fault:
    kind, text = type(error).__name__, str(error)
    if kind == "DataError" or isinstance(error, UnicodeError):
        # The client's own: what cannot be sent once can never be.
        return Fault.ROW
    if kind == "ProgrammingError" or any(word in text for word in _SETUP_WORDS):
        return Fault.SETUP
    return Fault.SETUP if _is_refusal(error) else Fault.OUTAGE


def _is_refusal(error: BaseException) -> bool:
    """Tell whether the server answered, in whatever language, and not of a passing trouble."""
    text = str(error)
    return (
        sqlstate(error) is None
        and _ANSWERED.search(text) is not None
        and not _OUTAGE_WORDS.search(text)
    )


def is_in_the_way(error: BaseException) -> bool:
    """Tell whether other sessions' locks or transactions were in the way: it may be tried again."""
    state = sqlstate(error) or ""
    return state == LOCKED or state[:2] == _ROLLED_BACK_CLASS


def is_passing(error: BaseException) -> bool:
    """Tell whether all that ails the server is others: each connection is taken, rows are held."""
    return find_remedy(error) == _TAKEN or is_in_the_way(error)


def is_out_of_time(error: BaseException | None) -> bool:
    """Tell whether a time limit of the server ended it: less at once may get through."""
    return sqlstate(error) in {_OUT_OF_TIME, _OUT_OF_TIME_AND_GONE}


def ends_session(error: BaseException) -> bool:
    """Tell whether the server closes the connection after ``error``, though it may be open yet."""
    return sqlstate(error) in _ENDS_OF_SESSIONS


def sqlstate(error: BaseException | None) -> str | None:
    """Return the five-letter code of ``error``; None for one of the connection or of the client."""
    return getattr(error, "sqlstate", None)


def find_remedy(error: BaseException) -> str | None:
    """Return what a person can do, ready to follow a semicolon; None: nothing but wait."""
    text = str(error)
    known = _REMEDIES.get(sqlstate(error) or "")
    if sqlstate(error) in _SETUP_STATES and _NO_ARBITER[0] in text:
        return _NO_ARBITER[1]
    if known is not None or fault_of(error) is Fault.ROW:
        return known
    known = next((told for word, told in _REMEDIES_BY_WORDS.items() if word in text), None)
    if known is None and fault_of(error) is Fault.SETUP:
        if type(error).__name__ == "ProgrammingError" and sqlstate(error) is None:
            # An address that cannot be read; it says what would do.
            return "entries wait until it is mended"
        if (sqlstate(error) or "")[:2] == _STATEMENT_CLASS:
            return OTHER_TABLES
        is_known = any(word in text for word in _SETUP_WORDS) or sqlstate(error)
        return _CHECK_ADDRESS if is_known else _REFUSED
    return known
