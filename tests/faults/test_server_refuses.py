"""The server is there and refuses: read-only, locked out, full, without its tables, rights or room.

Each time the script logs on, all of it waits in the spool, one line names the remedy, and once
somebody has mended the cause everything is delivered in order, without a restart of the script.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import psycopg
import pytest
from kit.recording import messages, numbered, run_row
from kit.servers import DATABASE, PASSWORD, ROLE
from kit.waiting import eventually

from runlog._delivery import complaints

pytestmark = pytest.mark.guarantee("outage", "exactly-once")


@pytest.fixture(autouse=True)
def _rush_hour(monkeypatch):
    """A server whose connections are all taken is told of at once, and not after a while."""
    monkeypatch.setattr(complaints, "_PASSING_SECONDS", 0.0)


def differences(logged, stored):
    """The counts that ``evidence`` takes."""
    return {
        "entries": len(logged),
        "lost": len(set(logged) - set(stored)),
        "doubled": len(stored) - len(set(stored)),
    }


class Outage:
    """The story that all of these share, told once: before, during, after."""

    def __init__(self, made, capsys):
        self.made = made
        self.capsys = capsys
        self.told = ""
        made.log_many(50, "before")
        assert made.recorder.flush(10)

    def lasts(self, *words, during=3000, room=0):
        """Log while it lasts; each of ``words`` is told, nothing is lost, and no more than ``room`` gets through."""
        self.made.log_many(during, "during")

        def is_told():
            self.told += self.capsys.readouterr().err
            assert all(word in self.told for word in words), self.told

        eventually(is_told, 30)
        # Several tries more: nothing further is said.
        assert not self.made.recorder.flush(0.3)
        assert during - room <= self.made.stats().waiting <= during
        assert self.made.is_lawful()
        assert PASSWORD not in self.told

    def is_over(self):
        """Log on, and wait until all is delivered; return what was said in all, line by line."""
        self.made.log_many(50, "after")

        def is_delivered():
            assert self.made.recorder.flush(5)

        eventually(is_delivered, 30)
        assert self.made.is_lawful()
        assert self.made.stats().waiting == self.made.stats().dead_letters == 0

        def is_told():
            # A flush is over with its entries, the pass a little later.
            self.told += self.capsys.readouterr().err
            assert "answers again" in self.told

        eventually(is_told)
        # A session that was in the middle of a statement says first that it was ended.
        lines = [it for it in self.told.splitlines() if "terminating connection" not in it]
        assert len(lines) == 2, lines
        assert "answers again" in lines[1]
        return lines


@dataclass(frozen=True)
class Refusal:
    """Two statements of a superuser, and what stderr has to say in between."""

    breaks: str
    mends: str
    words: tuple[str, ...]


REFUSALS = {
    "another password": Refusal(
        f"alter role {ROLE} password 'second'",
        f"alter role {ROLE} password '{PASSWORD}'",
        ("password authentication failed", "check RUNLOG_DSN (address, role, password"),
    ),
    "no login": Refusal(
        f"alter role {ROLE} nologin",
        f"alter role {ROLE} login",
        ("is not permitted to log in", "check RUNLOG_DSN"),
    ),
    "no connection for the role": Refusal(
        f"alter role {ROLE} connection limit 0",
        f"alter role {ROLE} connection limit -1",
        ("too many connections for role", "raise max_connections or use a pooler"),
    ),
    "table renamed": Refusal(
        "alter table logs rename to elsewhere",
        "alter table elsewhere rename to logs",
        ('relation "public.logs" does not exist', 'run "runlog migrate"'),
    ),
    "right revoked": Refusal(
        f"revoke insert on logs from {ROLE}",
        f"grant insert on logs to {ROLE}",
        ("permission denied", 'run "runlog migrate --writer-role <role>"'),
    ),
    "read-only role": Refusal(
        f"alter role {ROLE} set default_transaction_read_only = on",
        f"alter role {ROLE} reset default_transaction_read_only",
        ("read-only transaction", "name the primary in RUNLOG_DSN"),
    ),
    "read-only server": Refusal(
        "alter system set default_transaction_read_only = on; select pg_reload_conf()",
        "alter system reset default_transaction_read_only; select pg_reload_conf()",
        ("read-only transaction", "name the primary in RUNLOG_DSN"),
    ),
}


def run_one_by_one(server, statements):
    with server.connect() as admin:
        admin.execute("set default_transaction_read_only = off")
        for statement in statements.split("; "):
            admin.execute(statement)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_holds_everything_back_until_it_is_mended(
    recording, server, capsys, evidence, name
):
    """Credentials, limits, tables, rights or a read-only server: all waits, the remedy is told once, then all is delivered."""
    refusal = REFUSALS[name]
    made = recording(server.dsn)
    outage = Outage(made, capsys)
    run_one_by_one(server, refusal.breaks)
    # Passwords, limits and a role's settings are looked at when a session begins.
    server.kill_writers()
    outage.lasts(*refusal.words)
    run_one_by_one(server, refusal.mends)
    outage.is_over()
    with server.connect() as connection:
        stored = messages(connection)
    logged = [*numbered(50, "before"), *numbered(3000, "during"), *numbered(50, "after")]
    assert stored == logged
    evidence(refusals=1, **differences(logged, stored))


def test_all_connections_are_taken(recording, server, capsys, evidence):
    """Others hold every connection that there is: entries wait, and get through when one is free."""
    made = recording(server.dsn)
    outage = Outage(made, capsys)
    others = []

    def take_all():
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                others.append(psycopg.connect(server.dsn))

    take_all()
    server.kill_writers()
    take_all()
    outage.lasts("raise max_connections or use a pooler")
    for other in others:
        other.close()
    outage.is_over()
    with server.connect() as connection:
        stored = messages(connection)
    logged = [*numbered(50, "before"), *numbered(3000, "during"), *numbered(50, "after")]
    assert stored == logged
    evidence(refusals=1, **differences(logged, stored))


@pytest.mark.parametrize("during", [500, 12_000], ids=["insert", "copy"])
def test_the_disk_of_the_server_is_full(recording, server, small_disk, capsys, evidence, during):
    """No room for another page (53100): entries wait, the reason is told, and room makes it go on."""
    server.execute("alter table logs set tablespace small")
    made = recording(server.dsn, flush_interval=0.2)
    outage = Outage(made, capsys)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    # The last page of the table may have room for a few.
    outage.lasts("could not extend file", "the server's disk is full", during=during, room=60)
    filler.unlink()
    outage.is_over()
    with server.connect() as connection:
        stored = messages(connection)
    logged = [*numbered(50, "before"), *numbered(during, "during"), *numbered(50, "after")]
    assert stored == logged
    evidence(refusals=1, **differences(logged, stored))


def test_the_database_is_dropped_and_made_again(recording, server, capsys, evidence):
    """A new empty database in place of the old one gets the run's row and all that waited (3D000)."""
    made = recording(server.dsn)
    outage = Outage(made, capsys)
    server.execute(f"drop database {DATABASE} with (force)", database="postgres")
    outage.lasts(f'database "{DATABASE}" does not exist', "check RUNLOG_DSN")
    server.create_database()
    outage.is_over()
    made.finish()
    assert made.close()
    with server.connect() as connection:
        stored = messages(connection, made.run.id_text)
        assert run_row(connection, made.run.id_text, "status") == "success"
    logged = [*numbered(3000, "during"), *numbered(50, "after")]
    assert stored == logged
    evidence(refusals=1, **differences(logged, stored))


def test_a_run_ends_while_its_tables_are_away(recording, server, evidence):
    """The tables are dropped, the run ends, the tables are made anew: its row, its end and what waited are there."""
    made = recording(server.dsn)
    made.log_many(50, "before")
    assert made.recorder.flush(10)
    server.execute("drop table logs, runs cascade")
    made.log_many(50, "during")
    assert not made.recorder.flush(0.3)
    made.finish()
    server.create_database()
    assert made.close()
    with server.connect() as connection:
        stored = messages(connection, made.run.id_text)
        assert run_row(connection, made.run.id_text, "status") == "success"
    assert stored == numbered(50, "during")
    assert made.is_lawful()
    evidence(refusals=1, **differences(numbered(50, "during"), stored))


def test_another_database_between_two_batches(recording, server, capsys, evidence):
    """The database is replaced by an empty one before anything noticed: its run gets its row again, silently."""
    made = recording(server.dsn)
    made.log_many(50, "before")
    assert made.recorder.flush(10)
    # No pass begins meanwhile, however long the server takes.
    with made.recorder._shipper._passing:
        server.create_database()
    made.log_many(50, "after")
    assert made.recorder.flush(10)
    made.finish()
    assert made.close()
    with server.connect() as connection:
        stored = messages(connection, made.run.id_text)
        assert run_row(connection, made.run.id_text, "status") == "success"
    assert stored == numbered(50, "after")
    assert made.stats().dead_letters == 0
    assert made.is_lawful()
    assert capsys.readouterr().err == ""
    evidence(refusals=1, **differences(numbered(50, "after"), stored))
