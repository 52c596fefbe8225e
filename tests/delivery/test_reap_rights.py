"""What a role may close: a writer without reading anything, others nothing."""

from __future__ import annotations

import psycopg
import pytest
from kit.asking import add_run, runs_of
from kit.rows import add_entry
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import runlog
from runlog import RunContext
from runlog._delivery.sweep import reap
from runlog._recorder import registry


def test_the_writer_role_may_reap(writer, empty_database):
    """A role that cannot read entries closes runs all the same, without the last entry."""
    with psycopg.connect(empty_database, autocommit=True) as owner:
        run_id = add_run(owner, beat=500)
        add_entry(owner, run_id)
        assert [run.id for run in reap(writer, "public", strict=True)] == [run_id]
        (message,) = runs_of(owner, columns="error_message")
        assert message.startswith("the process died")
        assert "last entry" not in message


def test_the_writer_role_may_ask_every_question(writer, here, empty_database):
    """Overlap, cursor and number need no more than a writer's rights."""
    password = {"password": "writes"}
    here(DSN=make_conninfo(writer.info.dsn, **password))
    with RunContext("sync", overlap="skip") as run:
        assert (run.since, run.legacy_id) == (None, 1)
    assert runlog.flush(10)
    assert runlog.last_success("sync").id == run.id
    # It was this role that recorded, and in this database.
    assert conninfo_to_dict(registry.current().settings.dsn)["user"] == writer.info.user
    with psycopg.connect(empty_database, autocommit=True) as owner:
        assert runs_of(owner) == ["success"]


def test_without_the_right_nothing_is_closed(writer, empty_database):
    """A role that may not update leaves all as it is, and says so only when asked to."""
    with psycopg.connect(empty_database, autocommit=True) as owner:
        add_run(owner, beat=500)
        owner.execute(
            sql.SQL("revoke update (status) on runs from {}").format(
                sql.Identifier(writer.info.user)
            )
        )
        assert reap(writer, "public") == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reap(writer, "public", strict=True)
        assert runs_of(owner) == ["running"]
