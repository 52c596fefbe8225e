"""Runs of dead processes that cannot be closed: told once and left, and everything else goes on."""

from __future__ import annotations

import os
from functools import partial

import psycopg
import pytest
from kit.asking import add_run, runs_of
from kit.recording import messages, run_row
from kit.waiting import eventually, until

from runlog._delivery import housekeeping
from runlog._delivery.sweep import reap

CHECK = """
    alter table runs add constraint no_errors
    check (status <> 'error' or script_name not like 'kept%')
"""
TRIGGER = """
    create function refuse() returns trigger language plpgsql as $$
    begin
        if new.status = 'error' and new.script_name like 'kept%' then
            raise exception 'the auditors say no';
        end if;
        return new;
    end $$;
    create trigger refuse before update on runs for each row execute function refuse()
"""
ODD_TRIGGER = TRIGGER.replace(
    "'the auditors say no'", "'the auditors say no' using errcode = 'ZZ001'"
)
UNDO = """
    alter table runs drop constraint if exists no_errors;
    drop function if exists refuse cascade;
"""


@pytest.fixture
def refuse(connection):
    """``refuse(statement)``: have the table refuse that runs of ``kept`` scripts end as errors."""
    yield connection.execute
    connection.execute(UNDO)


def age(orphan, moment):
    for path in orphan.folder.iterdir():
        os.utime(path, (moment, moment))


def rename(orphan, script_name):
    """Have the run of this orphan be one of another script."""
    (events,) = orphan.events
    events.write_bytes(events.read_bytes().replace(b"test-script", script_name.encode()))


def damage(orphan, damaged):
    """Have the run's id on the disk read ``damaged`` from its ninth character on."""
    (events,) = orphan.events
    known = orphan.run_id.encode()
    events.write_bytes(events.read_bytes().replace(known, known[:8] + damaged))


def deliver(recording, database, orphans):
    """Be the next process, and the pass after, until the folders are gone."""
    made = recording(database)

    def are_gone():
        assert not any(orphan.folder.exists() for orphan in orphans)

    eventually(are_gone)
    made.log("after all")
    assert made.recorder.catch_up(20)
    return made


def told(capfd, words):
    """The lines on stderr with these words, and that nothing was said of the database."""
    lines = capfd.readouterr().err.splitlines()
    assert not [line for line in lines if "cannot write" in line]
    return [line for line in lines if words in line]


@pytest.mark.guarantee("disk", "blast-radius")
@pytest.mark.parametrize("damaged", [b"x-odd", b"\\u0000"], ids=["letter", "nul"])
def test_a_damaged_id(leave_orphan, recording, database, connection, capfd, damaged):
    """The id of a dead run is no UUID any more: it is told once, its entries are stored, and the orphan behind it is closed."""
    first, second = leave_orphan(database, 5), leave_orphan(database, 5)
    add_run(connection, id=first.run_id)
    damage(first, damaged)
    age(first, 0)
    deliver(recording, database, [first, second])
    assert messages(connection, first.run_id) == first.messages
    assert run_row(connection, first.run_id, "status") == "running"
    assert messages(connection, second.run_id) == second.messages
    assert run_row(connection, second.run_id, "status") == "error"
    (line,) = told(capfd, "cannot be closed")
    assert "is no UUID" in line


@pytest.mark.guarantee("blast-radius")
@pytest.mark.parametrize(
    "statement", [CHECK, TRIGGER, ODD_TRIGGER], ids=["check", "trigger", "odd state"]
)
def test_a_refused_closing(
    leave_orphan, recording, database, connection, refuse, capfd, monkeypatch, statement
):
    """The table refuses that a dead run becomes an error: it is told once with the reason, also when it is tried again, and the orphan behind it is closed."""
    monkeypatch.setattr(housekeeping, "_REAP_INTERVAL", 0.0)
    refuse(statement)
    first, second = leave_orphan(database, 5), leave_orphan(database, 5)
    rename(first, "kept-as-is")
    age(first, 0)
    made = deliver(recording, database, [first, second])
    assert messages(connection, first.run_id) == first.messages
    assert runs_of(connection, "kept-as-is") == ["running"]
    assert run_row(connection, second.run_id, "status") == "error"
    beat = """update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', '"2020-01-01T00:00:00Z"')"""
    connection.execute(f"{beat} where script_name = 'kept-as-is'")
    for _ in range(3):
        made.log("and again")
        assert made.recorder.catch_up(20)
    (line,) = told(capfd, "cannot be closed")
    assert first.run_id in line
    assert ("no_errors" if statement == CHECK else "the auditors say no") in line


@pytest.mark.guarantee("blast-radius", "outage")
def test_an_outage_in_the_closing(leave_orphan, recording, database, connection, refuse):
    """A closing that fails because of the database is made again, and nothing is told of the run."""
    refuse(TRIGGER.replace("'the auditors say no'", "'later' using errcode = '53200'"))
    orphan = leave_orphan(database, 5)
    rename(orphan, "kept-for-now")
    made = recording(database)
    until(lambda: messages(connection, orphan.run_id) == orphan.messages)
    assert not made.recorder.catch_up(0.3)
    assert orphan.folder.exists()
    connection.execute(UNDO)
    until(lambda: runs_of(connection, "kept-for-now") == ["error"])
    until(lambda: not orphan.folder.exists())


@pytest.mark.guarantee("blast-radius", "true-run")
@pytest.mark.parametrize(
    "statement", [CHECK, TRIGGER, ODD_TRIGGER], ids=["check", "trigger", "odd state"]
)
def test_refused_among_silent_runs(connection, refuse, capfd, statement):
    """Silent runs of other hosts that the table does not let end keep none of the others from it, and each is told once."""
    refuse(statement)
    kept = {add_run(connection, f"kept-{number}", beat=500) for number in range(2)}
    closed = {add_run(connection, beat=500) for _ in range(9)}
    assert {run.id for run in reap(connection, "public")} == closed
    assert runs_of(connection) == ["error"] * 9
    assert reap(connection, "public") == []
    lines = told(capfd, "cannot be closed")
    assert sorted(str(run_id) in "".join(lines) for run_id in kept) == [True, True]
    assert len(lines) == 2
    connection.execute(UNDO)
    assert {run.id for run in reap(connection, "public")} == kept


@pytest.mark.guarantee("blast-radius")
def test_somebody_has_one_of_the_silent_runs(connection, refuse, capfd):
    """A row that is locked for longer than the role waits is left for the next look; the others are closed."""
    refuse(TRIGGER.replace("'the auditors say no'", "'locked' using errcode = '55P03'"))
    kept = add_run(connection, "kept", beat=500)
    closed = {add_run(connection, beat=500) for _ in range(3)}
    assert {run.id for run in reap(connection, "public")} == closed
    assert told(capfd, "cannot be closed") == []
    assert reap(connection, "public", strict=True) == []
    assert len(told(capfd, "cannot be closed")) == 1
    connection.execute(UNDO)
    assert [run.id for run in reap(connection, "public")] == [kept]


@pytest.mark.guarantee("true-run")
def test_a_heartbeat_that_is_no_time(connection, capfd):
    """A row whose heartbeat reads like a time and is none has none: it is left, others are closed."""
    add_run(connection, "odd", metadata='{"runlog": {"heartbeat_at": "2026-13-45T99:99:99"}}')
    run_id = add_run(connection, beat=500)
    assert [run.id for run in reap(connection, "public")] == [run_id]
    assert runs_of(connection, "odd") == ["running"]
    assert told(capfd, "cannot be closed") == []


def test_own_runs_stay_when_others_are_refused(connection, refuse):
    """Looking at silent runs one by one asks no more about the caller's own than before."""
    refuse(CHECK)
    add_run(connection, "kept", beat=500)
    own, other = add_run(connection, beat=500), add_run(connection, beat=500)
    assert [run.id for run in reap(connection, "public", [str(own)])] == [other]


def test_a_refused_last_entry(connection, refuse):
    """Where the table takes no longer message, silent runs are closed all the same, and the others name their last entry."""
    refuse(
        "alter table runs add constraint no_errors"
        " check (script_name <> 'short' or error_message not like '%last entry%')"
    )
    for script in ("short", "sync"):
        run_id = add_run(connection, script, beat=500)
        connection.execute(
            "insert into logs (run_id, level, step, message) values (%s, 'INFO', 'F', 'page')",
            [run_id],
        )
    assert len(reap(connection, "public")) == 2
    columns = "status, error_message like '%%last entry [F] page'"
    assert runs_of(connection, "short", columns) == [("error", False)]
    assert runs_of(connection, "sync", columns) == [("error", True)]


def test_an_error_of_the_setup_is_no_refusal(connection, refuse):
    """What a person has to mend is raised as ever, and not taken for the fault of one run."""
    refuse(TRIGGER.replace("'the auditors say no'", "'no' using errcode = '42P01'"))
    add_run(connection, "kept", beat=500)
    with pytest.raises(psycopg.errors.UndefinedTable):
        reap(connection, "public")


@pytest.mark.parametrize("statement", [TRIGGER, ODD_TRIGGER], ids=["trigger", "odd state"])
def test_a_refused_sign_of_life_holds_nothing_up(
    recording, database, connection, refuse, capfd, monkeypatch, statement
):
    """A trigger that refuses the heartbeat is told once; entries go on at once and in order."""
    made = recording(database, heartbeat_interval=0.1)
    assert made.recorder.catch_up(20)
    beat_only = "new.metadata #- '{runlog,heartbeat_at}' = old.metadata #- '{runlog,heartbeat_at}'"
    refuse(statement.replace("new.status = 'error' and new.script_name like 'kept%'", beat_only))
    store, refused = made.recorder._shipper.delivery._store, []
    beat = store.heartbeat

    def beat_and_note(run_ids):
        try:
            beat(run_ids)
        except psycopg.Error as error:
            refused.append(error)
            raise

    def is_refused_again(times):
        assert len(refused) > times

    monkeypatch.setattr(store, "heartbeat", beat_and_note)
    for number in range(3):
        eventually(partial(is_refused_again, len(refused)))
        made.log(f"line {number}")
        assert made.recorder.flush(20)
    assert messages(connection, made.run.id_text) == [f"line {number}" for number in range(3)]
    assert len(told(capfd, "the sign of life")) == 1
