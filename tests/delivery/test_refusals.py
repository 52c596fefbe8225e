"""What is refused for reasons that an error's class does not tell: unique indexes, odd SQLSTATEs."""

from __future__ import annotations

import json

import pytest
from kit.recording import Recording, messages, numbered, run_row
from kit.waiting import until
from psycopg.conninfo import make_conninfo

from runlog._entry.ids import new_id
from runlog._recorder.run_state import RunState

ODD = """
    create function refuse() returns trigger language plpgsql as $$
    begin
        if {condition} then raise exception 'the auditors say no' using errcode = '{state}'; end if;
        return new;
    end $$;
    create trigger refuse before insert or update on {table}
    for each row execute function refuse()
"""
UNDO = """
    drop function if exists refuse cascade;
    drop function if exists mask cascade;
    drop index if exists only_once;
    drop function if exists put_aside cascade;
    drop table if exists this_month;
"""


@pytest.fixture
def change(connection):
    """``change(statement)``: have the tables refuse something until the end of the test."""
    yield connection.execute
    connection.execute(UNDO)


def letters(made):
    """The dead letters of this recording's database: what they held, and why."""
    path = made.recorder._spool.folder.parent / "dead-letters.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.guarantee("exactly-once", "conservation")
def test_what_a_trigger_puts_into_a_partition_is_there(recording, database, connection, change):
    """Partitions of before PostgreSQL 10: nothing goes into the table itself, and what is sent again is no dead letter."""
    change("create table this_month (primary key (id)) inherits (logs)")
    change("""
        create function put_aside() returns trigger language plpgsql as $$
        begin insert into this_month values (new.*); return null; end $$;
        create trigger put_aside before insert on logs for each row execute function put_aside()
    """)
    made = recording(database)
    made.log_many(20)
    assert made.recorder.flush(10)
    assert messages(connection) == numbered(20)
    assert letters(made) == []
    assert (made.stats().committed, made.stats().dead_letters) == (20, 0)


@pytest.mark.guarantee("blast-radius", "conservation")
@pytest.mark.parametrize("count", [20, 3000], ids=["insert", "copy"])
def test_a_unique_index_of_the_users_hides_nothing(recording, database, connection, change, count):
    """What an index of the user's refuses is a dead letter with the reason, and not taken for a row that is there already."""
    change("create unique index only_once on logs (run_id, step, message)")
    made = recording(database)
    for number in range(count):
        made.log(f"page {number // 2}")
    assert made.recorder.flush(60)
    assert len(messages(connection)) == made.stats().committed == count // 2
    refused = letters(made)
    assert len(refused) == made.stats().dead_letters == count // 2
    assert {letter["sqlstate"] for letter in refused} == {"23505"}
    assert all("only_once" in letter["reason"] for letter in refused)
    assert made.is_lawful()


@pytest.mark.guarantee("exactly-once")
def test_a_replay_meets_such_an_index_and_is_no_refusal(recording, proxy, connection, change):
    """A lost answer: rows that are there already are there once, and none of them is a dead letter."""
    change("create unique index only_once on logs (run_id, step, message)")
    made = recording(proxy.conninfo, flush_interval=3600)
    assert made.recorder.catch_up(10)
    proxy.cut_after_commit()
    for number in (*range(30), 7):
        made.log(f"page {number}")
    until(lambda: made.recorder.flush(10))
    assert proxy.counters.cuts == 1
    assert sorted(messages(connection)) == sorted(f"page {number}" for number in range(30))
    (letter,) = letters(made)
    assert "page 7" in letter["content"]
    assert made.is_lawful()


@pytest.mark.guarantee("blast-radius")
def test_such_an_index_needs_no_right_to_read(recording, database, connection, change):
    """A role that may only write learns of hidden refusals all the same."""
    change("create unique index only_once on logs (run_id, step, message)")
    connection.execute("drop role if exists only_writes")
    connection.execute("create role only_writes login password 'w'")
    connection.execute("grant insert on logs to only_writes; grant all on runs to only_writes")
    connection.execute("grant all on all sequences in schema public to only_writes")
    try:
        made = recording(make_conninfo(database, user="only_writes", password="w"))
        for message in ("once", "twice", "twice"):
            made.log(message)
        assert made.recorder.flush(20)
        assert messages(connection) == ["once", "twice"]
        assert [letter["sqlstate"] for letter in letters(made)] == ["23505"]
        made.close()
    finally:
        connection.execute("drop owned by only_writes; drop role only_writes")


@pytest.mark.guarantee("blast-radius", "true-run")
def test_a_start_that_such_an_index_refuses(recording, database, connection, change):
    """One run at a time by an index of the user's: the second one's start is a dead letter, its entries too and at once; the first is not touched."""
    change("create unique index only_once on runs (script_name) where status = 'running'")
    first = recording(database)
    assert first.recorder.flush(10)
    second = Recording(database, first.recorder.settings.spool_dir)
    second.log("of the second")
    assert second.recorder.flush(20)
    kept = [letter["content"] for letter in letters(second)]
    assert len(kept) == 2
    assert second.run.id_text in kept[0]
    assert "of the second" in kept[1]
    second.recorder.forget_run(second.run)
    assert second.close()
    first.log("of the first")
    assert first.recorder.flush(10)
    assert messages(connection) == ["of the first"]


@pytest.mark.guarantee("blast-radius", "conservation")
@pytest.mark.parametrize("state", ["ZZ001", "42501", "42P01", "38000", "40001"])
@pytest.mark.parametrize("others", [0, 300], ids=["alone", "among-others"])
def test_a_row_is_refused_with_a_state_that_nobody_expected(
    recording, database, connection, change, state, others
):
    """A trigger refuses one row with any SQLSTATE, again and again, while others go through: that row is a dead letter, and holds nothing up for ever."""
    condition = "new.message = 'odd'"
    change(ODD.format(table="logs", state=state, condition=condition))
    made = recording(database, retry_interval=0.01, retry_interval_max=0.02)
    made.log_many(others)
    made.log("odd")
    made.log_many(others, "more")
    until(lambda: made.recorder.flush(5), within=40)
    assert len(messages(connection)) == 2 * others
    (letter,) = letters(made)
    assert letter["sqlstate"] == state
    assert made.is_lawful()


@pytest.mark.guarantee("outage", "conservation")
@pytest.mark.parametrize("state", ["ZZ001", "42501", "40001"])
def test_what_refuses_every_row_is_no_fault_of_any(recording, database, connection, change, state):
    """A trigger that refuses all rows is something to mend: everything waits, nothing is a dead letter, and all is stored when it is gone."""
    change(ODD.format(table="logs", state=state, condition="true"))
    made = recording(database, retry_interval=0.01, retry_interval_max=0.02)
    made.log_many(10)
    until(lambda: made.recorder._shipper._failures > 25, within=40)
    assert letters(made) == []
    assert made.stats().waiting == 10
    connection.execute(UNDO)
    until(lambda: made.recorder.flush(5), within=40)
    assert len(messages(connection)) == 10


@pytest.mark.guarantee("blast-radius", "true-run")
def test_an_event_is_refused_with_a_state_that_nobody_expected(
    recording, database, connection, change
):
    """The same for the start of one run: it and its entries are dead letters, the run behind it is recorded."""
    change(ODD.format(table="runs", state="ZZ001", condition="new.script_name = 'odd'"))
    made = recording(database, retry_interval=0.01, retry_interval_max=0.02)
    odd, good = RunState(new_id(), "odd"), RunState(new_id(), "good")
    for run in (odd, good):
        made.recorder.start_run(run)
        made.log(run.script_name, run_id=run.id_text)
        made.recorder.finish_run(run, "success", None)
    until(lambda: made.recorder.flush(5), within=40)
    assert run_row(connection, good.id_text, "status") == "success"
    assert messages(connection) == ["good"]
    assert all(odd.id_text in letter["content"] for letter in letters(made))


@pytest.mark.guarantee("true-run", "blast-radius")
def test_counts_that_are_refused_take_no_end_with_them(recording, database, connection, change):
    """The table refuses what a run has counted: its status and its end are stored all the same, and the refused event is kept."""
    change(ODD.format(table="runs", state="ZZ001", condition="new.records_fetched > 100"))
    made = recording(database, retry_interval=0.01, retry_interval_max=0.02)
    made.run.put("records_fetched", 150)
    made.finish("error", "it failed")
    until(lambda: made.recorder.flush(5), within=40)
    columns = ("status", "error_message", "records_fetched")
    assert run_row(connection, made.run.id_text, *columns) == ("error", "it failed", None)
    (letter,) = letters(made)
    assert '"finish"' in letter["content"]


@pytest.mark.guarantee("survives-death", "blast-radius")
def test_an_orphan_that_is_refused_holds_up_no_other(
    leave_orphan, recording, database, connection, change
):
    """A row of a dead process is refused, maybe for what passes: the orphans behind it are delivered in the same pass, and it in the end."""
    change(ODD.format(table="logs", state="ZZ001", condition="new.message = 'line 000003'"))
    orphans = [leave_orphan(database, count) for count in (5, 2, 2)]
    made = recording(database, retry_interval=3600, retry_interval_max=3600)
    for orphan in orphans[1:]:
        until(lambda orphan=orphan: not orphan.folder.exists())
        assert messages(connection, orphan.run_id) == orphan.messages
    assert orphans[0].folder.exists()
    assert letters(made) == []
    for _ in range(2):
        made.recorder.catch_up(0.5)
    until(lambda: made.recorder.catch_up(5), within=40)
    assert len(messages(connection, orphans[0].run_id)) == 4
    assert len(letters(made)) == 1


def test_an_index_asked_for_once_costs_no_other_statement(recording, proxy, connection):
    """Where nothing is hidden no batch takes a statement more: what is asked is asked when rows are missing."""
    made = recording(proxy.conninfo, flush_interval=3600)
    made.log("first")
    assert made.recorder.catch_up(10)
    before = proxy.counters.statements
    made.log_many(10)
    assert made.recorder.flush(10)
    assert 1 <= proxy.counters.statements - before <= 2
    assert len(messages(connection)) == 11


@pytest.mark.guarantee("blast-radius", "conservation")
def test_a_fault_that_copy_tells_by_another_name(recording, database, connection, change):
    """An engine that calls every fault of a row in COPY an internal error: the one bad row is a dead letter with its reason, and nothing is said of an outage."""
    change(ODD.format(table="logs", condition="new.message = 'odd'", state="23514"))
    masked = "where current_query() like '%from stdin%' and new.message = 'odd'"
    change(f"""
        create function mask() returns trigger language plpgsql as $$
        begin
            perform 1 {masked};
            if found then raise exception 'masked' using errcode = 'XX000'; end if;
            return new;
        end $$;
        create trigger a_mask before insert on logs for each row execute function mask()
    """)
    made = recording(database, flush_interval=3600, retry_interval=3600, retry_interval_max=3600)
    assert made.recorder.catch_up(20)
    for number in range(3000):
        made.log("odd" if number == 1700 else f"page {number}")
    made.recorder._shipper.wake()
    until(lambda: made.stats().waiting == 0, 60)
    assert len(messages(connection)) == made.stats().committed == 2999
    (letter,) = letters(made)
    assert letter["sqlstate"] == "23514"
