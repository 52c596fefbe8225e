"""Exactly once: whatever happens between the spool and COMMIT, each entry is there once, in order."""

from __future__ import annotations

import logging

import psycopg
import pytest
from kit.recording import messages, numbered, run_row
from kit.waiting import eventually, until

from runlog._delivery import store as _store


@pytest.mark.guarantee("exactly-once", "order")
def test_a_thousand_calls_are_a_thousand_rows(recording, database, connection):
    """Every call is a row, in order, ids strictly increasing, none twice; the run's row says how it ended."""
    made = recording(database)
    made.log_many(1000)
    made.finish()
    assert made.close()
    rows = connection.execute(
        "select message, id::text from logs order by timestamp, id"
    ).fetchall()
    assert [row[0] for row in rows] == numbered(1000)
    ids = [row[1] for row in rows]
    assert ids == sorted(set(ids))
    assert run_row(connection, made.run.id_text, "status") == "success"
    assert made.is_lawful()
    assert made.stats().committed == 1000


@pytest.mark.guarantee("exactly-once")
def test_a_backlog_takes_the_bulk_lane(recording, database, connection, monkeypatch):
    """A backlog goes through COPY, all of it, in order."""
    blocks = []
    real_copy = _store.Store._copy

    def counting_copy(self, block):
        taken = real_copy(self, block)
        blocks.append(taken)
        return taken

    monkeypatch.setattr(_store.Store, "_copy", counting_copy)
    made = recording(database, flush_interval=60)
    made.log_many(30_000)
    assert made.close()
    assert messages(connection) == numbered(30_000)
    assert blocks
    assert all(blocks)
    assert made.is_lawful()


@pytest.mark.guarantee("exactly-once")
@pytest.mark.parametrize("count", [200, 20_000], ids=["insert", "copy"])
def test_a_reply_cut_after_commit_doubles_nothing(recording, proxy, connection, evidence, count):
    """The database committed, the answer was lost: the batch is sent again and nothing is doubled."""
    made = recording(proxy.conninfo, flush_interval=60)
    assert made.recorder.flush(10)
    proxy.cut_after_commit()
    made.log_many(count)
    assert made.close()
    assert proxy.counters.cuts == 1
    stored = messages(connection)
    assert stored == numbered(count)
    assert made.is_lawful()
    lost, doubled = len(set(numbered(count)) - set(stored)), len(stored) - len(set(stored))
    evidence(answers_lost=proxy.counters.cuts, entries=count, lost=lost, doubled=doubled)


@pytest.mark.guarantee("exactly-once")
@pytest.mark.parametrize("count", [200, 20_000], ids=["insert", "copy"])
def test_a_batch_cut_before_commit_is_sent_again(recording, proxy, connection, count):
    """The batch never reached the database: it is sent again, in order."""
    made = recording(proxy.conninfo, flush_interval=60)
    assert made.recorder.flush(10)
    proxy.cut_before_commit()
    made.log_many(count)
    assert made.close()
    assert proxy.counters.cuts == 1
    assert messages(connection) == numbered(count)


@pytest.mark.guarantee("outage", "conservation")
@pytest.mark.parametrize("fault", ["refuse", "reset", "hang", "half_open"])
def test_an_outage_in_the_middle_loses_nothing(recording, proxy, connection, fault):
    """While the database cannot be reached entries wait; when it answers again all are delivered."""
    made = recording(proxy.conninfo, statement_timeout=0.3)
    made.log_many(50, "before")
    assert made.recorder.flush(10)
    getattr(proxy, fault)()
    made.log_many(50, "during")
    assert not made.recorder.flush(0.5)
    assert made.stats().waiting == 50
    assert made.is_lawful()
    proxy.forward()
    made.log_many(50, "after")
    until(lambda: made.recorder.flush(5))
    assert messages(connection) == [
        *numbered(50, "before"),
        *numbered(50, "during"),
        *numbered(50, "after"),
    ]
    assert made.is_lawful()


@pytest.mark.guarantee("outage", "never-raises")
def test_an_outage_is_told_once_and_its_end_too(recording, proxy, capsys):
    """stderr gets one line when delivery begins to fail and one when it works again."""
    made = recording(proxy.conninfo)
    assert made.recorder.flush(10)
    proxy.refuse()
    made.log("during")
    for _ in range(3):
        assert not made.recorder.flush(0.3)
    proxy.forward()
    until(lambda: made.recorder.catch_up(5))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "cannot write to" in lines[0]
    assert "answers again" in lines[1]


@pytest.mark.guarantee("own-connection")
def test_a_killed_idle_connection_is_no_outage(recording, database, connection, capsys):
    """A server that ends the idle connection is answered with a new one, and nothing is said."""
    made = recording(database)
    made.log("before")
    assert made.recorder.catch_up(10)
    connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'runlog:%'"
    )
    made.log("after")
    assert made.recorder.flush(10)
    assert messages(connection) == ["before", "after"]
    assert capsys.readouterr().err == ""


@pytest.mark.guarantee("own-connection")
def test_a_connection_whose_end_is_only_announced_is_no_outage(
    recording, database, connection, capsys, monkeypatch
):
    """The server says that it ends the session and has not closed it yet: a new one is used, and nothing is said."""
    made = recording(database)
    made.log("before")
    assert made.recorder.catch_up(10)
    store = made.recorder._shipper.delivery._store
    write, ended = store.write, []

    def write_later(*args, **options):
        if not ended:
            ended.append(made.recorder._session._connection)
            raise psycopg.errors.AdminShutdown
        return write(*args, **options)

    monkeypatch.setattr(store, "write", write_later)
    made.log("after")
    assert made.recorder.flush(10)
    assert messages(connection) == ["before", "after"]
    assert ended[0].closed
    assert capsys.readouterr().err == ""


def test_the_spool_is_gone_when_all_is_delivered(recording, database, tmp_path):
    """After a clean end nothing is left on disk but the database's empty folder."""
    made = recording(database)
    made.log_many(10)
    assert made.close()
    assert [path for path in (tmp_path / "spool").rglob("*") if path.is_file()] == []


@pytest.mark.guarantee("outage", "exactly-once")
def test_the_next_process_delivers_what_waits(recording, proxy, database, connection):
    """What one recorder could not deliver, the next one does: in order, with the run's true end."""
    first = recording(proxy.conninfo)
    proxy.refuse()
    first.log_many(1000)
    first.finish()
    assert not first.close(0.3)
    proxy.forward()
    second = recording(proxy.conninfo)
    second.log("mine")
    assert second.close()
    assert messages(connection, first.run.id_text) == numbered(1000)
    assert messages(connection, second.run.id_text) == ["mine"]
    assert run_row(connection, first.run.id_text, "status", "error_message") == ("success", None)
    assert second.stats().adopted == 1000


@pytest.mark.guarantee("true-run")
def test_a_run_whose_process_died_is_closed_by_the_next(recording, database, connection):
    """An orphaned spool with an unfinished run: its row says error, when last alive and what last."""
    first = recording(database)
    first.log("the last thing it said", step="MERGE")
    first.recorder._spool.seal()
    assert first.recorder._shipper.stop(5)
    first.recorder._spool.close(remove=False)
    second = recording(database)
    second.log("next")
    assert second.close()
    status, message, outcome, finished = run_row(
        connection,
        first.run.id_text,
        "status",
        "error_message",
        "metadata -> 'runlog' ->> 'outcome'",
        "finished_at >= started_at",
    )
    assert (status, outcome, finished) == ("error", "died", True)
    assert "[MERGE] the last thing it said" in message


@pytest.mark.guarantee("conservation", "bounded")
def test_every_step_of_the_law_is_counted(recording, proxy, connection):
    """Appended = committed + waiting + dead letters + shed, before, during and after an outage."""
    made = recording(proxy.conninfo, spool_max_bytes=2**20)
    assert made.is_lawful()
    proxy.refuse()
    for number in range(3000):
        made.log(f"{number} " + "x" * 600, levelno=logging.DEBUG if number % 2 else logging.INFO)
    now = made.stats()
    assert made.is_lawful()
    assert now.shed > 0
    proxy.forward()
    until(lambda: made.recorder.flush(5))

    def is_told():
        told = connection.execute(
            "select (meta ->> 'shed')::int from logs where step = 'RUNLOG'"
        ).fetchall()
        assert sum(row[0] for row in told) == made.stats().shed

    # After the pass that made room.
    eventually(is_told)
    assert made.recorder.flush(5)
    assert made.is_lawful()
    assert made.stats().waiting == 0


@pytest.mark.guarantee("own-connection")
@pytest.mark.parametrize("count", [500, 20_000], ids=["insert", "copy"])
def test_everything_works_behind_a_transaction_pooler(recording, pooler, connection, count):
    """Through PgBouncer in transaction mode: start, entries in both lanes, progress, heartbeat, end."""
    made = recording(pooler, flush_interval=60, heartbeat_interval=0.01)
    made.run.add("records_fetched", count)
    made.log_many(count)
    assert made.recorder.flush(30)
    made.finish()
    assert made.close()
    assert messages(connection) == numbered(count)
    assert run_row(connection, made.run.id_text, "status", "records_fetched") == ("success", count)
    assert made.is_lawful()
