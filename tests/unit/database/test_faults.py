"""What an error of PostgreSQL or of the way to it means, and the remedy that is told."""

from __future__ import annotations

import psycopg
import pytest

from runlog._database.faults import Fault, fault_of, find_remedy
from runlog._process.notices import Notices


@pytest.mark.parametrize(
    ("state", "fault"),
    [("23514", Fault.ROW), ("22P02", Fault.ROW), ("P0001", Fault.ROW), ("57P01", Fault.OUTAGE),
     ("40001", Fault.OUTAGE), ("53100", Fault.OUTAGE), ("XX000", Fault.OUTAGE), ("28P01", Fault.SETUP),
     ("42P01", Fault.SETUP), ("3D000", Fault.SETUP), ("25006", Fault.OUTAGE), ("57014", Fault.OUTAGE),
     ("53300", Fault.OUTAGE), ("55P03", Fault.OUTAGE), ("55000", Fault.SETUP), ("22P05", Fault.ROW)],
)  # fmt: skip
def test_whose_fault_an_error_is(state, fault):
    """SQLSTATE classes decide between dead letter, retry and a person's help."""
    assert fault_of(psycopg.errors.lookup(state)()) is fault


@pytest.mark.parametrize(
    ("text", "fault", "remedy"),
    [
        ("connection refused", Fault.OUTAGE, None),
        ('password authentication failed for user "app"', Fault.SETUP, "check RUNLOG_DSN"),
        ('FATAL:  database "x" does not exist', Fault.SETUP, "check RUNLOG_DSN"),
        ("FATAL:  no such database: x", Fault.SETUP, "check RUNLOG_DSN"),
        ("FATAL:  sorry, too many clients already", Fault.OUTAGE, "raise max_connections"),
        ('FATAL:  too many connections for role "app"', Fault.OUTAGE, "raise max_connections"),
        ("remaining connection slots are reserved for", Fault.OUTAGE, "use a pooler"),
        ("no more connections allowed (max_client_conn)", Fault.OUTAGE, "use a pooler"),
        (
            "connection failed: FATAL:  Passwort-Authentifizierung für Benutzer »app« fehlgeschlagen",
            Fault.SETUP,
            "check RUNLOG_DSN",
        ),
        (
            "connection failed: FATAL:  Datenbank »x« existiert nicht",
            Fault.SETUP,
            "check RUNLOG_DSN",
        ),
        (
            "connection failed: FATAL:  tut mir leid, schon zu viele Verbindungen",
            Fault.SETUP,
            "max_connections",
        ),
        (
            "connection failed: ВАЖНО:  пользователь не прошёл проверку подлинности",
            Fault.SETUP,
            "check RUNLOG_DSN",
        ),
        ("connection failed: FATAL:  the database system is starting up", Fault.OUTAGE, None),
        (
            "connection failed: FATAL:  terminating connection due to administrator command",
            Fault.OUTAGE,
            None,
        ),
        ("FATAL:  Unable to check out connection from the pool", Fault.OUTAGE, None),
        (
            'server certificate for "localhost" does not match host name "127.0.0.1"',
            Fault.SETUP,
            "check RUNLOG_DSN",
        ),
        ("SSL SYSCALL error: EOF detected", Fault.OUTAGE, None),
        (
            'could not translate host name "nowhere" to address: Name or service not known',
            Fault.OUTAGE,
            "check the host",
        ),
        (
            'connection to server at "2a05::1", port 5432 failed: Network is unreachable',
            Fault.OUTAGE,
            "IPv6",
        ),
        (
            "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally",
            Fault.OUTAGE,
            None,
        ),
    ],
)
def test_what_a_failed_connection_means(text, fault, remedy):
    """Without a SQLSTATE the words of PostgreSQL and of the poolers decide, and lead to the remedy."""
    error = psycopg.OperationalError(text)
    assert fault_of(error) is fault
    told = find_remedy(error)
    assert told is None if remedy is None else remedy in told


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (UnicodeEncodeError("latin-1", "€", 0, 1, "no such character"), Fault.ROW),
        (psycopg.DataError("bad value"), Fault.ROW),
        (psycopg.ProgrammingError("the database address is not understood"), Fault.SETUP),
        (OSError(28, "No space left on device"), Fault.OUTAGE),
    ],
)
def test_errors_of_the_client(error, fault):
    """What the client cannot send is the row's fault, an address that it cannot read is a person's to mend."""
    assert fault_of(error) is fault


def test_a_pooler_that_cannot_log_in():
    """Class 08 is what a pooler answers with whatever its own trouble is: its words decide."""
    refused = psycopg.errors.lookup("08P01")
    assert fault_of(refused("server login failed: FATAL password authentication failed")) is (
        Fault.SETUP
    )
    assert fault_of(refused("server login has been failing, try again later")) is Fault.OUTAGE


@pytest.mark.parametrize(
    ("state", "words"),
    [("25006", "target_session_attrs=read-write"), ("53100", "disk is full"), ("53200", "memory"),
     ("57014", "statement_timeout"), ("55P03", "lock"), ("40P01", "try again"), ("40001", "try again"), ("42P01", "runlog migrate"),
     ("25P04", "transaction_timeout"), ("428C9", "drop expression"), ("42804", "runlog migrate"), ("42883", "runlog migrate"),
     ("42501", "--writer-role"), ("08006", None)],
)  # fmt: skip
def test_the_remedy_of_a_sqlstate(state, words):
    """What a person can do something about says what; what only time mends says nothing."""
    told = find_remedy(psycopg.errors.lookup(state)())
    assert told is None if words is None else words in told


def test_reasons_that_take_turns_are_told_once_each(capsys):
    """However often two reasons of the same failure alternate, each is one line until it is over."""
    notices = Notices()
    for _ in range(3):
        for reason in ("full", "locked"):
            notices.explain("database", "failing", reason, f"failing: {reason}")
        notices.change("database", "failing", "failing: no reason known")
    notices.change("database", "ok", "over")
    notices.explain("database", "failing", "full", "failing: full")
    told = [line.removeprefix("runlog: ") for line in capsys.readouterr().err.splitlines()]
    # What a thread of an earlier test has to say is not meant.
    told = [line for line in told if line.startswith(("failing", "over"))]
    assert told == ["failing: full", "failing: locked", "over", "failing: full"]
