"""What a short script has to say goes in one round trip; what is refused of it, one by one."""

from __future__ import annotations

import gc
import sys
import time

import psycopg
import pytest
from kit import cluster
from kit.recording import messages, numbered, run_row

from runlog._delivery import at_once
from runlog._delivery.shipper import Shipper

one_server = pytest.mark.skipif(cluster.GIVEN is not None, reason="a cluster counts rows wrongly")


@pytest.fixture(autouse=True)
def no_thread(monkeypatch):
    """As late in an exit, where no thread can start: all is one pass, or one a flush."""
    monkeypatch.setattr(Shipper, "start", lambda _: None)


def short_script(made):
    made.log_many(20)
    made.run.put("records_fetched", 7)
    made.finish()
    return made.close()


@one_server
@pytest.mark.guarantee("exactly-once")
def test_a_script_that_ends_at_once_takes_four_round_trips(recording, proxy, connection):
    """Login; start, figures, end and entries; what the run logged; runs that fell silent."""
    made = recording(proxy.conninfo)
    assert short_script(made)
    assert proxy.counters.round_trips == 4
    assert messages(connection) == numbered(20)
    assert run_row(connection, made.run.id_text, "status", "records_fetched") == ("success", 7)
    assert made.is_lawful()


@one_server
def test_the_end_of_a_script_takes_two_round_trips(recording, proxy, connection):
    """Figures, end and the last entries in the one, what the run logged in the other."""
    made = recording(proxy.conninfo)
    made.log("first")
    assert made.recorder.flush()
    before = proxy.counters.round_trips
    assert short_script(made)
    assert proxy.counters.round_trips - before == 2
    assert messages(connection) == ["first", *numbered(20)]


@pytest.mark.guarantee("exactly-once")
@pytest.mark.parametrize("cut", ["cut_before_commit", "cut_after_commit"])
def test_a_lost_answer_doubles_nothing(recording, proxy, connection, cut):
    """The connection is lost in the middle or before the answer: the next pass stores all, once."""
    made = recording(proxy.conninfo)
    getattr(proxy, cut)()
    short_script(made)
    assert proxy.counters.cuts == 1
    recording(proxy.conninfo).close()
    assert messages(connection) == numbered(20)
    assert run_row(connection, made.run.id_text, "status", "records_fetched") == ("success", 7)


ALL = numbered(20)
REFUSALS = {
    "logs add check (message <> 'line 000003')": ("success", 7, [*ALL[:3], *ALL[4:]]),
    "runs add check (records_fetched < 7)": ("success", None, ALL),
    "runs add check (status <> 'success')": ("running", 7, ALL),
}


@pytest.mark.guarantee("blast-radius")
@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_costs_only_what_is_refused(recording, database, connection, what):
    """An entry, a column or the end is refused: it alone is a dead letter, the rest is stored."""
    status, fetched, kept = REFUSALS[what]
    connection.execute(f"alter table {what}")
    made = recording(database)
    assert short_script(made)
    assert messages(connection) == kept
    assert run_row(connection, made.run.id_text, "status", "records_fetched") == (status, fetched)
    assert (made.stats().committed, made.stats().dead_letters) == (len(kept), 20 - len(kept))
    assert made.is_lawful()


@one_server
@pytest.mark.guarantee("blast-radius")
def test_what_the_commit_refuses_is_no_outage(recording, database, connection, capfd):
    """A deferred constraint speaks at the commit: the refused entry is a dead letter, and no outage is told."""
    connection.execute(
        "create function late() returns trigger language plpgsql as $$ begin"
        " if new.message = 'line 000003' then raise 'too late'; end if; return null; end $$"
    )
    connection.execute(
        "create constraint trigger late after insert on logs deferrable initially deferred"
        " for each row execute function late()"
    )
    made = recording(database)
    assert short_script(made)
    assert messages(connection) == [*ALL[:3], *ALL[4:]]
    assert run_row(connection, made.run.id_text, "status", "records_fetched") == ("success", 7)
    assert (made.stats().committed, made.stats().dead_letters) == (19, 1)
    assert "cannot write" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "values", [{}, {"id": object()}, {"id": "no id"}], ids=["missing", "odd", "refused"]
)
def test_what_cannot_be_sent_is_told_apart_from_an_outage(database, values):
    """A value that is missing, odd or refused: None, and the connection is as it was."""
    from runlog._database import connection as connecting

    with connecting.connect(
        database, name="t", timeout=5, kind=connecting.WriteConnection
    ) as connection:
        asked = [(b"select 1", None), (b"select %(id)s::uuid", values), (b"select 2", None)]
        assert at_once.send(connection, asked) is None
        assert connection.execute("select 3").fetchone() == (3,)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_an_outage_is_raised(database):
    """The server ends the session in the middle: that is for the next pass to mend."""
    from runlog._database import connection as connecting

    with connecting.connect(
        database, name="t", timeout=5, kind=connecting.WriteConnection
    ) as connection:
        asked = [(b"select 1", None), (b"select pg_terminate_backend(pg_backend_pid())", None)]
        with pytest.raises(psycopg.OperationalError):
            at_once.send(connection, asked)


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("before", [0, 2])
def test_no_answer_in_time_is_raised_as_such(database, monkeypatch, before):
    """Not as what the pipeline was then in the middle of; and Python has nothing to complain of."""
    from runlog._database import connection as connecting

    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    with connecting.connect(
        database, name="t", timeout=5, kind=connecting.WriteConnection
    ) as connection:
        connection.deadline = time.monotonic() + 0.5
        asked = [(b"select 1", None)] * before + [(b"select pg_sleep(20)", None)]
        with pytest.raises(connecting.DeadlineError, match="did not answer in time"):
            at_once.send(connection, asked)
        connection.close()
    gc.collect()
    assert complaints == []


@pytest.mark.parametrize("lines", [
    [b"{"], [b"[]"], [b'{"event": "start"'], [b'{"event": "no such"}'],
    [b'{"event": "join", "id": "a"}'], [b'{"event": "update"}'] * 51,
], ids=lambda lines: lines[0].decode() + str(len(lines)))  # fmt: skip
def test_odd_events_go_one_by_one(lines):
    """Damaged, unknown, too many, or of a run that another process began."""
    assert at_once.list_events(lines) is None
