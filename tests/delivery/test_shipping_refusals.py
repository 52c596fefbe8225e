"""What the database refuses: the rows at fault are dead letters, the others arrive, in both lanes."""

from __future__ import annotations

import pytest
from kit.recording import messages, numbered


@pytest.mark.guarantee("blast-radius")
def test_a_refused_row_does_not_take_others_with_it(recording, database, connection):
    """One row of a hundred violates a CHECK: 99 are stored, one is a dead letter with its SQLSTATE."""
    connection.execute("alter table logs add constraint picky check (message <> 'line 000042')")
    made = recording(database, flush_interval=60)
    made.log_many(100)
    assert made.close()
    expected = [line for line in numbered(100) if line != "line 000042"]
    assert messages(connection) == expected
    (letter,) = dead_letters(made)
    assert letter["sqlstate"] == "23514"
    assert "line 000042" in letter["content"]
    assert made.is_lawful()
    assert made.stats().dead_letters == 1


@pytest.mark.guarantee("blast-radius")
@pytest.mark.parametrize("count", [100, 5000], ids=["insert", "copy"])
def test_a_trigger_that_raises_refuses_only_its_row(recording, database, connection, count):
    """A trigger's exception (P0001) is the row's fault, in the bulk lane as in the sure lane."""
    connection.execute(
        """
        create function refuse_it() returns trigger language plpgsql as $$
        begin
            if new.message in ('line 000001', 'line 000077') then
                raise exception 'not this one';
            end if;
            return new;
        end $$;
        create trigger refuse_it before insert on logs for each row execute function refuse_it()
        """
    )
    made = recording(database, flush_interval=60)
    made.log_many(count)
    assert made.close()
    refused = {"line 000001", "line 000077"}
    assert messages(connection) == [line for line in numbered(count) if line not in refused]
    assert [letter["sqlstate"] for letter in dead_letters(made)] == ["P0001", "P0001"]
    assert made.is_lawful()


@pytest.mark.guarantee("blast-radius")
def test_entries_of_a_deleted_run_are_dead_letters_and_others_go_on(
    recording, database, connection
):
    """Somebody deletes the run's row: its later entries are kept as dead letters, no other is held up."""
    made = recording(database, flush_interval=60)
    assert made.recorder.flush(10)
    connection.execute("delete from runs where id = %s", [made.run.id_text])
    other = type(made.run)("018f0000-0000-7000-8000-000000000001", "other")
    made.recorder.start_run(other)
    for number in range(10):
        made.log(f"gone {number}")
        made.log(f"kept {number}", run_id=other.id_text)
    made.recorder.flush(10)
    assert messages(connection) == [f"kept {number}" for number in range(10)]
    assert {letter["sqlstate"] for letter in dead_letters(made)} == {"23503"}
    assert made.stats().dead_letters == 10
    assert made.is_lawful()
    made.recorder.forget_run(other)


@pytest.mark.guarantee("outage")
def test_missing_tables_are_told_with_the_remedy(recording, empty_database, capsys):
    """Without tables nothing is lost: one line names the command, and entries wait."""
    made = recording(empty_database)
    made.log("waits")
    assert not made.recorder.flush(0.5)
    (line,) = capsys.readouterr().err.splitlines()
    assert 'run "runlog migrate"' in line
    assert made.stats().waiting == 1


@pytest.mark.guarantee("outage", "secrets")
def test_a_wrong_password_is_told_without_it(recording, database, capsys):
    """Credentials that are refused are told as such, and the password is not shown."""
    secret = "tr0ub4dor&3"
    made = recording(f"{database} user=nobody_at_all password='{secret}'")
    made.log("waits")
    assert not made.recorder.flush(0.5)
    text = capsys.readouterr().err
    assert "cannot write to" in text
    assert secret not in text
    assert made.stats().waiting == 1


def dead_letters(made):
    """The dead letters of this recorder's database."""
    import json
    from pathlib import Path

    (file,) = Path(made.recorder.settings.spool_dir).rglob("dead-letters.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]
