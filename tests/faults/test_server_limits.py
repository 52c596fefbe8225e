"""The server is slow, locked or picky: limits of time, locks, triggers, rows refused by the thousand."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import psycopg
import pytest
from kit.proxy import FaultProxy
from kit.recording import messages, numbered, run_row
from kit.servers import ROLE
from kit.waiting import eventually

pytestmark = pytest.mark.guarantee("outage", "exactly-once")

SLOW_TRIGGER = """
    create function be_slow() returns trigger language plpgsql as $$
    begin
        if right(new.message, 1) = '0' then
            perform pg_sleep(0.001);
        end if;
        return new;
    end $$;
    create trigger be_slow before insert on logs for each row execute function be_slow()
"""
PICKY_TRIGGER = """
    create function refuse_it() returns trigger language plpgsql as $$
    begin
        if random() < 0.3 then
            raise exception 'not this time';
        end if;
        return new;
    end $$;
    create trigger refuse_it before insert on logs for each row execute function refuse_it()
"""


def is_delivered(made):
    assert made.recorder.flush(5)


def dead_letters(made):
    files = Path(made.recorder.settings.spool_dir).rglob("dead-letters.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("limit", ["statement_timeout", "transaction_timeout"])
@pytest.mark.parametrize("count", [900, 2500], ids=["insert", "copy"])
def test_a_limit_of_time_too_short_for_a_batch(recording, server, capsys, evidence, count, limit):
    """The role's limit ends every large batch, or the session too: smaller ones get through, and nothing is said."""
    server.execute(SLOW_TRIGGER)
    try:
        server.execute(f"alter role {ROLE} set {limit} = '40ms'")
    except psycopg.errors.UndefinedObject:
        pytest.skip("PostgreSQL has it from version 17 on")
    made = recording(server.dsn, flush_interval=60)
    made.log_many(count)
    assert made.recorder.flush(60)
    with server.connect() as connection:
        stored = messages(connection)
    assert stored == numbered(count)
    assert made.is_lawful()
    told = capsys.readouterr().err
    # A COPY hears of the session's end, and not always why it ended.
    assert told == "" or (limit == "transaction_timeout" and told.endswith("is delivered\n"))
    lost, doubled = len(set(numbered(count)) - set(stored)), len(stored) - len(set(stored))
    evidence(entries=count, lost=lost, doubled=doubled)


@pytest.mark.parametrize(
    ("limit", "words"),
    [("'5ms'", "raise statement_timeout for the role"), ("0", "pg_stat_activity shows locks")],
    ids=["the server's limit", "our own limit"],
)
@pytest.mark.guarantee("own-connection", "never-raises")
def test_a_lock_on_the_table(recording, server, capsys, evidence, limit, words):
    """Somebody locks the table for longer than a statement may take: the script logs on, one line says why, no session is left behind."""
    made = recording(server.dsn, statement_timeout=0.3)
    made.log_many(100)
    assert made.recorder.flush(10)
    server.execute(f"alter role {ROLE} set statement_timeout = {limit}")
    server.kill_writers()
    told = ""
    sessions = []

    def is_told():
        nonlocal told
        told += capsys.readouterr().err
        sessions.append(server.writers())
        assert words in told

    with server.connect() as other, other.transaction():
        other.execute("lock table logs in exclusive mode")
        # Ends although not one statement does: no call waits for the database.
        for number in range(100, 5000):
            made.log(f"line {number:06d}")
        eventually(is_told)
        assert not made.recorder.flush(1)
        sessions.append(server.writers())
        assert made.stats().waiting == 4900
        assert made.is_lawful()
    # The one that works, and for a moment the one before it, whose statement was cancelled.
    assert max(sessions) <= 2
    server.execute(f"alter role {ROLE} reset statement_timeout")
    server.kill_writers()
    eventually(partial(is_delivered, made), 30)
    with server.connect() as connection:
        stored = messages(connection)
    assert stored == numbered(5000)

    def is_told():
        # A flush is over with its entries, the pass a little later.
        said.append(capsys.readouterr().err)
        assert "answers again" in "".join(said)

    said = [told]
    eventually(is_told)
    lines = "".join(said).splitlines()
    assert len(lines) == 2, lines
    assert "answers again" in lines[1]
    evidence(entries=5000, lost=len(set(numbered(5000)) - set(stored)))


@pytest.mark.guarantee("blast-radius", "conservation")
@pytest.mark.parametrize("count", [200, 2500], ids=["insert", "copy"])
def test_a_trigger_that_raises_sometimes(recording, server, evidence, count):
    """A trigger refuses three of ten rows that it sees, whichever they are: each entry is stored or a dead letter."""
    server.execute(PICKY_TRIGGER)
    made = recording(server.dsn, flush_interval=60)
    made.log_many(count)
    assert made.recorder.flush(60)
    letters = dead_letters(made)
    refused = [letter["content"].split("\t")[5] for letter in letters]
    with server.connect() as connection:
        stored = messages(connection)
    assert {letter["sqlstate"] for letter in letters} == {"P0001"}
    assert sorted(stored + refused) == numbered(count)
    assert stored == sorted(stored)
    assert made.is_lawful()
    assert made.stats().dead_letters == len(letters)
    lost = len(set(numbered(count)) - set(stored) - set(refused))
    evidence(entries=count, dead_letters=len(letters), lost=lost)


@pytest.mark.guarantee("blast-radius", "true-run")
def test_refusals_that_take_longer_than_one_statement_may(recording, server, evidence):
    """More than a hundred rows refused one by one over a slow line, longer than a statement's time in all: it ends, and the run stays alive meanwhile."""
    server.execute(f"create table beats (at text); grant insert on beats to {ROLE}")
    server.execute(
        """
        create function note_beat() returns trigger language plpgsql as $$
        begin
            insert into beats values (new.metadata #>> '{runlog,heartbeat_at}');
            return new;
        end $$;
        create trigger note_beat after update on runs for each row execute function note_beat()
        """
    )
    with FaultProxy.in_front_of(server.dsn) as proxy:
        made = recording(
            proxy.conninfo, flush_interval=60, statement_timeout=0.5, heartbeat_interval=0.1
        )
        assert made.recorder.flush(10)
        server.execute("alter table logs add constraint picky check (message like 'other%')")
        server.execute("truncate beats")
        proxy.slow(0.005)
        made.log_many(120)
        made.log("other")
        eventually(partial(is_delivered, made), 60)
        assert made.is_lawful()
    refused = [letter["content"].split("\t")[5] for letter in dead_letters(made)]
    assert refused == numbered(120)
    with server.connect() as connection:
        assert messages(connection) == ["other"]
        assert run_row(connection, made.run.id_text, "status") == "running"
    beats = server.execute("select count(distinct at) from beats")[0][0]
    assert beats > 1
    evidence(entries=121, dead_letters=len(refused), heartbeats=beats)
