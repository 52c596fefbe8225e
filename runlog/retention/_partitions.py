"""Whole partitions of ``logs`` that are old: dropped in one step, instead of row by row.

Only in the partitioned layout, only as its owner, and only where nothing in the database could
refuse that a run goes. What stays of a partition moves to the default one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._database import driver, statements
from runlog._database.faults import is_in_the_way
from runlog._database.reading import rows_of
from runlog._database.turns import take_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from runlog._database.driver import Connection

_ATTEMPTS = 10


class Partitions:
    """The partitions of ``logs`` in one schema.

    Args:
        connection: on which each statement is a transaction.
        schema: of the tables.
    """

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def are_ours(self) -> bool:
        """Tell whether there are any that runlog made, and this role may change them."""
        return any(is_ours for (is_ours,) in self._rows("is_ours"))

    def make_months(self) -> None:
        """Make those of this month and the next ones; where the table is locked, the next time."""
        try:
            self._run(statements.statement("layout/make", self._schema))
        except driver.Error as error:
            if not is_in_the_way(error):
                raise
            # There are months left, and after those the default partition takes what comes.

    def has_old(self, before: datetime) -> bool:
        """Tell whether one ends at ``before`` or earlier."""
        return bool(self._rows("list_old", {"before": before}))

    def retire(self, before: datetime, going: Sequence[UUID]) -> Iterator[int]:
        """Drop each that ends at ``before`` or earlier; yield how many entries went with it.

        Each is a transaction that holds the table for a fraction of a second. One that somebody
        holds for longer is left to the next time.

        Args:
            before: up to this moment the entries of ``going`` are to be deleted.
            going: the runs whose entries go; those of all others stay.
        """
        for (part,) in self._rows("list_old", {"before": before}):
            gone = self._retire(part, {"going": list(going)})
            if gone is not None:
                yield gone

    def _retire(self, part: str, values: dict[str, Any]) -> int | None:
        try:
            return take_turns(lambda: self._retire_once(part, values), _ATTEMPTS)
        except driver.Error as error:
            if not is_in_the_way(error):
                raise
            return None

    def _retire_once(self, part: str, values: dict[str, Any]) -> int:
        with self._connection.transaction():
            self._run(self._text("hurry"))
            self._run(self._text("lock"))
            self._run(self._text("detach", part))
            ((entries,),) = self._rows("count", part=part)
            ((columns,),) = self._rows("columns")
            move = self._text("move_kept", part, columns)
            kept = self._connection.execute(move, values, prepare=False).rowcount
            self._run(self._text("drop", part))
        return int(entries) - kept

    def _rows(
        self, name: str, values: dict[str, Any] | None = None, part: str = ""
    ) -> list[tuple[Any, ...]]:
        return rows_of(self._connection, self._text(name, part), values, driver.tuple_row)

    def _run(self, sql: bytes) -> None:
        self._connection.execute(sql, prepare=False)

    def _text(self, name: str, part: str = "", columns: str = "") -> bytes:
        # The names come from the catalog, quoted as PostgreSQL quotes them.
        sql = statements.statement(f"retention/partitions/{name}", self._schema)
        names = {"part": part, "columns": columns}
        if "%(" in sql.decode():
            names = {name: text.replace("%", "%%") for name, text in names.items()}
        return statements.fill(sql, **names)
