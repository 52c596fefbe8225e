"""One question to the database: whose connection it goes over, and what its failures mean.

Lives here: the way from an address, a connection or a pool to rows as dataclasses. Not here: the
questions and the rows (``queries``). Nothing of the writing side is used. Runs on the caller's
thread and waits for the database.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from runlog._database import dsn as _dsn
from runlog._database import statements
from runlog._settings import EMBEDDED, resolve
from runlog.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection
    from psycopg_pool import ConnectionPool

Source: TypeAlias = "str | Connection[Any] | ConnectionPool[Any] | None"
"""Where to ask: an address, an open connection, a pool; None is the address of the environment."""

_Row = TypeVar("_Row")
_clusters: WeakKeyDictionary[Connection[Any], bool] = WeakKeyDictionary()
_NO_EMBEDDED_YET = (
    "no database is named, and the embedded one was never started; set RUNLOG_DSN or DATABASE_URL, "
    'or run "runlog demo"'
)


def rows_of(
    connection: Connection[Any], sql: bytes, values: dict[str, Any] | None, row_factory: Any
) -> list[Any]:
    """Return the rows of ``sql`` over a ``connection``, read alike in whatever session."""
    from runlog._database.loading import load_safely

    with connection.cursor(row_factory=row_factory) as cursor:
        load_safely(cursor)
        # Never prepared: each call is planned for its own filters, and poolers may be in between.
        return cursor.execute(sql, values or None, prepare=False).fetchall()


def now_of(connection: Connection[Any]) -> datetime:
    """Return the moment by the database's clock: in a transaction, when that began."""
    from psycopg.rows import tuple_row

    ((now,),) = rows_of(connection, b"select now()", None, tuple_row)
    assert isinstance(now, datetime)  # noqa: S101 - for the type checker
    return now


def fetch(
    source: Source, schema: str | None, name: str, row_type: type[_Row], **parameters: Any
) -> list[_Row]:
    """Return the rows of ``sql/queries/<name>.sql``; its columns are the fields of ``row_type``.

    Raises:
        DatabaseUnavailableError: no database is named, or it cannot be reached.
        SchemaError: the tables are not there, or this role may not read them.
    """
    from psycopg.rows import class_row

    schema = schema or resolve().schema
    with translated(source, schema), _connection(source) as connection:
        statement = statement_for(connection, f"queries/{name}", schema)
        return rows_of(connection, statement, parameters, class_row(row_type))


def statement_for(connection: Connection[Any], name: str, schema: str) -> bytes:
    """Return ``sql/<name>.sql``; in a cluster in the form that tables spread over it can do."""
    usual = statements.statement(name, schema)
    spread = statements.statement(name, schema, is_cluster=True)
    return spread if spread != usual and _is_cluster(connection) else usual


def _is_cluster(connection: Connection[Any]) -> bool:
    """Tell whether the database has Citus; asked once for each connection."""
    from psycopg.rows import tuple_row

    found = _clusters.get(connection)
    if found is None:
        with connection.cursor(row_factory=tuple_row) as cursor:
            sql = statements.text("layout/citus/is_there")
            ((found,),) = cursor.execute(sql, prepare=False).fetchall()
        _clusters[connection] = found
    return found


@contextmanager
def _connection(source: Source) -> Iterator[Connection[Any]]:
    from psycopg import Connection
    from psycopg.pq import TransactionStatus

    if source is None or isinstance(source, str):
        with connect(source) as connection:
            yield connection
    elif not isinstance(source, Connection):
        with source.connection() as connection:
            yield connection
    elif source.autocommit or source.info.transaction_status != TransactionStatus.IDLE:
        yield source
    else:
        # The caller's connection was in no transaction and must not be left in one.
        with source.transaction():
            yield source


def connect(dsn: str | None = None) -> Connection[Any]:
    """Return a new autocommit connection to ``dsn``, or to the database of the environment.

    Raises:
        DatabaseUnavailableError: no database is named, or it cannot be reached.
    """
    import psycopg

    from runlog._database import connection

    settings = resolve({"dsn": dsn})
    with translated(settings.dsn, settings.schema):
        return connection.connect(
            address(settings.dsn),
            name="runlog",
            timeout=settings.connect_timeout,
            kind=psycopg.Connection,
        )


def address(dsn: str | None) -> str:
    """Return ``dsn`` as libpq takes it; ``embedded:`` starts the server if it has data.

    Raises:
        DatabaseUnavailableError: there is no address, or no embedded database yet.
        EmbeddedError: the embedded server does not start.
    """
    if dsn is None:
        raise DatabaseUnavailableError(_dsn.no_database())
    if not _dsn.is_address(dsn):
        raise DatabaseUnavailableError(_dsn.not_understood(dsn))
    if dsn != EMBEDDED:
        return _dsn.for_libpq(dsn)
    from runlog import embedded

    # Reading must not make a database that nobody asked for.
    if embedded.status().version is None:
        raise DatabaseUnavailableError(_NO_EMBEDDED_YET)
    return embedded.ensure_running()


@contextmanager
def translated(source: Source, schema: str, purpose: str = "read") -> Iterator[None]:
    """Turn what psycopg raises inside the block into an error that tells the remedy.

    Args:
        source: where it is asked.
        schema: of the tables.
        purpose: ``read`` or ``change``: who may help, where a right is missing.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        from runlog._database.explain import meaning

        dsn = source if isinstance(source, str) else ""
        raise meaning(error, dsn, schema, purpose=purpose) from error
