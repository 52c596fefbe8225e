"""Create the two tables, adopt those that exist, and bring either up to date.

Here live ``migrate`` and what tells about its work; the statements themselves are the files of
``sql/migrations``: the numbered ones change the schema, ``steps/`` is what surrounds them. Not
here: rights (``_rights``). Waits for the database: for people, never for the path of entries.

Rules: one transaction a file, under a lock of that transaction; nothing that lives longer, so a
pooler may be in between; nothing that exists is dropped or rewritten.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from runlog._database import driver, statements
from runlog._database.connection import connect
from runlog._database.explain import unreachable
from runlog._database.faults import NO_RIGHT, is_in_the_way
from runlog._database.trial import try_writing
from runlog._process.distribution import pip_line
from runlog.errors import DatabaseUnavailableError, RunlogError, SchemaError, SettingError
from runlog.migrate._layout import Layout, apply_layout, make_lean, require_layout
from runlog.migrate._rights import get_standing, list_grants, list_open, require_role, rows, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection
    from runlog.migrate._rights import Grant

LATEST: Final = statements.migration_files()[-1].version
"""The version of the schema that this runlog writes to."""

_CONNECT_SECONDS: Final = 30.0
_REFUSED: Final = "RL001"  # the SQLSTATE that steps/refuse.sql raises


def migrate(
    dsn_or_connection: str | Connection[Any],
    *,
    schema: str = "public",
    writer_role: str | None = None,
    reader_role: str | None = None,
    watcher_role: str | None = None,
    secure: bool = False,
    layout: Layout | None = None,
    lean: bool = False,
) -> list[str]:
    """Bring the tables in ``schema`` up to date, and tell what was done.

    Blocks until it is done. Harmless when repeated and when many processes do it at once: one
    works, the others wait and find nothing to do. When it fails, the files applied before the
    failing one stay and the next call goes on there.

    Args:
        dsn_or_connection: a libpq connection string, or an open connection that is in no
            transaction; the latter is left open.
        schema: where the tables live; created if it is missing.
        writer_role: an existing role that shall be able to record runs and entries.
        reader_role: an existing role that shall be able to read them.
        watcher_role: an existing role that shall be able to run "runlog watch".
        secure: switch on row level security, take all rights from PUBLIC and Supabase's roles.
        layout: ``"partitioned"`` makes ``logs`` a partition a month, ``"citus"`` distributes both
            tables over a cluster; each for good.
        lean: drop the documented indexes that no question of runlog uses.

    Returns:
        A sentence for each thing done, so nothing when there was nothing to do. About tables that
        were here before runlog it also tells, each time, what differs from the documented schema
        (``left as it is: …``) and which rights stand open (``open: …``).

    Raises:
        SchemaError: the tables cannot be brought up to date; the message holds the remedy.
        SettingError: a name cannot be used, or a role does not exist.
        DatabaseUnavailableError: the database could not be reached, or went away.
    """
    roles = {"writer": writer_role, "reader": reader_role, "watcher": watcher_role}
    grants = list_grants(schema, roles, secure=secure)
    with _errors_translated(), _connected(dsn_or_connection) as connection:
        with connection.transaction():
            for name, role in roles.items():
                require_role(connection, role, setting=f"{name}_role")
        require_layout(connection, schema, layout)
        done = []
        for migration in statements.migration_files():
            done += _apply(connection, schema, migration)
        for grant in grants:
            done += _give(connection, schema, grant)
        done += apply_layout(connection, schema, layout)
        done += make_lean(connection, schema) if lean else []
        return done + _remarks(connection, schema)


def as_sql(
    *,
    schema: str = "public",
    writer_role: str | None = None,
    reader_role: str | None = None,
    watcher_role: str | None = None,
    secure: bool = False,
) -> str:
    """Return what ``migrate`` would do as one script; may be run twice; arguments as there."""
    roles = {"writer": writer_role, "reader": reader_role, "watcher": watcher_role}
    grants = list_grants(schema, roles, secure=secure)
    files = statements.migration_files()
    parts = [
        b"-- The tables of runlog, as one transaction; made by: runlog migrate --sql",
        b"begin isolation level read committed;",
        *(_step(name, schema) for name in ("lock", "prepare", "refuse")),
        *(part for migration in files for part in (_record(migration), migration.sql)),
        *(grant.sql for grant in grants),
        b"commit;",
    ]
    return b"\n\n".join(part.strip() for part in parts).decode() + "\n"


def applied_version(connection: Connection[Any], schema: str) -> int | None:
    """Return the newest migration applied in ``schema``, None without any; a writer may ask."""
    with connection.transaction():
        if not rows(connection, _step("find_table", schema)):
            return None
        newest: int | None = rows(connection, _step("newest", schema))[0][0]
        return newest


def open_rights(connection: Connection[Any], schema: str) -> list[str]:
    """Return a sentence for each right of PUBLIC and Supabase's roles; empty when closed."""
    with connection.transaction():
        return list_open(connection, schema)


def _apply(connection: Connection[Any], schema: str, migration: statements.Migration) -> list[str]:
    with _locked(connection, schema):
        contents_before = _contents(connection)
        run(connection, _step("prepare", schema))
        applied = dict(rows(connection, b"select version, checksum from runlog_migrations"))
        _check(applied, schema)
        run(connection, _step("refuse", schema))
        if migration.version == 1:
            _require_writable(connection, schema)
        if migration.version in applied:
            return []
        before = get_standing(connection, schema)
        run(connection, _record(migration))
        run(connection, migration.sql)
        done = [
            *_told_adopted(connection, schema, migration.version),
            *_told_created(contents_before, _contents(connection)),
            *before.changes_to(get_standing(connection, schema)),
        ]
    title = migration.name.replace("_", " ")
    return done or [f"applied migration {migration.version} ({title})"]


def _require_writable(connection: Connection[Any], schema: str) -> None:
    """Do nothing if the tables are runlog's own, or not there, or hold what it writes."""
    asked = rows(connection, _step("are_others", schema))
    refusal = try_writing(connection, schema) if asked else None
    if refusal is not None:
        raise SchemaError(
            f"the tables cannot hold what runlog writes: {refusal.said}; {refusal.remedy}"
        )


def _give(connection: Connection[Any], schema: str, grant: Grant) -> list[str]:
    with _locked(connection, schema):
        run(connection, _step("prepare", schema))
        before = get_standing(connection, schema)
        run(connection, grant.sql)
        after = get_standing(connection, schema)
        return [] if after == before else [grant.said, *before.changes_to(after)]


def _check(applied: dict[int, str], schema: str) -> None:
    known = {migration.version: migration.checksum for migration in statements.migration_files()}
    newest = max(applied, default=0)
    if newest > LATEST:
        raise SchemaError(
            f"schema {schema!r} is at version {newest}, this runlog knows {LATEST};"
            f" upgrade runlog: {pip_line(upgrade=True)}"
        )
    for version, checksum in sorted(applied.items()):
        if known.get(version) != checksum:
            raise SchemaError(
                f"migration {version} was applied to schema {schema!r} with another text (checksum"
                f" {checksum!r}, this runlog has {known.get(version)!r}); use the runlog that"
                " applied it, or, if you know that the tables are right, set the checksum in"
                " runlog_migrations to this runlog's"
            )


def _told_adopted(connection: Connection[Any], schema: str, version: int) -> list[str]:
    if version != 1 or not _is_adopted(connection):
        return []
    return [f"adopted the tables that were in schema {schema!r}; nothing in them was changed"]


def _told_created(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> Iterator[str]:
    created = [item for item in after if item not in before]
    for kind in ("schema", "table", "sequence", "index", "view"):
        names = [name for item_kind, name in created if item_kind == kind]
        if names:
            word = kind if len(names) == 1 else f"{kind}es" if kind == "index" else f"{kind}s"
            yield f"created the {word} {', '.join(names)}"


def _remarks(connection: Connection[Any], schema: str) -> list[str]:
    with _locked(connection, schema):
        run(connection, _step("prepare", schema))
        if not _is_adopted(connection):
            return []
        differences = rows(connection, _step("left_as_is", schema))
        standing_open = list_open(connection, schema)
    return [
        *(f"left as it is: {said}" for (said,) in differences),
        *(f'open: {said}; "runlog migrate --secure" closes it' for said in standing_open),
    ]


def _is_adopted(connection: Connection[Any]) -> bool:
    return bool(rows(connection, b"select from runlog_migrations where version = 1 and adopted"))


def _contents(connection: Connection[Any]) -> list[tuple[str, str]]:
    return [
        (kind, name)
        for kind, name in rows(connection, statements.text("migrations/steps/contents"))
    ]


def _record(migration: statements.Migration) -> bytes:
    return statements.fill(
        statements.text("migrations/steps/record"),
        version=str(migration.version),
        name=statements.literal(migration.name),
        checksum=statements.literal(migration.checksum),
    )


def _step(name: str, schema: str) -> bytes:
    return statements.statement(f"migrations/steps/{name}", schema)


@contextmanager
def _locked(connection: Connection[Any], schema: str) -> Iterator[None]:
    with connection.transaction():
        run(connection, _step("lock", schema))
        yield


@contextmanager
def _connected(dsn_or_connection: str | Connection[Any]) -> Iterator[Connection[Any]]:
    if not isinstance(dsn_or_connection, str):
        if dsn_or_connection.info.transaction_status != driver.TransactionStatus.IDLE:
            raise RunlogError(
                "the connection is in a transaction, and migrating needs its own;"
                " commit or roll back first"
            )
        yield dsn_or_connection
        return
    with _connect(dsn_or_connection) as connection:
        # Under a stricter level the view of the tables would be older than the wait for the lock.
        connection.isolation_level = driver.IsolationLevel.READ_COMMITTED
        yield connection


def _connect(dsn: str) -> Connection[Any]:
    try:
        return connect(dsn, name="runlog migrate", timeout=_CONNECT_SECONDS, kind=driver.Connection)
    except driver.ProgrammingError as error:
        raise SettingError(str(error), name="dsn") from None
    except driver.OperationalError as error:
        raise unreachable(error, dsn) from None


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except driver.Error as error:
        raise _translate(error, error.diag.message_primary or str(error).strip()) from error


def _translate(error: driver.Error, said: str) -> RunlogError:
    if error.sqlstate == _REFUSED:
        return SchemaError(f"{said}; {error.diag.message_hint}")
    if error.sqlstate == NO_RIGHT:
        return SchemaError(
            f"this role may not migrate: {said}; connect as the owner of the tables and schema"
        )
    if is_in_the_way(error):
        return SchemaError(f"a long transaction holds the tables ({said}); end it, then try again")
    if isinstance(error, driver.OperationalError):
        return DatabaseUnavailableError(f"the database broke off: {said}; migrate again")
    return SchemaError(f"PostgreSQL refused to migrate: {said}; nothing of it was kept")
