"""Rows of runs that vanish while their script logs, and schemas newer or older than this runlog."""

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path

import pytest
from kit.chatter import Chatter
from kit.proxy import FaultProxy
from kit.recording import messages, numbered, run_row
from kit.servers import DATABASE, ROLE
from kit.waiting import eventually

from runlog._database import statements
from runlog.errors import SchemaError
from runlog.migrate import LATEST, migrate

NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False) as run:
        print(run.id, flush=True)
"""
VICTIM = """
    import logging, signal, time
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=60))
    with runlog.RunContext("victim", lifecycle_logs=False) as run:
        assert runlog.flush(10)
        print(run.id, "begun", flush=True)
        signal.sigwait({signal.SIGUSR1})
        for number in range(50):
            log.info("line %06d", number)
        print("logged", flush=True)
        time.sleep(60)
"""


def dead_letters(spool_dir):
    files = Path(spool_dir).rglob("dead-letters.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def has_logged(chatter, count):
    assert len(chatter.lines) >= count


@pytest.mark.guarantee("blast-radius", "conservation", "never-raises")
def test_the_row_of_a_run_is_deleted_while_it_logs(recording, server, evidence):
    """Each later entry of the run is a dead letter with its reason, another run is not held up, and heartbeat and end ask no more often than ever."""
    with FaultProxy.in_front_of(server.dsn) as proxy:
        made = recording(proxy.conninfo, heartbeat_interval=0.02)
        other = type(made.run)("018f0000-0000-7000-8000-000000000001", "other")
        made.recorder.start_run(other)
        with Chatter(made) as chatter:
            eventually(partial(has_logged, chatter, 100))
            assert made.recorder.flush(10)
            server.execute(f"delete from runs where id = '{made.run.id_text}'")
            eventually(partial(has_logged, chatter, 300))
            for number in range(100):
                made.log(f"other {number}", run_id=other.id_text)
        made.finish()
        made.recorder.finish_run(other, "success", None)
        # A whole pass: what runs tell of their entries comes after what a flush waits for.
        assert made.recorder.catch_up(10)
        assert made.is_lawful()
        asked = proxy.counters.statements
        for _ in range(5):
            assert made.recorder.flush(10)
        assert proxy.counters.statements == asked
    letters = dead_letters(made.recorder.settings.spool_dir)
    assert {letter["sqlstate"] for letter in letters} == {"23503"}
    refused = [letter["content"].split("\t")[5] for letter in letters]
    # What was stored before went with the row: the documented tables delete in cascade.
    assert refused == chatter.lines[-len(refused) :]
    assert made.stats().dead_letters == len(refused) >= 150
    with server.connect() as connection:
        stored = messages(connection)
        assert stored == [f"other {number}" for number in range(100)]
        assert run_row(connection, made.run.id_text, "status") is None
        assert run_row(connection, other.id_text, "status") == "success"
    evidence(dead_letters=len(refused), entries_of_others=len(stored))


@pytest.mark.guarantee("blast-radius", "survives-death")
def test_a_dead_process_whose_run_was_deleted(
    start_script, run_script, server, own_environment, evidence
):
    """Killed, and its row deleted: the next process keeps its entries as dead letters, and its spool is done with."""
    with FaultProxy.in_front_of(server.dsn) as proxy:
        environment = {"RUNLOG_DSN": proxy.conninfo}
        script = start_script(VICTIM, env=environment)
        run_id = script.wait_for_line("begun").split()[0]
        proxy.refuse()
        script.signal(signal.SIGUSR1)
        script.wait_for_line("logged")
        script.kill()
        server.execute(f"delete from runs where id = '{run_id}'")
        proxy.forward()
        after = run_script(NEXT, env=environment)
    assert after.exit_code == 0
    letters = dead_letters(own_environment)
    refused = [letter["content"].split("\t")[5] for letter in letters]
    assert refused == numbered(50)
    assert [path for path in own_environment.rglob("logs-*") if path.is_file()] == []
    with server.connect() as connection:
        assert run_row(connection, after.stdout.strip(), "status") == "success"
    assert after.stderr.count("the database refused an entry (23503)") == 1
    evidence(kills=1, dead_letters=len(refused), lost=len(set(numbered(50)) - set(refused)))


def record_in_both_lanes(made, server):
    made.log_many(100)
    assert made.recorder.flush(10)
    for number in range(100, 9000):
        made.log(f"line {number:06d}")
    made.run.add("records_fetched", 9000)
    assert made.recorder.flush(30)
    made.finish()
    assert made.close()
    assert made.is_lawful()
    with server.connect() as connection:
        stored = messages(connection)
        assert run_row(connection, made.run.id_text, "status", "records_fetched") == (
            "success",
            9000,
        )
    assert stored == numbered(9000)
    return {"entries": 9000, "lost": len(set(numbered(9000)) - set(stored))}


@pytest.mark.guarantee("outage")
def test_a_schema_of_a_later_version(recording, server, capsys, evidence):
    """Migrated by a newer runlog, with columns and tables that this one does not know: it writes on; only ``migrate`` stops."""
    server.execute(
        f"""
        insert into runlog_migrations select {LATEST + 1}, 'from_the_future', checksum, now(), false
        from runlog_migrations where version = {LATEST};
        alter table logs add column severity integer not null default 9;
        alter table runs add column tenant text not null default 'none';
        create table log_attachments (log_id uuid references logs (id) on delete cascade)
        """
    )
    made = recording(server.dsn, heartbeat_interval=0.05)
    evidence(**record_in_both_lanes(made, server))
    assert capsys.readouterr().err == ""
    with pytest.raises(
        SchemaError, match=f"is at version {LATEST + 1}, this runlog knows {LATEST}"
    ):
        migrate(server.dsn)


@pytest.mark.guarantee("outage")
def test_a_schema_of_nothing_but_the_two_documented_tables(recording, server, capsys, evidence):
    """A database that no runlog has ever migrated, with the documented tables alone: all is written."""
    server.execute(f"drop database {DATABASE} with (force)", database="postgres")
    server.execute(f"create database {DATABASE} owner {ROLE}", database="postgres")
    documented = statements.fill(statements.migration_files()[0].sql, schema='"public"')
    server.execute(f"set role {ROLE}; {documented.decode()}")
    tables = server.execute(
        "select relname from pg_class where relkind in ('r', 'v') and relnamespace = 'public'::regnamespace"
    )
    assert sorted(tables) == [("logs",), ("runs",)]
    made = recording(server.dsn, heartbeat_interval=0.05)
    evidence(**record_in_both_lanes(made, server))
    assert capsys.readouterr().err == ""
