"""Who may do what with the tables: the statements for roles, and what stands open.

Here live the rights that ``runlog migrate`` gives and takes on request, and the questions about
them. Not here: the migrations themselves, see ``migrate``; nothing in this module connects or
commits. Runs on the caller's thread, in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlog._database import driver, statements
from runlog._database.statements import split
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlog._database.driver import Connection


_MAY = {
    "writer": "record runs and entries",
    "reader": "read runs and entries",
    "watcher": "watch: read, and keep incidents",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Statements that change rights, and what can be said once they have changed something."""

    sql: bytes
    said: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Who may do what at one moment; equal to another when nobody gained or lost a right.

    Attributes:
        relations: of each of runlog's relations its name, whether row level security is on, and
            every grant and policy as one text.
        open: a sentence for each right of a stranger, see ``list_open``.
    """

    relations: list[tuple[str, bool, str]]
    open: list[str]

    def changes_to(self, after: Standing) -> list[str]:
        """Return a sentence for each thing that ``after`` closes."""
        secured = {name for name, is_secured, _ in self.relations if is_secured}
        # The end of the sentence tells about row level security; the right is what counts here.
        left = {_right(said) for said in after.open}
        return [
            *(
                f"switched on row level security for {name}"
                for name, is_secured, _ in after.relations
                if is_secured and name not in secured
            ),
            *(f"no longer: {_right(said)}" for said in self.open if _right(said) not in left),
        ]


def _right(said: str) -> str:
    return said.partition(" (")[0]


def list_grants(schema: str, roles: Mapping[str, str | None], *, secure: bool) -> list[Grant]:
    """Return what was asked for; closing comes first, so that it takes nothing just given.

    Args:
        schema: where the tables are.
        roles: ``writer``, ``reader``, ``watcher`` → the role that shall be one, or None.
        secure: close the tables to strangers.
    """
    grants = []
    if secure:
        grants.append(_grant("secure", schema, None, f"closed schema {schema!r} to strangers"))
    for purpose, role in roles.items():
        if role is not None:
            said = f"role {role!r} may now {_MAY[purpose]}"
            grants.append(_grant(purpose, schema, (f"{purpose}_role", role), said))
    return grants


def _grant(name: str, schema: str, role: tuple[str, str] | None, said: str) -> Grant:
    values = {"schema": statements.identifier(schema, setting="schema")}
    if role is not None:
        setting, role_name = role
        values["role"] = statements.identifier(role_name, setting=setting)
        values["role_literal"] = statements.literal(role_name)
        for verb in ("all", "insert", "select", "update"):
            values[f"{verb}_policy"] = _policy(verb, role_name)
    return Grant(statements.fill(statements.text(f"migrations/rights/{name}"), **values), said)


def _policy(verb: str, role: str) -> str:
    # A policy for each role: one policy for all would forget the roles of earlier calls.
    name = f"runlog_{verb}_{role}"
    if len(name.encode()) > statements.MAX_IDENTIFIER_BYTES:
        from hashlib import sha256

        name = f"runlog_{verb}_{sha256(role.encode()).hexdigest()[:40]}"
    return statements.identifier(name, setting="policy")


def require_role(connection: Connection[Any], role: str | None, *, setting: str) -> None:
    """Do nothing if ``role`` exists or is None.

    Raises:
        SettingError: there is no such role; the message says how to create it.
    """
    if role is None:
        return
    quoted = statements.identifier(role, setting=setting)
    if not rows(connection, b"select from pg_roles where rolname = %s", role):
        raise SettingError(
            f"{setting} {role!r} does not exist; create it first:"
            f" create role {quoted} login password '…'",
            name=setting,
        )


def get_standing(connection: Connection[Any], schema: str) -> Standing:
    """Return the rights on runlog's relations in ``schema`` as they are now."""
    state = statements.statement("migrations/rights/state", schema)
    relations = [(name, secured, rights) for name, secured, rights in rows(connection, state)]
    return Standing(relations, list_open(connection, schema))


def list_open(connection: Connection[Any], schema: str) -> list[str]:
    """Return a sentence for each right that PUBLIC or a role of Supabase's has."""
    found = rows(connection, statements.statement("migrations/rights/open", schema))
    return [str(said) for (said,) in found]


def run(connection: Connection[Any], sql: bytes) -> None:
    """Run the statements of ``sql`` one by one, never prepared.

    Behind a transaction pooler the next transaction may meet another session.
    """
    for statement in split(sql):
        connection.execute(statement, prepare=False)


def rows(connection: Connection[Any], sql: bytes, *parameters: object) -> list[tuple[Any, ...]]:
    """Return the rows of one statement as plain tuples, whatever the connection's row factory."""
    with connection.cursor(row_factory=driver.tuple_row) as cursor:
        return cursor.execute(sql, parameters or None, prepare=False).fetchall()
