"""What runs tell of their entries at their end, and that it is told rightly or not believed."""

from __future__ import annotations

import random

import psycopg
import pytest
from kit import cluster
from kit.recording import run_row

from runlog import queries
from runlog.migrate import migrate

pytestmark = pytest.mark.skipif(
    cluster.GIVEN is not None, reason="in a cluster runs tell nothing of their entries"
)

STEPS, LEVELS = (
    ("FETCH", "LOAD", "tab\t", "ü"),
    {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR"},
)
FIGURES = ("metadata #> '{runlog,entries}'", "metadata #> '{runlog,levels}'",
           "metadata #> '{runlog,steps}'")  # fmt: skip


def log_some(made, seed, count=60):
    chance = random.Random(seed)
    for number in range(count):
        levelno = chance.choice(list(LEVELS))
        made.log(f"entry {number}", levelno=levelno, step=chance.choice(STEPS))


def reckoned(connection, run_id):
    """The figures as the entries have them."""
    steps = queries.steps_of_run(connection, run_id=run_id)
    levels = connection.execute(
        "select level, count(*) from logs where run_id = %s group by 1", [run_id]
    ).fetchall()
    told = {step.step: {"entries": step.entries, "ms": step.duration_ms} for step in steps}
    return sum(step.entries for step in steps), dict(levels), told


def test_a_run_tells_at_its_end_what_its_entries_say(recording, database, connection):
    """How many entries, of which levels, and of each step how many and how long."""
    made = recording(database)
    log_some(made, 1)
    assert made.recorder.flush(10)
    assert run_row(connection, made.run.id_text, *FIGURES) == (None, None, None)
    log_some(made, 2)
    made.finish()
    assert made.close()
    assert run_row(connection, made.run.id_text, *FIGURES) == reckoned(connection, made.run.id_text)


def test_a_run_that_ends_while_a_block_is_read_tells_all(
    recording, database, connection, monkeypatch
):
    """Its end is delivered before its last entries: it waits for them before it tells."""
    made = recording(database, flush_interval=3600)
    log_some(made, 1)
    entries = made.recorder._spool.entries
    read, is_first = entries.read, [True]

    def read_slowly(limit, start=None):
        block = read(limit, start)
        if block is not None and is_first and is_first.pop():
            log_some(made, 2)
            made.finish()
        return block

    monkeypatch.setattr(entries, "read", read_slowly)
    assert made.recorder.flush(10)
    assert made.close()
    assert not is_first
    assert run_row(connection, made.run.id_text, *FIGURES) == reckoned(connection, made.run.id_text)
    assert run_row(connection, made.run.id_text, FIGURES[0]) > 100


@pytest.mark.parametrize("change", [
    "insert into logs (run_id, level, step, message) select id, 'INFO', 'LATE', 'late' from runs",
    "delete from logs where step = 'LOAD'",
    "update runs set metadata = metadata #- '{runlog,entries}'",
])  # fmt: skip
def test_what_was_told_is_not_believed_when_it_is_not_all(recording, database, connection, change):
    """Entries that came or went since, whoever did it, are counted: the answer is the entries'."""
    made = recording(database)
    log_some(made, 3)
    made.finish()
    assert made.close()
    connection.execute(change)
    steps = queries.slowest_steps(connection)
    connection.execute("update runs set metadata = metadata #- '{runlog,steps}'")
    assert steps == queries.slowest_steps(connection)
    assert {step.step for step in steps} == {
        step.step for step in queries.steps_of_run(connection, run_id=made.run.id_text)
    }


def test_the_dead_are_told_by_who_delivers_them(recording, proxy, database, connection):
    """A spool that waited tells of its run like any, when all of it is there."""
    first = recording(proxy.conninfo)
    proxy.refuse()
    log_some(first, 4)
    first.finish()
    assert not first.close(0.2)
    proxy.forward()
    second = recording(proxy.conninfo)
    second.log("mine")
    assert second.close()
    told = run_row(connection, first.run.id_text, *FIGURES)
    assert told == reckoned(connection, first.run.id_text)
    assert told[0] == 60


def test_another_end_is_told_anew(recording, database, connection):
    """A run that was swept, told, and goes on tells of its true end."""
    made = recording(database, heartbeat_interval=0.01)
    log_some(made, 5)
    assert made.recorder.flush(10)
    delivery = made.recorder._shipper.delivery
    delivery._store.sweep(
        made.run.id_text, finished_at="2126-01-01", error_message="wrongly", outcome="died"
    )
    delivery._ended_runs.note(made.run.id_text, lambda: True)
    made.finish()
    assert made.close()
    assert run_row(connection, made.run.id_text, *FIGURES) == reckoned(connection, made.run.id_text)


@pytest.mark.parametrize("is_blind", [True, False])
def test_who_may_not_see_all_entries_tells_nothing(
    recording, writer, empty_database, capfd, is_blind
):
    """A role that reads nothing, or a part, leaves the figures to the entries; nobody hears of it."""
    with psycopg.connect(empty_database, autocommit=True) as owner:
        if not is_blind:
            owner.execute("grant select on logs to public")
            owner.execute("create policy a_part on logs for select using (step = 'LOAD')")
        made = recording(writer.info.dsn + " password=writes")
        log_some(made, 6)
        made.finish()
        assert made.close()
        assert run_row(owner, made.run.id_text, "status", *FIGURES) == ("success", None, None, None)
    assert not capfd.readouterr().err


def test_figures_that_are_refused_cost_nothing_else(recording, empty_database, capfd):
    """A trigger of the user's that refuses them has no dead letter and no word for it."""
    migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as owner:
        owner.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin"
            " if new.metadata -> 'runlog' ? 'steps' then raise 'no figures'; end if;"
            " return new; end $$"
        )
        owner.execute(
            "create trigger t before update on runs for each row execute function refuse()"
        )
        made = recording(empty_database)
        log_some(made, 7)
        made.finish()
        assert made.close()
        assert run_row(owner, made.run.id_text, "status", *FIGURES) == ("success", None, None, None)
    assert made.stats().dead_letters == 0
    assert not capfd.readouterr().err
