"""The connections on which questions are asked: a small pool for each database and process.

Imported when the first question is asked, for it imports psycopg. The pool keeps no connection: a
script asks once or twice, and an idle session each would use up a small database. Connecting
happens on the caller's thread, so a failure is raised as what it is. Behind transaction poolers
each question is one statement or one transaction, never prepared.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any

from psycopg import IsolationLevel
from psycopg_pool import NullConnectionPool

from runlog._database.connection import WriteConnection, application_name, connect

if TYPE_CHECKING:
    from runlog._settings import Settings

_MAX_CONNECTIONS = 2
_CLOSE_SECONDS = 2.0
_lock = threading.Lock()
_pools: dict[tuple[str, float], NullConnectionPool[WriteConnection]] = {}
_left_to_the_parent: list[object] = []
"""Kept for ever: the end of a parent's pool in a forked child would meet threads that are gone."""


class _Opening(WriteConnection):
    """How the pool makes a connection: as the shipper makes its own."""

    @classmethod
    def connect(  # type: ignore[override] # the pool calls it with just these
        cls, conninfo: str = "", *, connect_timeout: float = 10.0, **_: Any
    ) -> WriteConnection:
        connection = connect(
            conninfo, name=application_name(), timeout=connect_timeout, kind=WriteConnection
        )
        # Whatever the database's default is: after waiting for a lock, see what its holder wrote.
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        return connection


def pool_for(settings: Settings) -> NullConnectionPool[WriteConnection]:
    """Return this process's pool for the database of ``settings``, opened now if there is none."""
    key = (settings.dsn or "", settings.connect_timeout)
    with _lock:
        pool = _pools.get(key)
        if pool is None:
            pool = _pools[key] = NullConnectionPool(
                settings.dsn or "",
                connection_class=_Opening,
                kwargs={"connect_timeout": settings.connect_timeout},
                max_size=_MAX_CONNECTIONS,
                num_workers=1,
                timeout=settings.connect_timeout,
                name="runlog-questions",
                open=True,
            )
        return pool


def _close_all() -> None:
    for pool in list(_pools.values()):
        pool.close(timeout=_CLOSE_SECONDS)
    _pools.clear()


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - the lock may be held by a thread that is not here
    _lock = threading.Lock()
    _left_to_the_parent.extend(_pools.values())
    _pools.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
