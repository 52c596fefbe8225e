"""The one connection on which a process writes: its own, never the application's.

A psycopg connection, not a pool: one thread at a time writes, the drain at exit must work where no
thread can be started any more, and a pool tells only that time ran out where the shipper must know
why. Correct behind transaction poolers: no prepared statements, no session state. Imported by
the shipper's thread only: psycopg takes 100 ms to import.
"""

from __future__ import annotations

import contextlib
import os
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from runlog._database import dsn as _dsn
from runlog._process.fork import without_fork
from runlog._settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Generator

_T = TypeVar("_T")
_APPLICATION_NAME_MAX = 63


class DeadlineError(psycopg.OperationalError):
    """A statement took longer than its time on this process's clock."""


class WriteConnection(psycopg.Connection[Any]):
    """A connection whose statements end at ``deadline`` (of ``time.monotonic``), whatever happens.

    A pooler can accept and then queue a statement for minutes, a network can swallow the answer:
    neither ``connect_timeout`` nor ``statement_timeout`` helps then. psycopg hands control back
    while it waits; that is where the clock is looked at.
    """

    deadline: float = float("inf")

    database_id: str | None = ""
    """Of the database at the other end, see ``asking.database_id``; empty: not asked yet."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait for ``gen`` as psycopg does, but not past the deadline."""
        return super().wait(self._until_deadline(gen), *args, **kwargs)

    def _until_deadline(self, gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
        steps = _without_fork(gen)
        try:
            want = next(steps)
            while True:
                ready = yield want
                # Asked each time: the end of the script brings the deadline forward.
                if not ready and monotonic() > self.deadline:
                    steps.close()
                    raise DeadlineError("the database did not answer in time")
                want = steps.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    @classmethod
    def _connect_gen(cls, *args: Any, **kwargs: Any) -> Any:
        return _without_fork(super()._connect_gen(*args, **kwargs))

    def _cancel_gen(self) -> Any:
        return _without_fork(super()._cancel_gen())

    def close(self) -> None:
        """Close the connection."""
        with without_fork():
            super().close()

    def forget_in_child(self) -> None:
        """Close the forked child's copy of the socket without a word to the server."""
        _left_to_the_parent.append(self)
        with contextlib.suppress(OSError, psycopg.Error):
            os.close(self.fileno())


_left_to_the_parent: list[WriteConnection] = []
"""Kept for ever: the end of such an object would say goodbye on the parent's session."""


def _without_fork(gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
    """Take each step of ``gen`` while no fork can happen; the waits between them do not count.

    Inside a step libpq may hold locks of OpenSSL. A child forked then would find them locked for
    ever: at its next connection, or at its exit, where OpenSSL cleans up. The first step of a
    connection may wait for a name server as well, and a fork then waits along.
    """
    ready = None
    try:
        while True:
            with without_fork():
                want = gen.send(ready)
            ready = yield want
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def connect(dsn: str, *, application_name: str, timeout: float) -> WriteConnection:
    """Connect to ``dsn``; ``embedded:`` starts the embedded server first.

    Raises:
        psycopg.Error: no connection within ``timeout`` seconds (at least 2, psycopg's minimum).
        EmbeddedError: the embedded server does not start.
    """
    if dsn == EMBEDDED:
        from runlog import embedded

        conninfo = embedded.ensure_running()
    else:
        conninfo = _dsn.for_libpq(dsn)
    return WriteConnection.connect(
        conninfo,
        autocommit=True,
        prepare_threshold=None,
        application_name=application_name[:_APPLICATION_NAME_MAX],
        connect_timeout=max(2, int(timeout)),
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
    )


def is_exposed(connection: WriteConnection) -> bool:
    """Tell whether what is sent can be read on the way: another host, and no encryption."""
    return not connection.pgconn.ssl_in_use and not _dsn.is_local(connection.info.host)
