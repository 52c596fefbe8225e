"""The database as the dashboard asks it: a few connections, read-only, each page one transaction.

A page is one transaction, so all of it is of one moment, and what it must not do or may not take
long over is said in that transaction: no session state, so a pooler may stand between. Runs on
the threads of the web server; a page holds one connection for as long as it asks.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runlog._database import driver, reading
from runlog._database.faults import is_out_of_time
from runlog._settings import resolve
from runlog.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection

DEADLINE_SECONDS = 5
_MOST_CONNECTIONS = 6
_LONGEST_WAIT_SECONDS = 10.0
# A server, or a pooler before it, may take a question and never answer.
_SILENCE_SECONDS = 15.0


class Database:
    """Where the pages ask; connects at the first question."""

    def __init__(self, dsn: str | None) -> None:
        self._settings = resolve({"dsn": dsn})
        self._idle: list[Connection[Any]] = []
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._away_since: datetime | None = None

    @property
    def schema(self) -> str:
        """The schema of the tables."""
        return self._settings.schema

    @property
    def retention_days(self) -> float | None:
        """For how many days runs are kept, where that is set."""
        return self._settings.retention_days or None

    @property
    def away_since(self) -> datetime | None:
        """Since when the database has not answered; None when it last did."""
        return self._away_since

    @contextmanager
    def page(self) -> Iterator[Connection[Any]]:
        """Lend a connection in a read-only transaction whose statements end after 5 seconds.

        Raises:
            DatabaseUnavailableError: it cannot be reached, or did not answer in time.
            SchemaError: the tables are not there, or this role may not read them.
        """
        if not self._places.acquire(timeout=_LONGEST_WAIT_SECONDS):
            raise DatabaseUnavailableError("too many pages were asked for at once; try again")
        try:
            with reading.translated(self._settings.dsn, self.schema):
                yield from self._lent()
            self._away_since = None
        except DatabaseUnavailableError as error:
            if not is_slow(error):
                self._away_since = self._away_since or datetime.now(UTC)
            raise
        finally:
            self._places.release()

    def _lent(self) -> Iterator[Connection[Any]]:
        connection = self._take()
        try:
            with _ended_after(connection, _SILENCE_SECONDS):
                yield connection
        finally:
            with suppress(Exception):
                connection.rollback()
            if connection.closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _take(self) -> Connection[Any]:
        """Return a connection that has just answered: one that was idle, else a new one."""
        while self._idle:
            with suppress(IndexError, driver.OperationalError, driver.InterfaceError):
                return _begun(self._idle.pop())
        connection = reading.connect(self._settings.dsn)
        connection.autocommit = False
        # BEGIN READ ONLY at each transaction, by psycopg: nothing is set in the session.
        connection.read_only = True
        return _begun(connection)

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            with suppress(Exception):
                self._idle.pop().close()


def is_slow(error: BaseException) -> bool:
    """Whether ``error`` says that the database answers, but not in time."""
    return is_out_of_time(error.__cause__)


def _begun(connection: Connection[Any]) -> Connection[Any]:
    try:
        with _ended_after(connection, _SILENCE_SECONDS):
            connection.execute(f"set local statement_timeout = {DEADLINE_SECONDS * 1000}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _ended_after(connection: Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer: psycopg itself would wait for ever."""
    copy = os.dup(connection.fileno())
    timer = threading.Timer(seconds, _cut, (copy,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        os.close(copy)


def _cut(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connected:
        connected.shutdown(socket.SHUT_RDWR)
