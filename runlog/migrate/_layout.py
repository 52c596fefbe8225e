"""How ``logs`` lies in the database: one table, or a partition a month; over a cluster: ``_citus``.

The client knows nothing of it: the primary key stays ``(id)``, ids are UUIDv7, so a month is a span
of them. Waits for the database; for people and deployments.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from runlog._database import statements
from runlog._database.committing import autocommitting
from runlog._database.turns import take_turns
from runlog.errors import SchemaError
from runlog.migrate._citus import Cluster
from runlog.migrate._rights import rows, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from runlog._database.driver import Connection

Layout = Literal["partitioned", "citus"]
_ATTEMPTS: Final = 20
"""Others hold the lock for one statement each."""


class Partitions:
    """The partitions of ``logs`` in one schema.

    Args:
        connection: of the owner, in no transaction.
        schema: where the tables are.
    """

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self._connection = connection
        self._schema = schema
        closed = closed_schema(schema)
        self._names = {
            "schema": statements.identifier(schema, setting="schema"),
            "schema_literal": statements.literal(schema),
            "closed": statements.identifier(closed, setting="schema"),
            "closed_literal": statements.literal(closed),
        }

    def state(self) -> str:
        """Return ``plain``, ``partitioned``, or ``other`` when somebody else has partitioned it."""
        found: str = self._rows("state")[0][0]
        return found

    def convert(self) -> list[str]:
        """Make ``logs`` partitioned, while writers go on but for a moment; tell what was done.

        Raises:
            SchemaError: something holds on to the table, or a long transaction locks it.
        """
        state = self.state()
        if state == "other":
            raise SchemaError(
                f"logs in schema {self._schema!r} is partitioned already, not by runlog; it stays "
                "as it is, and runlog records into it all the same"
            )
        with self._connection.transaction():
            self._run("functions")
        done = [] if state == "partitioned" else self._switch()
        return done + self.make_months()

    def make_months(self) -> list[str]:
        """Make the partitions of this month and the next three; tell which are new."""
        before = self._names_of_partitions()
        with autocommitting(self._connection):
            take_turns(lambda: self._run("make"), _ATTEMPTS)
        made = [name for name in self._names_of_partitions() if name not in before]
        word = "partition" if len(made) == 1 else "partitions"
        return [f"created the {word} {', '.join(made)}"] if made else []

    def mend(self) -> list[str]:
        """Take back what a conversion that was killed has left."""
        if not self._rows("left_bound"):
            return []
        with self._connection.transaction():
            self._run("unbound")
        return ["took back the limit of ids that an interrupted conversion had left"]

    def _switch(self) -> list[str]:
        with self._connection.transaction():
            self._run("refuse")
        boundary, is_foreign = self._rows("boundary")[0]
        with self._bounded(boundary, is_needed=not is_foreign):
            take_turns(lambda: self._switch_once(boundary, is_foreign=is_foreign), _ATTEMPTS)
        with self._connection.transaction():
            self._run("analyze")
        part = "default partition" if is_foreign else f"partition before {boundary:%Y-%m}"
        return [f"made logs partitioned by month; what was there is its {part}"]

    def _switch_once(self, boundary: datetime, *, is_foreign: bool) -> None:
        with self._connection.transaction():
            self._run("switch", boundary=boundary, is_foreign=is_foreign)

    @contextmanager
    def _bounded(self, boundary: datetime, *, is_needed: bool) -> Iterator[None]:
        """Have the table prove that its ids end at ``boundary``; attaching then scans nothing."""
        if not is_needed:
            yield
            return
        take_turns(lambda: self._bound(boundary), _ATTEMPTS)
        try:
            with self._connection.transaction():
                self._run("prove")
            yield
        except BaseException:
            # The switch takes the constraint along. Without it nothing of the try may stay, least
            # of all a limit that next month's entries would meet; however long that is waited for.
            with self._connection.transaction():
                self._run("unbound")
            raise

    def _bound(self, boundary: datetime) -> None:
        with self._connection.transaction():
            self._run("hurry")
            self._run("bound", boundary=boundary)

    def _names_of_partitions(self) -> list[str]:
        return [name for (name,) in self._rows("list")]

    def _rows(self, name: str) -> list[Any]:
        with self._connection.transaction():
            return rows(self._connection, self._filled(name))

    def _run(
        self, name: str, *, boundary: datetime | None = None, is_foreign: bool = False
    ) -> None:
        # A moment as PostgreSQL gave it, in a form that no setting of the session changes.
        moment = f"'{boundary.isoformat()}'::timestamptz" if boundary is not None else "null"
        given = {"boundary": moment, "is_foreign": str(is_foreign).lower()}
        run(self._connection, self._filled(name, **given))

    def _filled(self, name: str, **given: str) -> bytes:
        return statements.fill(statements.text(f"layout/{name}"), **self._names, **given)


def apply_layout(connection: Connection[Any], schema: str, layout: Layout | None) -> list[str]:
    """Bring ``logs`` into ``layout``, or keep the months of a partitioned one ahead; tell it."""
    partitions = Partitions(connection, schema)
    done = partitions.mend()
    if layout == "citus":
        return done + Cluster(connection, schema).distribute()
    if layout == "partitioned":
        return done + partitions.convert()
    return done + (partitions.make_months() if partitions.state() == "partitioned" else [])


def require_layout(connection: Connection[Any], schema: str, layout: Layout | None) -> None:
    """Raise ``SchemaError`` when this server cannot have ``layout``; before anything is made."""
    if layout == "citus":
        Cluster(connection, schema).require()


def closed_schema(schema: str) -> str:
    """Return the schema in which the partitions of ``schema`` lie, with rights for nobody."""
    if schema == "public":
        return "runlog_parts"
    name = f"{schema}_parts"
    if len(name.encode()) <= statements.MAX_IDENTIFIER_BYTES:
        return name
    digest = hashlib.sha256(schema.encode()).hexdigest()[:8]
    kept = statements.MAX_IDENTIFIER_BYTES - len(f"_{digest}_parts")
    return f"{schema.encode()[:kept].decode(errors='ignore')}_{digest}_parts"


def make_lean(connection: Connection[Any], schema: str) -> list[str]:
    """Drop the documented indexes that no question of runlog uses; tell which were there."""
    with connection.transaction():
        before = rows(connection, statements.statement("layout/lean_indexes", schema))
        run(connection, statements.statement("layout/lean", schema))
    return [f"dropped the index {name}, which no question of runlog uses" for (name,) in before]
