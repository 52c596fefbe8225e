"""Session: the one connection on which a process writes, opened when first needed, ended in time.

Every statement gets its own deadline on this process's clock. Runs under the shipper's lock, on
whichever thread ships; ``hasten``, ``cancel`` and the texts for people on any.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runlog._database import dsn
from runlog._process import clock
from runlog._process.notices import notices

if TYPE_CHECKING:
    from runlog._database.connection import WriteConnection
    from runlog._settings import Settings


class OutOfTimeError(Exception):
    """The script's end leaves no time for more; the rest stays in the spool."""


class Session:
    """The connection to one database, and another one whenever it is gone."""

    def __init__(self, settings: Settings) -> None:
        """Connect not yet."""
        self._dsn = settings.dsn or ""
        self._connect_timeout = settings.connect_timeout
        self._statement_timeout = settings.statement_timeout
        self._connection: WriteConnection | None = None
        self._stop_at = float("inf")

    def connection(self) -> WriteConnection:
        """Return the connection, opened now if there is none, for one statement and its deadline.

        Raises:
            OutOfTimeError: the process is to have stopped by now.
        """
        if not self.is_connected:
            self.close()
            self._connection = self._open()
        assert self._connection is not None  # noqa: S101 - for the type checker
        self._connection.deadline = self._deadline()
        # Asked again: ``hasten`` may have come in between, on another thread.
        self._connection.deadline = self._deadline()
        return self._connection

    def _open(self) -> WriteConnection:
        from runlog._database import connection as connecting

        opened = connecting.connect(
            self._dsn,
            name=connecting.application_name(),
            timeout=self._connect_timeout,
            at_most=self._deadline() - clock.monotonic(),
            kind=connecting.WriteConnection,
        )
        if connecting.is_exposed(opened):
            place = self.shown()
            told = f"the connection to {place} is not encrypted; add sslmode=require to it"
            notices.change("encryption", place, told)
        return opened

    def _deadline(self) -> float:
        now = clock.monotonic()
        if now >= self._stop_at:
            raise OutOfTimeError
        return min(now + self._statement_timeout, self._stop_at)

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection that is not known to be broken."""
        return self._connection is not None and not self._connection.closed

    def hasten(self, deadline: float) -> None:
        """Bring the deadline forward, also for a statement under way in another thread."""
        self._stop_at = deadline
        connection = self._connection
        if connection is not None:
            connection.deadline = min(connection.deadline, deadline)

    def shown(self) -> str:
        """Return the database in a word that people may read."""
        return dsn.shown(self._dsn, os.environ)

    def without_password(self, text: str) -> str:
        """Return an error's text as people may read it."""
        return dsn.without_password(text, self._dsn, os.environ)

    def close(self) -> None:
        """Close the connection, whatever state it is in; the next statement opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def cancel(self) -> None:
        """End a statement that is still under way on the server."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.cancel_safe(timeout=1.0)

    def forget_in_child(self) -> None:
        """Let go of the parent's connection after a fork."""
        if self._connection is not None:
            self._connection.forget_in_child()
