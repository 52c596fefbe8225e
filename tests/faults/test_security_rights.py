"""Who may do what with every object that there is, asked of the catalog: also of those to come."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runlog._database import statements
from runlog.migrate import migrate

STRANGERS = ("anon", "authenticated")
WRITER, READER, STRANGER = "runlog_test_w", "runlog_test_r", "runlog_test_s"
RELATION_RIGHTS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
SEQUENCE_RIGHTS = ("select", "update", "usage")
COLUMN_RIGHTS = ("select", "insert", "update", "references")

# Every right on every object of the schema that is not an extension's, PUBLIC's share included.
HELD = """
with objects as (
    select pg_class.oid, relkind::text as kind, relname::text as name
    from pg_class
    where relnamespace = %(schema)s::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select pg_proc.oid, 'function', proname::text
    from pg_proc
    where pronamespace = %(schema)s::regnamespace
    union all
    select pg_type.oid, 'type', typname::text
    from pg_type
    where typnamespace = %(schema)s::regnamespace and typtype in ('d', 'e', 'r')
),
rights as (
    select
        name,
        kind,
        r.verb,
        case
            when kind = 'S' then has_sequence_privilege(%(role)s, oid, r.verb)
            when kind = 'function' then has_function_privilege(%(role)s, oid, 'execute')
            when kind = 'type' then has_type_privilege(%(role)s, oid, 'usage')
            when r.verb = any(%(column_rights)s)
                then has_any_column_privilege(%(role)s, oid, r.verb)
            else has_table_privilege(%(role)s, oid, r.verb)
        end as is_held
    from objects
    cross join lateral unnest(
        case
            when kind = 'S' then %(sequence_rights)s::text[]
            when kind = 'function' then array['execute']
            when kind = 'type' then array['usage']
            else %(relation_rights)s::text[]
        end
    ) as r (verb)
    where not exists (select from pg_depend where objid = oid and deptype = 'e')
)
select name, verb, is_held from rights
"""


def rights_of(dsn, role, schema="public"):
    """``held, asked``: what the role may do, and how many rights were asked about."""
    values = {
        "role": role,
        "schema": sql.Identifier(schema).as_string(None),
        "relation_rights": list(RELATION_RIGHTS),
        "sequence_rights": list(SEQUENCE_RIGHTS),
        "column_rights": list(COLUMN_RIGHTS),
    }
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(HELD, values).fetchall()
    return {(name, verb) for name, verb, is_held in rows if is_held}, len(rows)


@pytest.fixture
def roles(postgres):
    """Supabase's two roles where they are missing, a writer, a reader and a stranger."""
    made = []
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        for role in (*STRANGERS, WRITER, READER, STRANGER):
            exists = admin.execute("select from pg_roles where rolname = %s", [role]).fetchone()
            if exists is None:
                quoted = sql.Identifier(role)
                admin.execute(sql.SQL("create role {} login password 'x'").format(quoted))
                made.append(role)
        yield
        for role in made:
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.fixture
def generous(roles, empty_database):
    """A database that gives everything new to anon and authenticated, as Supabase does."""
    with psycopg.connect(empty_database, autocommit=True) as owner:
        for kind in ("tables", "sequences", "functions"):
            owner.execute(
                f"alter default privileges in schema public grant all on {kind} to {', '.join(STRANGERS)}"
            )
        owner.execute(f"grant usage on schema public to {', '.join(STRANGERS)}")
        yield empty_database
        everyone = ", ".join((*STRANGERS, WRITER, READER, STRANGER))
        owner.execute(f"drop owned by {everyone}")


def default_rights(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(
            "select defaclrole, defaclnamespace, defaclobjtype::text, defaclacl::text from pg_default_acl order by 1, 2, 3"
        ).fetchall()


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("role", [*STRANGERS, "public", STRANGER])
def test_strangers_have_no_right_on_anything(generous, role, evidence):
    """Where everything new is given to `anon` and `authenticated`, after the migration neither they, nor PUBLIC, nor any other role hold one right on one table, view, sequence or function of the schema."""
    given = default_rights(generous)
    migrate(generous)
    held, asked = rights_of(generous, role)
    assert held == set()
    assert asked > 50
    assert default_rights(generous) == given
    evidence(rights_asked=asked, rights_held=len(held))


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("role", STRANGERS)
def test_strangers_have_no_right_in_a_schema_of_ones_own(generous, role, evidence):
    """The same in a schema that is named in the settings, with row level security asked for."""
    with psycopg.connect(generous, autocommit=True) as owner:
        owner.execute(
            f"alter default privileges grant all on tables to {role};"
            f"alter default privileges grant all on functions to {role};"
            f"alter default privileges grant all on sequences to {role}"
        )
    migrate(generous, schema="Own schema", secure=True)
    held, asked = rights_of(generous, role, "Own schema")
    assert held == set()
    assert asked > 50
    evidence(rights_asked=asked, rights_held=len(held))


@pytest.mark.guarantee("secrets")
def test_a_secured_adopted_database_is_closed(generous, evidence):
    """Tables that were there before, open to everybody, are closed by `migrate --secure` with all that belongs to them."""
    with psycopg.connect(generous, autocommit=True) as owner:
        owner.execute(statements.migration_files()[0].sql)
        owner.execute("grant all on runs, logs to public")
    migrate(generous, secure=True)
    found = {role: rights_of(generous, role) for role in (*STRANGERS, "public", STRANGER)}
    assert {role: held for role, (held, _) in found.items()} == {role: set() for role in found}
    evidence(
        rights_asked=sum(asked for _, asked in found.values()),
        rights_held=sum(len(held) for held, _ in found.values()),
    )


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("secure", [False, True])
def test_the_writer_holds_just_what_writing_needs(generous, secure, evidence):
    """Every right that the writer role holds, asked of the catalog, is one of six; it may not read, change, delete or truncate entries, nor call or see anything else."""
    migrate(generous, writer_role=WRITER, secure=secure)
    held, asked = rights_of(generous, WRITER)
    assert held == {
        ("logs", "insert"),
        ("runs", "insert"),
        ("runs", "select"),
        ("runs", "update"),
        ("runlog_migrations", "select"),
        ("sync_logs_id_seq", "usage"),
    }
    dsn = make_conninfo(generous, user=WRITER, password="x")
    refused = 0
    for attempt in (
        "select from logs", "select message from logs", "update logs set message = ''",
        "delete from logs", "truncate logs", "delete from runs", "truncate runs cascade",
        "insert into logs (run_id, level, step, message) values (null, 'INFO', '', '') returning id",
        "copy logs to stdout", "select from runlog_script_health", "alter table logs add x int",
        "call runlog_prune('1 day', '1 day', 1)", "create table public.x ()",
    ):  # fmt: skip
        with (
            psycopg.connect(dsn) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(attempt)
        refused += 1
    evidence(rights_asked=asked, rights_held=len(held), attempts_refused=refused)


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("secure", [False, True])
def test_the_reader_only_reads(generous, secure, evidence):
    """Every right that the reader role holds is to select."""
    migrate(generous, reader_role=READER, secure=secure)
    held, asked = rights_of(generous, READER)
    assert {("logs", "select"), ("runs", "select")} <= held
    assert {verb for _, verb in held} == {"select"}
    evidence(rights_asked=asked, rights_held=len(held))
