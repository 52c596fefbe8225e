"""The one connection on which a process writes: its own, never the application's.

A psycopg connection, not a pool: one thread at a time writes, the drain at exit must work where no
thread can be started, and a pool tells only that time ran out. Correct behind transaction poolers:
no prepared statements, no session state. Imported by the shipper's thread only: psycopg is slow.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from runlog._database import dsn as _dsn
from runlog._database.encoding import codec_of, marked
from runlog._database.loading import load_moments
from runlog._process import clock
from runlog._process.descriptor import file_at, standard_numbers_taken
from runlog._process.fork import without_fork
from runlog._process.origin import script_name
from runlog._settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from runlog._process.descriptor import File

_T = TypeVar("_T")
_Kind = TypeVar("_Kind", bound="psycopg.Connection[Any]")
_APPLICATION_NAME_MAX = 63


class DeadlineError(psycopg.OperationalError):
    """A statement took longer than its time on this process's clock."""


class LostSocketError(psycopg.OperationalError):
    """Somebody closed the number of libpq's socket, and it may be a file of the program by now."""


class WriteConnection(psycopg.Connection[Any]):
    """A connection whose statements end at ``deadline`` (of ``time.monotonic``), whatever happens.

    A pooler can accept and then queue a statement for minutes, a network can swallow the answer:
    neither ``connect_timeout`` nor ``statement_timeout`` helps then. psycopg hands control back
    while it waits; that is where the clock is looked at.

    Also looked at is the socket: a daemon closes every number there is, and the program's next file
    gets that one. libpq would write into it, and close it at last; so what has lost its socket is
    neither used nor finished again.
    """

    deadline: float = float("inf")

    database_id: str | None = ""
    """Of the database at the other end, see ``asking.database_id``; empty: not asked yet."""

    _socket: File | None = None
    _is_lost: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take over a connection of libpq that was just made."""
        super().__init__(*args, **kwargs)
        self._socket = file_at(self.pgconn.socket)

    @property
    def closed(self) -> bool:
        """Whether it is of no more use: closed, broken, or without its socket."""
        return super().closed or self._has_lost_its_socket()

    def _has_lost_its_socket(self) -> bool:
        try:
            lost = self._is_lost or file_at(self.pgconn.socket) != self._socket
        except psycopg.Error:
            return False  # libpq has none itself.
        if lost and not self._is_lost:
            self._is_lost = True
            _keep_for_ever(self)
        return lost

    def storable(self, values: Iterable[Any], json: Iterable[bool]) -> list[Any]:
        """Return ``values``, their texts without what the database's encoding does not have.

        Args:
            values: of parameters: texts, lists of texts, or what is no text.
            json: of each, whether it is JSON.
        """
        codec = codec_of(self.info.parameter_status("server_encoding"))
        if codec is None:
            return list(values)
        return [_marked(value, codec, it) for value, it in zip(values, json, strict=True)]

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait for ``gen`` as psycopg does, but not past the deadline."""
        return super().wait(self._until_deadline(gen), *args, **kwargs)

    def _until_deadline(self, gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
        steps = _without_fork(gen)
        ready = None
        try:
            while True:
                if self._has_lost_its_socket():
                    _keep_for_ever(steps)
                    raise LostSocketError(_LOST)
                want = steps.send(ready)
                ready = yield want
                # Asked each time: the end of the script brings the deadline forward.
                if not ready and clock.monotonic() > self.deadline:
                    steps.close()
                    raise DeadlineError("the database did not answer in time")
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    @classmethod
    def _connect_gen(cls, *args: Any, **kwargs: Any) -> Any:
        return _on_own_socket(_without_fork(super()._connect_gen(*args, **kwargs)))

    def _cancel_gen(self) -> Any:
        return _without_fork(super()._cancel_gen())

    @contextlib.contextmanager
    def transaction(self, *args: Any, **kwargs: Any) -> Iterator[psycopg.Transaction]:
        """Begin a transaction, and end it with the block."""
        with super().transaction(*args, **kwargs) as begun:
            try:
                yield begun
            except BaseException:
                if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                    # A statement was not waited for to its end: psycopg would send its rollback all
                    # the same, and log a warning that it could not.
                    self.close()
                raise

    def close(self) -> None:
        """Close the connection."""
        with without_fork():
            if not self._has_lost_its_socket():
                super().close()

    def forget_in_child(self) -> None:
        """Close the forked child's copy of the socket without a word to the server."""
        _kept.append(self)
        with contextlib.suppress(OSError, psycopg.Error):
            if not self._has_lost_its_socket():
                os.close(self.fileno())


def _marked(value: Any, codec: str, is_json: bool) -> Any:
    if isinstance(value, str):
        return marked(value, codec, is_json=is_json)
    if isinstance(value, list):
        return [_marked(each, codec, is_json) for each in value]
    return value


_kept: list[object] = []
"""For ever: their end would say goodbye on the session of a parent, or in a file of the program."""


def _without_fork(gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
    """Take each step of ``gen`` while no fork can happen; the waits between them do not count.

    Inside a step libpq may hold locks of OpenSSL. A child forked then would find them locked for
    ever. The first step of a connection may wait for a name server too; a fork then waits along.
    """
    ready = None
    try:
        while True:
            with without_fork():
                want = gen.send(ready)
            ready = yield want
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        # Told to end, psycopg's end of a pipeline asks to wait once more; Python complains of it.
        with contextlib.suppress(RuntimeError):
            gen.close()


def _on_own_socket(gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
    """Take each step of ``gen``, which connects, only while its socket is the one it waited for."""
    ready = None
    try:
        while True:
            want = gen.send(ready)
            number = want[0]
            file = file_at(number)
            ready = yield want
            if file_at(number) != file:
                _keep_for_ever(gen)
                raise LostSocketError(_LOST)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


_LOST = "the program closed the descriptor of the connection"


def _keep_for_ever(holder: object) -> None:
    """Keep ``holder`` beyond the interpreter's end, where libpq would finish the connection."""
    _kept.append(holder)
    with contextlib.suppress(ImportError):  # Some systems' Python is without it.
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(holder))


def connect(
    dsn: str,
    *,
    name: str,
    timeout: float,
    at_most: float = float("inf"),
    kind: type[_Kind],
) -> _Kind:
    """Connect to ``dsn``, autocommit; ``embedded:`` starts the embedded server first.

    What the address or libpq's variables say of name and timeout goes before what is given here.
    Whatever role, database and shell say, the session speaks UTF-8, as the spool does.

    Args:
        dsn: the address, as a person wrote it.
        name: the ``application_name``, unless the person chose one.
        timeout: seconds for the attempt, unless the person chose them; at least 2, which is
            psycopg's minimum.
        at_most: seconds, whatever the person chose: the script ends.
        kind: the class of the connection.

    Raises:
        psycopg.Error: no connection; a ``ProgrammingError`` where the address cannot be read.
        EmbeddedError: the embedded server does not start.
    """
    if dsn == EMBEDDED:
        with without_fork():
            from runlog import embedded
        dsn = embedded.ensure_running()
    conninfo = _dsn.for_libpq(dsn)
    chosen = _words(conninfo, dsn)
    fallback: dict[str, Any] = {"fallback_application_name": name, **_KEEPALIVES}
    with standard_numbers_taken():
        connection = kind.connect(
            conninfo,
            autocommit=True,
            # https://www.psycopg.org/psycopg3/docs/advanced/prepare.html#pgbouncer
            prepare_threshold=None,
            # A parameter of the start, which poolers let pass; no SET, which they would leak.
            client_encoding="utf8",
            connect_timeout=_seconds(chosen, timeout, at_most),
            **{word: value for word, value in fallback.items() if word not in chosen},
        )
    load_moments(connection.adapters)
    return connection


_KEEPALIVES = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


def _words(conninfo: str, dsn: str) -> dict[str, Any]:
    """Return what libpq reads in ``conninfo``; of what it refuses only its own words are told."""
    try:
        if _dsn.is_address(dsn):
            return conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError as error:
        unknown = _UNKNOWN.search(str(error))
        if unknown:
            raise psycopg.ProgrammingError(_dsn.unknown_parameter(unknown[1])) from None
    except UnicodeError:
        # A password that was percent-encoded in another encoding than UTF-8.
        pass
    raise psycopg.ProgrammingError(_dsn.not_understood(dsn))


_UNKNOWN = re.compile(r'invalid (?:URI query parameter|connection option):? "([A-Za-z_-]{2,40})"')


def _seconds(chosen: Mapping[str, Any], timeout: float, at_most: float) -> int:
    own = chosen.get("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT") or ""
    with contextlib.suppress(ValueError):
        # libpq waits for ever at zero and below; nobody wants that of a log.
        timeout = int(own) if int(own) > 0 else _PATIENCE
    return max(2, int(min(timeout, at_most)))


_PATIENCE = 130.0
"""Seconds; psycopg's own limit where a person named none."""


def application_name() -> str:
    """Return the name under which a person finds this process among the server's sessions."""
    return f"runlog:{script_name()}".encode("ascii", "replace").decode()[:_APPLICATION_NAME_MAX]


def is_exposed(connection: WriteConnection) -> bool:
    """Tell whether what is sent can be read on the way: another host, and no encryption."""
    return not connection.pgconn.ssl_in_use and not _dsn.is_local(connection.info.host)
