"""``runs`` and ``logs`` over the nodes of a Citus cluster, a run and its entries on one of them.

The client knows nothing of it: it names no conflict target, locks no rows and believes no row
counts. Waits for the database; for people and deployments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._database import statements
from runlog.errors import SchemaError
from runlog.migrate._rights import rows, run

if TYPE_CHECKING:
    from runlog._database.driver import Connection

_ABSENT = (
    "this database has no Citus, so nothing can be distributed; on the coordinator and on each "
    'worker run "create extension citus", then "select citus_add_node(…)" on the coordinator; '
    "with one server use --layout partitioned"
)
_WORKER = "this is a worker of the cluster; name the coordinator in RUNLOG_DSN"
_PARTITIONED = (
    "logs in schema {!r} is partitioned, and its primary key cannot hold the run; migrate an empty "
    "schema with --layout citus and copy the rows into it"
)
_OTHERWISE = (
    "the tables in schema {!r} are distributed already, not as runlog does it (runs by id, logs by "
    "run_id, together); they stay as they are"
)


class Cluster:
    """The tables of one schema in a cluster.

    Args:
        connection: to the coordinator, of the owner, in no transaction.
        schema: where the tables are.
    """

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def require(self) -> None:
        """Raise ``SchemaError`` unless this is the coordinator of a cluster; before all else."""
        with self._connection.transaction():
            if not self._rows("is_there")[0][0]:
                raise SchemaError(_ABSENT)
            if not self._rows("is_coordinator")[0][0]:
                raise SchemaError(_WORKER)

    def distribute(self) -> list[str]:
        """Distribute both tables, in one transaction for which writers wait; tell what was done.

        Raises:
            SchemaError: the tables are distributed or partitioned in another way.
        """
        with self._connection.transaction():
            runs_by, logs_by, are_together, is_partitioned = self._rows("state")[0]
        if (runs_by, logs_by, are_together) == ("id", "run_id", True):
            return []
        if runs_by or logs_by:
            raise SchemaError(_OTHERWISE.format(self._schema))
        if is_partitioned:
            raise SchemaError(_PARTITIONED.format(self._schema))
        with self._connection.transaction():
            self._distribute()
        with self._connection.transaction():
            self._run("forget_local")
        return ["distributed runs by id and logs by run_id, a run and its entries on one node"]

    def _distribute(self) -> None:
        run(self._connection, statements.statement("migrations/steps/lock", self._schema))
        foreign_keys = self._rows("foreign_keys")
        for name, _ in foreign_keys:
            self._run("drop_foreign_key", constraint=name)
        self._run("distribute")
        for name, definition in foreign_keys:
            self._run("add_foreign_key", constraint=name, definition=definition)

    def _rows(self, name: str) -> list[Any]:
        return rows(self._connection, statements.statement(f"layout/citus/{name}", self._schema))

    def _run(self, name: str, **given: str) -> None:
        sql = statements.statement(f"layout/citus/{name}", self._schema)
        run(self._connection, statements.fill(sql, **given))
