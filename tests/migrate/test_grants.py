"""Each role can do what it is for and nothing else, and strangers can do what was theirs before."""

import psycopg
import pytest
from kit.role_tools import READING, WRITTEN, list_allowed, write_everything
from kit.schema_tools import (
    DOCUMENTED,
    ROWS,
    connect,
    dump_catalog,
    run,
    temporary_roles,
    unique_role,
)
from psycopg import sql

from runlog._database import statements
from runlog.errors import SettingError
from runlog.migrate import LATEST, applied_version, as_sql, migrate, open_rights

ALL = "select, insert, update, delete, truncate"
SUPABASE = ("anon", "authenticated")


@pytest.fixture
def roles(postgres):
    """A writer and a reader, whose names need quoting."""
    names = unique_role("writer"), unique_role("reader")
    with temporary_roles(postgres.dsn, *names):
        yield names


@pytest.fixture
def supabase(postgres, request):
    """An empty database that hands every new table to anon and authenticated, as Supabase does."""
    with temporary_roles(postgres.dsn, *SUPABASE):
        dsn = request.getfixturevalue("empty_database")
        for kind in ("tables", "sequences", "functions"):
            run(
                dsn,
                f"alter default privileges in schema public"
                f" grant all on {kind} to anon, authenticated",
            )
        run(dsn, "grant usage on schema public to anon, authenticated")
        yield dsn
        run(dsn, "drop owned by anon, authenticated")


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("schema", ["public", "history of %s"])
@pytest.mark.parametrize("secure", [False, True])
def test_writer_writes_and_nothing_else(roles, empty_database, schema, secure):
    """A writer does the whole write path; it reads no entry, deletes nothing, renames nothing."""
    writer, _ = roles
    told = migrate(empty_database, schema=schema, writer_role=writer, secure=secure)
    assert f"role {writer!r} may now record runs and entries" in told
    assert write_everything(empty_database, writer, schema) == WRITTEN
    assert list_allowed(empty_database, writer, schema) == {
        "read one column of runs",
        "insert a run",
        "insert an entry",
        "update runs",
        "take a number",
    }


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("schema", ["public", "history of %s"])
@pytest.mark.parametrize("secure", [False, True])
def test_reader_reads_and_nothing_else(roles, empty_database, schema, secure):
    """A reader sees every row of both tables and the versions, and changes nothing."""
    _, reader = roles
    migrate(empty_database, schema=schema, reader_role=reader, secure=secure)
    with connect(empty_database, schema=schema) as connection:
        connection.execute(ROWS)
    assert list_allowed(empty_database, reader, schema) == READING
    with connect(empty_database, schema=schema, role=reader) as connection:
        count = "select (select count(*) from runs), (select count(*) from logs)"
        assert connection.execute(count).fetchone() == (1, 1)
        assert applied_version(connection, schema) == LATEST


@pytest.mark.guarantee("secrets")
def test_other_roles_get_nothing(roles, empty_database):
    """On a plain PostgreSQL a role that nobody named can do nothing, and nothing is switched on."""
    stranger, _ = roles
    migrate(empty_database)
    assert list_allowed(empty_database, stranger) == set()
    with connect(empty_database) as connection:
        assert open_rights(connection, "public") == []
        secured = "select count(*) from pg_class where relrowsecurity"
        assert connection.execute(secured).fetchone() == (0,)


def test_granting_again_changes_nothing(roles, empty_database):
    """Naming the same roles again is silent; naming another takes nothing from the first."""
    first, second = roles
    migrate(empty_database, writer_role=first, reader_role=first, secure=True)
    before = dump_catalog(empty_database)
    assert migrate(empty_database, writer_role=first, reader_role=first, secure=True) == []
    assert dump_catalog(empty_database) == before
    migrate(empty_database, writer_role=second)
    assert write_everything(empty_database, first) == WRITTEN
    assert list_allowed(empty_database, first) >= READING


def test_securing_later_keeps_the_roles(roles, empty_database):
    """Roles that were named before row level security was switched on work on afterwards."""
    writer, reader = roles
    migrate(empty_database, writer_role=writer, reader_role=reader)
    migrate(empty_database, secure=True)
    assert write_everything(empty_database, writer) == WRITTEN
    assert list_allowed(empty_database, reader) == READING


def test_long_role_name_gets_policies_of_its_own(postgres, request):
    """Names that would be cut to the same policy still get one policy each."""
    names = ["x" * 62 + "1", "x" * 62 + "2"]
    with temporary_roles(postgres.dsn, *names):
        dsn = request.getfixturevalue("empty_database")
        for name in names:
            migrate(dsn, writer_role=name, secure=True)
        assert [write_everything(dsn, name) for name in names] == [WRITTEN, WRITTEN]
        run(dsn, f"drop owned by {', '.join(names)}")


@pytest.mark.parametrize("setting", ["writer_role", "reader_role"])
def test_missing_role_is_told_before_anything_happens(empty_database, setting):
    """A role that does not exist is an error that says how to create it, and nothing is made."""
    remedy = f"{setting} 'no one' does not exist; create it first: create role \"no one\""
    with pytest.raises(SettingError, match=remedy):
        migrate(empty_database, **{setting: "no one"})
    with psycopg.connect(empty_database) as connection:
        assert applied_version(connection, "public") is None


def test_script_gives_the_same_rights(roles, empty_database):
    """The printed script gives the roles exactly what the function gives."""
    writer, reader = roles
    wanted = {"writer_role": writer, "reader_role": reader, "secure": True}
    migrate(empty_database, **wanted)
    expected = dump_catalog(empty_database)
    run(empty_database, "drop schema public cascade", "create schema public")
    run(empty_database, *[as_sql(**wanted)] * 2)
    assert dump_catalog(empty_database) == expected
    assert migrate(empty_database, **wanted) == []


@pytest.mark.guarantee("secrets")
def test_supabase_strangers_can_do_nothing(supabase):
    """Where anon and authenticated exist, new tables are closed to them, TRUNCATE included."""
    told = migrate(supabase)
    assert f"no longer: role anon may {ALL} on public.logs" in told
    assert "switched on row level security for logs" in told
    assert [list_allowed(supabase, role) for role in SUPABASE] == [set(), set()]
    with connect(supabase) as connection:
        assert open_rights(connection, "public") == []
    assert migrate(supabase) == []


@pytest.mark.guarantee("secrets")
def test_supabase_script_closes_too(supabase):
    """The script that is saved as a Supabase migration closes what the function closes."""
    run(supabase, as_sql())
    assert [list_allowed(supabase, role) for role in SUPABASE] == [set(), set()]
    assert migrate(supabase) == []


def test_adopted_tables_stay_open_and_it_is_said(supabase):
    """Adopted tables keep the rights that other programs may need, and each time it is said."""
    run(supabase, DOCUMENTED)
    rights = "select relname, relacl::text, relrowsecurity from pg_class where relname = any(%s)"
    names = [["runs", "logs", "sync_logs_id_seq"]]
    with connect(supabase) as connection:
        before = connection.execute(rights, names).fetchall()
        told = [migrate(connection), migrate(connection)]
        assert connection.execute(rights, names).fetchall() == before
    remedy = '"runlog migrate --secure" closes it'
    open_lines = [
        f"open: role {role} may {rights} on public.{name}; {remedy}"
        for name, rights in [
            (f"logs{' (row level security is off)'}", ALL),
            (f"runs{' (row level security is off)'}", ALL),
            ("sync_logs_id_seq", "select, update, usage"),
        ]
        for role in SUPABASE
    ]
    assert [line for line in told[0] if line.startswith("open")] == open_lines
    assert told[1] == open_lines


@pytest.mark.guarantee("secrets")
def test_secure_closes_adopted_tables(supabase, roles):
    """Securing adopted tables closes them to strangers and PUBLIC, and keeps the writer going."""
    writer, _ = roles
    run(
        supabase,
        DOCUMENTED,
        "grant select on runs to public",
        "grant update (meta) on logs to anon",
    )
    migrate(supabase, writer_role=writer)
    told = migrate(supabase, secure=True)
    assert "no longer: every role may select on public.runs" in told
    assert [line for line in told if line.startswith("open")] == []
    assert [list_allowed(supabase, role) for role in SUPABASE] == [set(), set()]
    assert write_everything(supabase, writer) == WRITTEN
    run(supabase, sql.SQL("drop owned by {}").format(sql.Identifier(writer)))


def test_writer_numbers_runs_from_an_adopted_sequence(roles, empty_database):
    """The writer may use the sequence that numbers the runs, whatever it is called."""
    writer, _ = roles
    elsewhere = "create schema old; alter sequence sync_logs_id_seq set schema old;"
    run(empty_database, DOCUMENTED, elsewhere, "alter sequence old.sync_logs_id_seq rename to n")
    migrate(empty_database, writer_role=writer, secure=True)
    assert write_everything(empty_database, writer) == WRITTEN


def test_owner_is_not_locked_out(empty_database):
    """Row level security is not forced: the owner still sees and deletes every row."""
    migrate(empty_database, secure=True)
    with connect(empty_database) as connection:
        connection.execute(ROWS)
        forced = "select count(*) from pg_class where relforcerowsecurity"
        assert connection.execute(forced).fetchone() == (0,)
        connection.execute("delete from runs")
        assert connection.execute("select count(*) from logs").fetchone() == (0,)


def test_policies_name_their_role():
    """A person who lists the policies sees which role each is for."""
    assert '"runlog_insert_etl"' in as_sql(writer_role="etl")
    assert statements.identifier("etl", setting="writer_role") in as_sql(writer_role="etl")
