"""A role that has only the writer's rights, under row level security, can do all that runlog does."""

from __future__ import annotations

import psycopg
import pytest
from kit.recording import messages, run_row
from kit.waiting import eventually
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runlog.migrate import migrate

ROLE = "runlog_test_writer_role"


@pytest.fixture
def writer(postgres, empty_database):
    """The conninfo of a writer role in a migrated database with row level security on."""
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create role {} login password 'writes'").format(sql.Identifier(ROLE))
        )
        migrate(empty_database, writer_role=ROLE, secure=True)
        yield make_conninfo(empty_database, user=ROLE, password="writes")
        with psycopg.connect(empty_database, autocommit=True) as owner:
            owner.execute(sql.SQL("drop owned by {}").format(sql.Identifier(ROLE)))
        admin.execute(sql.SQL("drop role {}").format(sql.Identifier(ROLE)))


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("count", [200, 20_000], ids=["small", "backlog"])
def test_the_writer_role_records_everything(recording, writer, empty_database, count):
    """Start, entries (also as a backlog, where COPY is refused), progress, heartbeat and end."""
    made = recording(writer, flush_interval=60, heartbeat_interval=0.01)
    made.run.add("records_fetched", 150)
    made.log_many(count)
    assert made.recorder.flush(30)
    with psycopg.connect(empty_database, autocommit=True) as owner:

        def progress_is_visible():
            assert made.recorder.flush(30)
            row = run_row(owner, made.run.id_text, "status", "records_fetched")
            assert row == ("running", 150)

        eventually(progress_is_visible)
        made.finish()
        assert made.close()
        assert messages(owner) == [f"line {number:06d}" for number in range(count)]
        assert run_row(owner, made.run.id_text, "status") == "success"
    assert made.is_lawful()
    assert made.stats().dead_letters == 0


@pytest.mark.guarantee("secrets", "survives-death")
def test_the_writer_role_delivers_and_closes_for_the_dead(recording, writer, empty_database):
    """An orphaned spool is delivered and its run closed with the same few rights."""
    first = recording(writer)
    first.log("left behind")
    first.recorder._spool.seal()
    first.recorder._shipper.stop(5)
    first.recorder._spool.close(remove=False)
    second = recording(writer)
    assert second.close()
    with psycopg.connect(empty_database, autocommit=True) as owner:
        assert messages(owner, first.run.id_text) == ["left behind"]
        assert run_row(owner, first.run.id_text, "status") == "error"
