"""A Citus cluster that somebody names in ``RUNLOG_TEST_CITUS_DSN``: databases of tests on all its nodes.

The address is a superuser's, of a database on the coordinator in which the workers are registered.
With it, the tables of every test that asks for ``database`` are distributed:
``RUNLOG_TEST_CITUS_DSN=… pytest tests/delivery tests/read tests/run``. A test is skipped there when
the cluster refuses a statement of its own (a trigger, the procedure); one of runlog's is a failure.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import runlog

if TYPE_CHECKING:
    from collections.abc import Iterator

# Read at import: each test hides the environment of whoever runs it.
GIVEN = os.environ.get("RUNLOG_TEST_CITUS_DSN")
REASON = "no cluster is named in RUNLOG_TEST_CITUS_DSN"


_REFUSALS = ("not supported", "multiple commands into a prepared statement")
_PACKAGE = Path(runlog.__file__).parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Skip a test whose own statement is none for a cluster."""
    report = yield
    if GIVEN and report.failed and call.excinfo is not None and _is_refused(call.excinfo):
        report.outcome = "skipped"
        said = "Skipped: a cluster refuses a statement of the test itself"
        report.longrepr = (str(item.path), 0, said)
    return report


def _is_refused(raised: pytest.ExceptionInfo[BaseException]) -> bool:
    error = raised.value
    is_refusal = isinstance(error, psycopg.errors.FeatureNotSupported) or (
        isinstance(error, psycopg.Error) and any(words in str(error) for words in _REFUSALS)
    )
    return is_refusal and not any(_PACKAGE in Path(it.path).parents for it in raised.traceback)


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
