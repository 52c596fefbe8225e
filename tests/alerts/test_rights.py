"""What a watcher's role may do, and what strangers may not."""

from __future__ import annotations

import psycopg
import pytest
from kit.scenes import T, at
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from runlog.migrate import migrate, open_rights


@pytest.fixture
def as_role(postgres, database):
    """Return a connection as a new role that has just what ``migrate`` gives it."""
    name = "alerts_role"
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))

        def connect(**roles):
            migrate(database, **dict.fromkeys(roles, name))
            connection = psycopg.connect(database, autocommit=True)
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(name)))
            made.append(connection)
            return connection

        made = []
        yield connect
        for connection in made:
            connection.close()
        owner.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)))


@pytest.mark.parametrize("is_secured", [False, True])
def test_a_watchers_role_does_all_of_a_look_and_touches_no_run(
    scene, as_role, database, is_secured
):
    """It judges, opens, plans, sends and ends; the history it can only read."""
    scene.run(T, status="error")
    watching = as_role(watcher_role=True)
    if is_secured:
        migrate(database, secure=True)
    scene.connection = watching
    scene.look(at("02:05"))
    assert scene.receiver.take() == ["✖ sync failed"]
    for statement in ("update runs set status = 'success'", "delete from logs", "truncate runs"):
        with pytest.raises(InsufficientPrivilege):
            watching.execute(statement)


def test_a_readers_role_sees_incidents_and_changes_none(scene, as_role):
    """The dashboard of a reader shows what is open."""
    scene.run(T, status="error")
    scene.look(at("02:05"))
    reading = as_role(reader_role=True)
    assert reading.execute("select rule from runlog_incidents").fetchall() == [("failed",)]
    with pytest.raises(InsufficientPrivilege):
        reading.execute("delete from runlog_incidents")


def test_what_stands_open_is_told_of_these_tables_too(connection, scene):
    """A grant to every role is found, and closed again on request."""
    assert open_rights(connection, "public") == []
    connection.execute("grant select on runlog_incidents to public")
    [said] = open_rights(connection, "public")
    assert said.startswith("every role may select on public.runlog_incidents")
