"""The page of alerts, "nobody watches" in the header, missed and late on the first page."""

from __future__ import annotations

import pytest
from kit.rows import add_entry, add_run, ago
from kit.scenes import Scene

from runlog.dashboard import _watching


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    """No answer is kept between two pages."""
    monkeypatch.setattr(_watching, "_KEPT_SECONDS", 0.0)


def look(connection):
    Scene(connection).look(None)


def due(connection, due_at, overdue_at):
    """Let a watcher have found out that the script is due."""
    connection.execute(
        "insert into runlog_scripts (script_name, schedule, next_due_at, overdue_at)"
        " values ('sync', 'every 1h', %s, %s)",
        (due_at, overdue_at),
    )


def test_what_is_open_and_who_watches(client, connection):
    """An incident with its error and whom it was told; who looked; JSON and CSV of the same."""
    add_run(connection, status="error", error_message="<b>no</b> contact")
    look(connection)
    text = client.get("/alerts").text
    assert "1 incident open" in text
    assert "sync failed" in text
    assert "&lt;b&gt;no&lt;/b&gt; contact" in text
    assert "watcher looked" in text
    assert "channel chat took a message" in text
    [row] = client.get("/alerts.json").json()["incidents"]
    assert (row["rule"], row["told_to"]) == ("failed", ["chat"])
    assert "failed" in client.get("/alerts.csv").text


def test_what_is_over(client, connection):
    """Its end, and how."""
    add_run(connection, status="error", started_at=ago(minutes=5))
    look(connection)
    add_run(connection)
    look(connection)
    text = client.get("/alerts").text
    assert "Nothing is open" in text
    assert "recovered" in text


@pytest.mark.parametrize("path", ["/", "/runs", "/alerts"])
def test_the_header_says_when_nobody_watches(client, connection, path):
    """When somebody has watched and nobody has for an hour; to who never set it up, not a word."""
    add_run(connection)
    assert "nobody watches" not in client.get(path).text
    assert "k-failed" not in client.get("/alerts").text
    look(connection)
    assert "nobody watches" not in client.get(path).text
    connection.execute("update runlog_watchers set evaluated_at = now() - interval '2 h'")
    assert "nobody watches" in client.get(path).text


def test_the_header_says_when_nobody_watches_what_is_expected(client, connection):
    """A script that declares what it expects waits for a watcher, until one looks."""
    expects = {"expects": {"schedule": "every 1h"}}
    add_run(connection, runlog=expects, started_at=ago(hours=2))
    add_run(connection)
    assert "nobody watches" in client.get("/").text
    look(connection)
    assert "nobody watches" not in client.get("/").text


def test_missed_and_late_are_on_the_first_page(client, connection):
    """A script that did not start needs attention, unless it has started since anybody looked."""
    add_run(connection, started_at=ago(hours=2))
    due(connection, ago(hours=1), ago(minutes=50))
    assert "missed" in client.get("/").text
    [concern] = client.get("/overview.json").json()["concerns"]
    assert concern["word"] == "missed"
    assert concern["cause"].endswith(": every 1h")
    add_run(connection, started_at=ago(seconds=5))
    assert client.get("/overview.json").json()["concerns"] == []


def test_a_run_that_went_on_over_its_next_slot_is_not_missed(client, connection):
    """Also before a watcher has looked again."""
    add_run(connection, started_at=ago(hours=2), finished_at=ago(minutes=5))
    due(connection, ago(hours=1), ago(minutes=50))
    assert client.get("/overview.json").json()["concerns"] == []


def test_late_within_the_grace(client, connection):
    """Not missed yet, and told as late."""
    add_run(connection, started_at=ago(minutes=65))
    due(connection, ago(minutes=5), ago(minutes=-25))
    [concern] = client.get("/overview.json").json()["concerns"]
    assert concern["word"] == "late"
    assert "late" in client.get("/alerts").text


def test_without_the_tables_nothing_is_said(client, connection):
    """Where nobody migrated for alerts, the page says how, and the header nothing."""
    add_run(connection)
    connection.execute("alter table runlog_watchers rename to away")
    try:
        assert "No alerts here yet" in client.get("/alerts").text
        assert "nobody watches" not in client.get("/").text
    finally:
        connection.execute("alter table away rename to runlog_watchers")


def test_hostile_text_of_alerts_stays_text(client, connection):
    """Names, errors and asked texts make no element."""
    hostile = "<img src=x onerror=alert(1)>"
    run = add_run(connection, hostile, status="error", error_message=hostile)
    add_entry(connection, run, hostile, step="ALERT", level="WARNING")
    look(connection)
    connection.execute("insert into runlog_mutes (scripts, reason) values (%s, %s)", (hostile,) * 2)
    assert "<img" not in client.get("/alerts").text
