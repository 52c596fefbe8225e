"""The database that most tests share, one after the other, and find as if it were new.

Making one for each test would cost minutes. So the tables are emptied, and where a test changed
anything else (a constraint, a right, a setting of the database …) the next one gets a new clone.
"""

from __future__ import annotations

import contextlib
import secrets
from itertools import compress
from typing import TYPE_CHECKING

import psycopg
import pytest
from kit import cluster
from kit.postgres import LAYOUT, Postgres, name_of, new_database
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runlog import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of each catalog how many rows it has and the youngest transaction that wrote one: that changes
# with whatever a test makes, alters or drops. TRUNCATE writes pg_class: of it what it leaves alone.
_CATALOGS = (
    "pg_attrdef",
    "pg_attribute",
    "pg_constraint",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_description",
    "pg_event_trigger",
    "pg_extension",
    "pg_index",
    "pg_namespace",
    "pg_policy",
    "pg_proc",
    "pg_rewrite",
    "pg_seclabel",
    "pg_trigger",
    "pg_type",
    "public.runlog_migrations",
)
_SHAPE = (
    "select md5(string_agg(row(relname, relnamespace, relowner, relacl, relrowsecurity,"
    " relforcerowsecurity, reloptions, relpersistence, relchecks, relhastriggers)::text, ' '"
    " order by oid)) from pg_class where relnamespace >= 2200 union all "
    + " union all ".join(
        f"select concat({name!r}, ' ', count(*), ' ', max(xmin::text::bigint)) from {name}"
        for name in _CATALOGS
    )
)
_TABLES = (
    "select relname from pg_class where relnamespace = 'public'::regnamespace"
    " and relkind in ('r', 'p') and not relispartition"
    " and relname <> 'runlog_migrations'"
)


class _Working:
    """A clone of the template, replaced as soon as a test has changed more than rows."""

    def __init__(self, postgres: Postgres, template: str) -> None:
        self._postgres = postgres
        self._template = template
        self._stack = contextlib.ExitStack()
        self.dsn = ""
        self._shape: list[tuple[str]] = []
        self._tables: list[str] = []
        self.renew()

    def renew(self) -> None:
        self.close()
        if cluster.GIVEN:
            # No node can copy another's shards.
            self.dsn = self._stack.enter_context(cluster.new_cluster_database())
            migrate.migrate(self.dsn, layout="citus")
        else:
            clone = new_database(self._postgres, self._template)
            self.dsn = self._stack.enter_context(clone)
        with psycopg.connect(self.dsn) as connection:
            self._shape = connection.execute(_SHAPE).fetchall()
            self._tables = [name for (name,) in connection.execute(_TABLES)]

    def empty(self) -> bool:
        """Take all rows away; false where that would not make it as new."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            # Shippers of the test before may still hold locks; its database is ours to clear.
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            if connection.execute(_SHAPE).fetchall() != self._shape:
                return False
            row_in = ", ".join(f"exists (select 1 from {name})" for name in self._tables)
            filled = connection.execute(f"select {row_in}").fetchone()
            if any(filled):
                names = ", ".join(compress(self._tables, filled))
                connection.execute(f"truncate {names} cascade")
            connection.execute("select setval('sync_logs_id_seq', 1, false)")
        return True

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="session")
def template_database(postgres: Postgres) -> Iterator[str]:
    """Conninfo of the session's migrated database; connect to clones of it, never to itself."""
    with new_database(postgres) as dsn:
        migrate.migrate(dsn, layout=LAYOUT)
        yield dsn


@pytest.fixture(scope="session")
def _working(postgres: Postgres, template_database: str) -> Iterator[_Working]:
    working = _Working(postgres, name_of(template_database))
    yield working
    working.close()


@pytest.fixture
def database(_working: _Working) -> str:
    """Conninfo of a migrated database without a row, as if it were new."""
    if not _working.empty():
        _working.renew()
    return _working.dsn


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """An autocommit connection to ``database``, to look at rows."""
    with psycopg.connect(database, autocommit=True) as connected:
        yield connected


@pytest.fixture
def make_database(postgres):
    """``make_database(encoding, **settings)`` → conninfo of a migrated database that gives them to its sessions."""
    made = []

    def make(encoding="UTF8", **settings):
        name = f"runlog_test_{secrets.token_hex(4)}"
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            named = sql.Identifier(name)
            admin.execute(
                sql.SQL("create database {} template template0 encoding {} locale 'C'").format(
                    named, sql.Literal(encoding)
                )
            )
            made.append(named)
            for setting, value in settings.items():
                admin.execute(
                    sql.SQL("alter database {} set {} = {}").format(
                        named, sql.Identifier(setting), sql.Literal(value)
                    )
                )
        dsn = make_conninfo(postgres.dsn, dbname=name)
        migrate.migrate(dsn)
        return dsn

    yield make
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        for named in made:
            admin.execute(sql.SQL("drop database {} with (force)").format(named))
