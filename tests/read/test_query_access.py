"""Questions go over whatever connection is given, leave it as it was, and fail with a remedy."""

import secrets

import psycopg
import pytest
from kit.rows import add_run
from kit.schema_tools import DOCUMENTED, run, temporary_roles
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from runlog import embedded, migrate, queries
from runlog.errors import DatabaseUnavailableError, SchemaError


@pytest.fixture
def one_run(connection):
    return add_run(connection, "sync")


def ids(runs):
    return [run.id for run in runs]


def test_an_address_a_connection_and_a_pool_answer_alike(database, connection, one_run):
    """It makes no difference how the database is named."""
    assert ids(queries.last_runs(database)) == [one_run]
    assert ids(queries.last_runs(connection)) == [one_run]
    with ConnectionPool(database, min_size=1, open=True) as pool:
        assert ids(queries.last_runs(pool)) == [one_run]


def test_the_environment_names_the_database(database, one_run, monkeypatch):
    """Without anything given it is the database in which scripts record."""
    monkeypatch.setenv("RUNLOG_DSN", database)
    assert ids(queries.last_runs()) == [one_run]
    monkeypatch.delenv("RUNLOG_DSN")
    monkeypatch.setenv("DATABASE_URL", database)
    assert ids(queries.last_runs()) == [one_run]


def test_a_pasted_url_is_understood(database, one_run):
    """The URLs of other tools work for reading as they do for writing."""
    parts = conninfo_to_dict(database)
    url = "postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}?pgbouncer=true"
    assert ids(queries.last_runs(url.format(**parts))) == [one_run]


def test_a_connection_is_left_as_it_was(database, one_run):
    """No transaction is left open, none is ended, and odd row factories do not matter."""
    with psycopg.connect(database, row_factory=dict_row) as connection:
        assert ids(queries.last_runs(connection)) == [one_run]
        assert connection.info.transaction_status == TransactionStatus.IDLE
        connection.execute("delete from runs")
        assert queries.last_runs(connection) == []
        assert connection.info.transaction_status == TransactionStatus.INTRANS
        connection.rollback()
    assert ids(queries.last_runs(database)) == [one_run]


def test_nothing_is_prepared(connection, one_run):
    """However often it is asked, no prepared statement is left for a pooler to mix up."""
    for _ in range(8):
        queries.last_runs(connection)
    assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)


def test_another_schema(empty_database, monkeypatch):
    """The schema is the argument's, else that of the setting, whatever its name looks like."""
    schema = 'we"ird % {schema}'
    migrate.migrate(empty_database, schema=schema)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(sql.SQL("set search_path to {}").format(sql.Identifier(schema)))
        run_id = add_run(connection)
    assert ids(queries.last_runs(empty_database, schema=schema)) == [run_id]
    assert len(queries.table_sizes(empty_database, schema=schema)) == 2
    monkeypatch.setenv("RUNLOG_SCHEMA", schema)
    assert ids(queries.last_runs(empty_database)) == [run_id]


def test_the_two_documented_tables_are_enough(empty_database):
    """Every question has an answer where nothing but the documented tables exists."""
    run(empty_database, DOCUMENTED)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        run_id = add_run(connection, batch_id=(batch := add_run(connection)))
        assert ids(queries.runs_of_batch(connection, batch_id=batch)) == [run_id]
        assert len(queries.script_health(connection)) == 1
        assert queries.error_groups(connection) == []
        assert len(queries.daily_statistics(connection)) == 1
        assert queries.slowest_steps(connection) == []


def test_missing_tables_are_told_with_the_remedy(empty_database):
    """A database without the tables is an error that says how to make them."""
    with pytest.raises(SchemaError, match=r'not in schema \'public\'.*run "runlog migrate"'):
        queries.last_runs(empty_database)


def test_missing_rights_are_told_with_the_remedy(postgres, database):
    """A role that may not read is told what the owner can do."""
    role = f"stranger_{secrets.token_hex(4)}"
    with temporary_roles(postgres.dsn, role), psycopg.connect(database) as connection:
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        with pytest.raises(SchemaError, match='"runlog migrate --reader-role NAME"'):
            queries.last_runs(connection)


def test_a_server_that_is_away(database):
    """No server is one clear error, which shows no password."""
    dsn = make_conninfo(database, port=1, password="hush-hush")
    with pytest.raises(DatabaseUnavailableError, match="could not be reached") as caught:
        queries.last_runs(dsn)
    assert "hush-hush" not in str(caught.value)


def test_a_wrong_password_is_not_shown(database):
    """What libpq quotes of an address is hidden where it is part of the password."""
    with pytest.raises(DatabaseUnavailableError) as caught:
        queries.last_runs("host=localhost port=1 hush-hush password=hush-hush")
    assert "hush-hush" not in str(caught.value)


def test_a_closed_connection(database):
    """A connection that was closed is told like a database that is away."""
    connection = psycopg.connect(database)
    connection.close()
    with pytest.raises(DatabaseUnavailableError, match="connection is closed"):
        queries.last_runs(connection)


def test_a_query_that_takes_too_long(database):
    """A statement that the server ended is an error that says so, not a broken connection."""
    with (
        psycopg.connect(database, autocommit=True, options="-c statement_timeout=50") as connection,
        psycopg.connect(database) as other,
    ):
        other.execute("lock table runs in access exclusive mode")
        with pytest.raises(DatabaseUnavailableError, match="the database ended the query"):
            queries.last_runs(connection)


def test_no_database_at_all(monkeypatch):
    """Without any database the error lists the ways to name one."""
    monkeypatch.setattr(embedded, "is_installed", lambda: False)
    with pytest.raises(DatabaseUnavailableError, match="set RUNLOG_DSN or DATABASE_URL"):
        queries.last_runs()


def test_reading_makes_no_embedded_server(monkeypatch, tmp_path):
    """A question alone does not create the embedded server that was never started."""
    monkeypatch.setattr(embedded, "is_installed", lambda: True)
    monkeypatch.setenv("RUNLOG_EMBEDDED_DIR", str(tmp_path / "pg"))
    with pytest.raises(DatabaseUnavailableError, match=r'never started.*"runlog demo"'):
        queries.last_runs()
    assert not (tmp_path / "pg").exists()
