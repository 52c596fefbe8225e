"""The connections on which questions are asked: a small pool for each database and process.

Imported when the first question is asked, for it imports psycopg. The pool keeps no connection: a
script asks once or twice, and an idle session each would use up a small database. Connecting
happens on the caller's thread, so a failure is raised as what it is. Behind transaction poolers
each question is one statement or one transaction, never prepared.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from psycopg import IsolationLevel
from psycopg_pool import NullConnectionPool

from runlog._database.connection import WriteConnection, application_name, connect
from runlog._process import exit as _exit
from runlog._process import fork
from runlog._process.state import process
from runlog._process.threads import roomy_stacks

if TYPE_CHECKING:
    from runlog._settings import Settings

_MAX_CONNECTIONS = 2
_CLOSE_SECONDS = 2.0
_left_to_the_parent: list[object] = []
"""Kept for ever: the end of a parent's pool in a forked child would meet threads that are gone."""


class _Pools:
    """Those of this process, and what is held while one is looked up or made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open: dict[tuple[str, float], NullConnectionPool[WriteConnection]] = {}


_pools = process.part(_Pools)


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
    with _pools.lock:
        pool = _pools.open.get(key)
        if pool is None:
            with roomy_stacks():
                pool = _pools.open[key] = NullConnectionPool(
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


def close_all() -> None:
    """Close every pool; the next question opens another."""
    for pool in list(_pools.open.values()):
        pool.close(timeout=_CLOSE_SECONDS)
    _pools.open.clear()


def _after_fork_in_child() -> None:
    # It may be held by a thread that is not here.
    _pools.lock = threading.Lock()
    _left_to_the_parent.extend(_pools.open.values())
    _pools.open.clear()


_exit.closings.append(close_all)
fork.in_child(fork.InChild.QUESTIONS, _after_fork_in_child)
