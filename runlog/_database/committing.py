"""A connection on which each statement is a transaction, for those who change the history.

On the caller's thread; waits for the database.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runlog._database.reading import Source, connect
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection


@contextmanager
def committing(source: Source) -> Iterator[Connection[Any]]:
    """Yield a connection on which each statement is a transaction, as it was left afterwards.

    Raises:
        RunlogError: the connection that was given is in a transaction.
    """
    from psycopg import Connection
    from psycopg.pq import TransactionStatus

    if source is None or isinstance(source, str):
        with connect(source) as connection:
            yield connection
        return
    if not isinstance(source, Connection):
        with source.connection() as connection, autocommitting(connection):
            yield connection
        return
    if source.info.transaction_status != TransactionStatus.IDLE:
        raise RunlogError(
            "the connection is in a transaction, and pruning commits each batch; commit first"
        )
    with autocommitting(source):
        yield source


@contextmanager
def autocommitting(connection: Connection[Any]) -> Iterator[None]:
    """Let each statement be a transaction of its own, and a procedure commit; outside of one."""
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before
