"""A Citus cluster that somebody names in ``RUNLOG_TEST_CITUS_DSN``: databases of tests on all its nodes.

The address is a superuser's, of a database on the coordinator in which the workers are registered.
With it, the tables of every test that asks for ``database`` are distributed:
``RUNLOG_TEST_CITUS_DSN=… pytest tests/delivery tests/read tests/run``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

# Read at import: each test hides the environment of whoever runs it.
GIVEN = os.environ.get("RUNLOG_TEST_CITUS_DSN")
REASON = "no cluster is named in RUNLOG_TEST_CITUS_DSN"


def nodes() -> list[tuple[str, int]]:
    """Return host and port of each node, the coordinator first."""
    with psycopg.connect(GIVEN) as connection:
        here = (connection.info.host, connection.info.port)
        found = connection.execute(
            "select nodename, nodeport from pg_dist_node where groupid > 0 order by nodeid"
        ).fetchall()
    return [here, *found]


@contextlib.contextmanager
def new_cluster_database() -> Iterator[str]:
    """Make a database of that name on each node, and one cluster of them; its conninfo."""
    name = f"runlog_test_{secrets.token_hex(4)}"
    places = [make_conninfo(GIVEN, host=host, port=port) for host, port in nodes()]
    try:
        for place in places:
            _execute(place, sql.SQL("create database {}").format(sql.Identifier(name)))
            _execute(make_conninfo(place, dbname=name), "create extension citus")
        dsn = make_conninfo(places[0], dbname=name)
        (here, *workers) = nodes()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("select citus_set_coordinator_host(%s, %s)", here)
            for worker in workers:
                connection.execute("select citus_add_node(%s, %s)", worker)
            if workers:
                keep_off = "select citus_set_node_property(%s, %s, 'shouldhaveshards', false)"
                connection.execute(keep_off, here)
        yield dsn
    finally:
        with contextlib.suppress(psycopg.Error):
            _execute(
                make_conninfo(places[0], dbname=name), "select recover_prepared_transactions()"
            )
        drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        for place in places:
            _execute(place, drop)


def _execute(dsn: str, statement: str | sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        # The extension would make the database on the other nodes by itself, or ask them.
        connection.execute("set citus.enable_ddl_propagation to off")
        connection.execute(statement)
