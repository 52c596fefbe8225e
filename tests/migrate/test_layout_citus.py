"""``--layout citus``: where there is no cluster it is refused before anything is made; with one see below."""

from __future__ import annotations

import psycopg
import pytest
from kit import cluster
from kit.schema_tools import DOCUMENTED, connect

from runlog import migrate
from runlog.errors import SchemaError
from runlog.migrate._rights import run

BY = "select logicalrelid::text, column_to_column_name(logicalrelid, partkey) from pg_dist_partition order by 1"
KEYS = """
select pg_get_constraintdef(oid) from pg_constraint
where conrelid = 'logs'::regclass and contype in ('f', 'p') order by 1
"""
NEXT = """
create index idx_next on logs (step);
create index idx_next_run on runs (batch_id, id)
"""


def test_without_citus_it_is_refused_with_the_remedy(empty_database):
    """The extension is missing: nothing was made, and the message says what to do."""
    with pytest.raises(SchemaError, match=r"create extension citus.*citus_add_node.*partitioned"):
        migrate.migrate(empty_database, layout="citus")
    with connect(empty_database) as connection:
        assert connection.execute("select to_regclass('runs')").fetchone() == (None,)


@pytest.mark.skipif(cluster.GIVEN is None, reason=cluster.REASON)
def test_in_a_cluster():
    """An existing install becomes distributed with all its rows; again there is nothing to do, a later migration goes through, and a worker is refused."""
    with cluster.new_cluster_database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            run(connection, DOCUMENTED.encode())
            connection.execute(
                "insert into runs (script_name, status) select 's', 'success' from generate_series(1, 50)"
            )
            connection.execute(
                "insert into logs (run_id, level, step, message) select id, 'INFO', 'F', 'm' from runs, generate_series(1, 20)"
            )
        done = migrate.migrate(dsn, layout="citus")
        assert [line for line in done if line.startswith("distributed runs by id")]
        assert not [line for line in migrate.migrate(dsn, layout="citus") if "distributed" in line]
        with psycopg.connect(dsn, autocommit=True) as connection:
            assert connection.execute(BY).fetchall() == [("logs", "run_id"), ("runs", "id")]
            assert [key.split(" REF")[0] for (key,) in connection.execute(KEYS)] == [
                "FOREIGN KEY (run_id)",
                "PRIMARY KEY (run_id, id)",
            ]
            counts = "select count(*), count(distinct run_id) from logs"
            assert connection.execute(counts).fetchone() == (1000, 50)
            # As the files of a later version do it: several statements in one text.
            with connection.transaction():
                run(connection, NEXT.encode())
        for host, port in cluster.nodes()[1:]:
            worker = psycopg.conninfo.make_conninfo(dsn, host=host, port=port)
            with pytest.raises(SchemaError, match="name the coordinator"):
                migrate.migrate(worker, layout="citus")
