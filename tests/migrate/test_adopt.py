"""Tables made by somebody else are taken over as they are, or refused with the remedy."""

import re

import psycopg
import pytest
from kit.schema_tools import (
    DOCUMENTED,
    EARLIER,
    FRESH,
    ROWS,
    connect,
    dump_catalog_of_tables,
    dump_rows,
    make_documented,
    run,
)

from runlog.errors import SchemaError
from runlog.migrate import applied_version, as_sql, migrate


def test_documented_database_is_adopted(empty_database):
    """Tables of the documented migration keep every row and definition; only indexes are added."""
    documented = make_documented(empty_database, "documented")
    run(empty_database, DOCUMENTED, ROWS)
    rows = dump_rows(empty_database)
    adopted = "adopted the tables that were in schema 'public'; nothing in them was changed"
    assert migrate(empty_database) == [
        adopted,
        "created the table runlog_migrations",
        *FRESH[3:],
    ]
    assert dump_rows(empty_database) == rows
    assert dump_catalog_of_tables(empty_database, "public") == documented
    assert migrate(empty_database) == []


def test_earlier_variant_is_adopted_and_its_differences_told(empty_database):
    """The earlier form keeps its constraints and comments, and each time is told what differs."""
    run(empty_database, EARLIER, ROWS)
    rows, constraints = dump_rows(empty_database), "select conname from pg_constraint order by 1"
    with psycopg.connect(empty_database) as connection:
        before = connection.execute(constraints).fetchall()
    foreign_key = "constraint logs_run_id_fkey), so entries go before their run"
    differences = [
        f'left as it is: logs.run_id has no "on delete cascade" ({foreign_key}',
        "left as it is: logs.level has no check: any text passes",
    ]
    assert migrate(empty_database) == [
        "adopted the tables that were in schema 'public'; nothing in them was changed",
        "created the table runlog_migrations",
        *FRESH[2:],
        *differences,
    ]
    assert migrate(empty_database) == differences
    assert dump_rows(empty_database) == rows
    with psycopg.connect(empty_database) as connection:
        after = connection.execute(constraints + " desc").fetchall()
        comment = "select col_description('logs'::regclass, 4)"
        assert connection.execute(comment).fetchone() == ("our own words",)
    assert [name for name in reversed(after) if name in before] == before


def test_adopted_numbering_goes_on(empty_database):
    """A sequence that is left from an older table numbers the next run."""
    run(empty_database, "create sequence sync_logs_id_seq start 44")
    assert FRESH[1] not in migrate(empty_database)
    with connect(empty_database) as connection:
        insert = "insert into runs (script_name, status) values ('x', 'running')"
        assert connection.execute(f"{insert} returning legacy_id").fetchone() == (44,)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            "alter table logs drop column meta, drop column step",
            r"table public.logs lacks meta, step; .*alter table public.logs add column meta jsonb",
        ),
        (
            "alter table runs alter column batch_id type text",
            "column batch_id of public.runs is text, and runlog writes uuid",
        ),
        (
            "alter table runs alter column started_at type text",
            'run "alter table public.runs .* type timestamptz using started_at::timestamptz, .*now.."',
        ),
        (
            "alter table runs alter column api_cost type text",
            "column api_cost of public.runs is text, and runlog reads numeric",
        ),
        (
            "alter table logs rename to all_logs; create view logs as select * from all_logs",
            "public.logs is no table but a view; name the schema of the table itself",
        ),
        (
            "alter table runs alter column legacy_id drop default",
            "column legacy_id of public.runs must not be null, has no default",
        ),
        (
            "alter table logs add column tenant text not null",
            'run "alter table public.logs alter column tenant drop not null"',
        ),
        (
            "alter table logs drop constraint logs_pkey",
            'would be there twice; run "alter table public.logs add primary key .id."',
        ),
    ],
)
def test_tables_that_cannot_hold_the_entries_are_refused(empty_database, change, complaint):
    """Tables that would refuse or double entries are refused with the statement that mends it."""
    run(empty_database, DOCUMENTED, change)
    with pytest.raises(SchemaError, match=complaint):
        migrate(empty_database)
    with pytest.raises(psycopg.DatabaseError, match=complaint.partition(";")[0]):
        run(empty_database, as_sql())
    with psycopg.connect(empty_database) as connection:
        assert applied_version(connection, "public") is None


def test_remedy_of_missing_columns_mends_them(empty_database):
    """The statement that the error names can be run as it stands, and then migrating works."""
    run(empty_database, DOCUMENTED, ROWS)
    run(empty_database, "alter table runs drop column legacy_id, drop column metadata")
    run(empty_database, "alter table logs drop column message, drop column level")
    for _ in ("logs", "runs"):
        with pytest.raises(SchemaError) as caught:
            migrate(empty_database)
        run(empty_database, re.search(r'run "(alter table .*)"; if', str(caught.value))[1])
    assert migrate(empty_database)[0].startswith("adopted")


def test_lost_table_is_told(empty_database):
    """A table that was dropped behind the back of its bookkeeping is missed, not ignored."""
    migrate(empty_database)
    run(empty_database, "drop table logs cascade")
    with pytest.raises(SchemaError, match=r'logs is gone .*"drop table public.runlog_migrations"'):
        migrate(empty_database)
    run(empty_database, "drop table runlog_migrations")
    assert "created the tables logs, runlog_migrations" in migrate(empty_database)
