"""``runlog watch``, ``check`` and ``alerts``: what they print, how they end, what they change."""

from __future__ import annotations

import json
import signal

import pytest
from kit.rows import add_entry, add_run, ago
from kit.waiting import eventually

FAILED = {"status": "error", "error_message": "ValueError: no contact"}


def test_watch_once_tells_and_ends_with_0(runlog, connection, told):
    """What was found and sent is printed; the second look finds nothing new."""
    add_run(connection, **FAILED)
    said = runlog("watch", "--once")
    assert (said.code, said.out.splitlines()) == (0, ["opened: sync failed", "told: 1", "sent: 1"])
    assert told() == ["✖ sync failed"]
    assert runlog("watch", "--once").out == ""
    assert len(told()) == 1


def test_watch_once_ends_with_1_when_something_cannot_be_delivered(
    runlog, connection, told, http_sink
):
    """The reason is on stderr."""
    http_sink.answers = [404]
    add_run(connection, **FAILED)
    said = runlog("watch", "--once")
    assert (said.code, said.err) == (1, "runlog: ops: HTTP 404\n")


def test_watch_says_that_nobody_is_told(runlog, connection):
    """Without channels incidents are kept, and one line says so."""
    add_run(connection, **FAILED)
    said = runlog("watch", "--once")
    assert said.code == 0
    assert "RUNLOG_ALERT_URLS is not set: nobody is told" in said.err


def test_watch_dry_run_changes_nothing(runlog, connection, told):
    """It prints what it would do."""
    add_run(connection, **FAILED)
    said = runlog("watch", "--dry-run")
    assert said.out.splitlines() == ["would be opened: sync failed", "would be told: 1"]
    assert told() == []
    assert connection.execute("select count(*) from runlog_incidents").fetchone() == (0,)


def test_watch_hides_secrets_that_another_program_wrote(runlog, connection, told, http_sink):
    """The error of a row is redacted once more before it goes out."""
    add_run(connection, status="error", error_message="postgres://u:hunter2secret@h/d is away")
    runlog("watch", "--once")
    assert "hunter2secret" not in json.dumps(http_sink.documents())


def test_watch_without_a_database_ends_with_3(runlog, monkeypatch, told):
    """Three looks within five minutes are no outage yet; nobody is told."""
    monkeypatch.setenv("RUNLOG_DSN", "postgresql://u@127.0.0.1:1/none")
    for _ in range(3):
        assert runlog("watch", "--once").code == 3
    assert told() == []


def test_an_outage_of_the_database_is_told_once_and_its_end(runlog, monkeypatch, told, database):
    """After five minutes, directly, since there is no outbox; kept between looks in a file."""
    import time

    real, ahead = time.time, [0.0]
    monkeypatch.setattr("runlog.alerts._watch._clock", lambda: real() + ahead[0])
    monkeypatch.setenv("RUNLOG_DSN", "postgresql://u@127.0.0.1:1/none")
    for minutes in (0, 3, 6, 9):
        ahead[0] = 60.0 * minutes
        runlog("watch", "--once")
    assert len(told()) == 1
    assert told()[0].startswith("✖ the database cannot be reached since ")
    monkeypatch.setenv("RUNLOG_DSN", database)
    assert runlog("watch", "--once").code == 0
    assert told()[1:] == ["✔ the database answers again"]


def test_watch_needs_the_tables(runlog, connection):
    """Where they are missing the remedy is named, and the check that needs none."""
    connection.execute("create schema bare")
    connection.execute("create table bare.runs (like runs); create table bare.logs (like logs)")
    try:
        said = runlog("--schema", "bare", "watch", "--once")
        assert said.code == 3
        assert "the alert tables are missing in schema 'bare'; run \"runlog migrate\"" in said.err
        assert runlog("--schema", "bare", "check").code == 0
    finally:
        connection.execute("drop schema bare cascade")


def test_a_bad_file_is_an_error_that_names_the_line(runlog, tmp_path):
    """Usage, and nothing is looked at."""
    path = tmp_path / "runlog.toml"
    path.write_text('[scripts."hubspot-*"]\nschedule = "@daily"\n')
    said = runlog("watch", "--once", "--config", path)
    assert said.code == 2
    assert 'runlog.toml:2: [scripts."hubspot-*"]: a schedule is one script\'s' in said.err


def test_watch_goes_on_until_it_is_told_to_end(connection, http_sink, commands):
    """A service: looks again and again, ends well with SIGTERM."""
    env = {"RUNLOG_ALERT_URLS": http_sink.webhook}
    process = commands.start("watch", "--every", "1s", "--name", "service", env=env)
    add_run(connection, **FAILED)

    def is_told():
        assert len(http_sink.documents()) == 1

    eventually(is_told, 20)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_ping_that_does_not_arrive_is_told(runlog, http_sink):
    """The look is well all the same; an address that is none is a mistake, and is not repeated."""
    http_sink.answers = [404]
    said = runlog("watch", "--once", "--ping", f"{http_sink.url}/secret")
    assert said.code == 0
    assert "the ping did not arrive: HTTP Error 404" in said.err
    for wrong in ("hc-ping.com/secret", "file:///secret"):
        said = runlog("watch", "--once", "--ping", wrong)
        assert said.code == 2
        assert "write https://host/path" in said.err
        assert "secret" not in said.err


def test_a_ping_after_each_look(runlog, connection, http_sink, told):
    """Well: the address itself; not well: /fail with the reason."""
    runlog("watch", "--once", "--ping", f"{http_sink.url}/ping")
    http_sink.answers = [404, 200]
    add_run(connection, **FAILED)
    runlog("watch", "--once", "--ping", f"{http_sink.url}/ping")
    paths = [path for path, _, _ in http_sink.requests]
    assert paths == ["/ping", "/hook", "/ping/fail"]
    assert http_sink.requests[-1][2] == b"ops: HTTP 404"


def test_check_by_exit_code(runlog, connection):
    """0 and a word when all is well; 1 and what is bad when not; JSON for programs."""
    add_run(connection, "fine")
    said = runlog("check")
    assert (said.code, said.out) == (0, "all is well: 1 script\n")
    add_run(connection, "sync", **FAILED)
    said = runlog("check", "--json")
    assert said.code == 1
    [bad] = json.loads(said.out)
    assert (bad["script_name"], bad["says"]) == ("sync", "sync failed")


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        ([{}], 0, "RUNLOG OK - 1 script is well | scripts=1 bad=0\n"),
        ([{"records_fetched": 9, "records_failed": 9}], 1, "RUNLOG WARNING - sync left 9 of 9 records behind | scripts=1 bad=1\n"),
        ([FAILED], 2, "RUNLOG CRITICAL - sync failed | scripts=1 bad=1\n"),
    ],
)  # fmt: skip
def test_check_in_the_words_of_nagios(runlog, connection, rows, code, line):
    """One line, and 0, 1, 2."""
    for columns in rows:
        add_run(connection, **columns)
    said = runlog("check", "--nagios")
    assert (said.code, said.out) == (code, line)


def test_check_without_an_answer_is_unknown_to_nagios(runlog, monkeypatch):
    """3, in one line without the password."""
    monkeypatch.setenv("RUNLOG_DSN", "postgresql://u:pa55word@127.0.0.1:1/none")
    said = runlog("check", "--nagios")
    assert said.code == 3
    assert said.out.startswith("RUNLOG UNKNOWN - ")
    assert "pa55word" not in said.out + said.err
    assert len(said.out.splitlines()) == 1


def test_check_the_age_of_a_success(runlog, connection):
    """SCRIPT --max-age needs no declaration; without SCRIPT it is a mistake."""
    add_run(connection, started_at=ago(hours=30))
    assert runlog("check", "sync", "--max-age", "26h").code == 1
    assert runlog("check", "sync", "--max-age", "2d").code == 0
    assert runlog("check", "--max-age", "26h").code == 2


def test_alerts_list_and_show(runlog, connection, told):
    """What is open, who watches, whom it was told; one incident with all that is known."""
    run = add_run(connection, **FAILED)
    runlog("watch", "--once", "--name", "me@here")
    said = runlog("alerts", "list", "--format", "table")
    assert "sync failed" in said.out
    assert "watched by me@here" in said.out
    assert "channel ops takes messages" in said.out
    [row] = json.loads(runlog("alerts", "list", "--json").out)
    assert (row["rule"], row["told_to"], row["run_id"]) == ("failed", ["ops"], str(run))
    shown = runlog("alerts", "show", row["id"][:8], "--format", "table")
    assert "ValueError: no contact" in shown.out
    assert "opened to ops: sent" in shown.out
    assert runlog("alerts", "show", "0000").code == 4


def test_alerts_says_that_nobody_watches(runlog, connection):
    """Nobody looked yet, or not for long."""
    assert "nobody watches" in runlog("alerts", "list", "--format", "table").out


def test_acknowledge_and_close(runlog, connection, told):
    """Who did it is kept; what is over cannot be acknowledged; the end is told."""
    add_run(connection, **FAILED)
    runlog("watch", "--once")
    [row] = json.loads(runlog("alerts", "list", "--json").out)
    assert runlog("alerts", "ack", row["id"]).code == 0
    assert runlog("alerts", "close", row["id"]).code == 0
    assert runlog("alerts", "ack", row["id"]).code == 4
    runlog("watch", "--once")
    assert told() == ["✖ sync failed", "✔ sync: failed was closed by hand"]
    [row] = json.loads(runlog("alerts", "history", "--json").out)
    assert row["resolution"] == "closed"
    assert "@" in row["acknowledged_by"]


def test_mute_and_unmute(runlog, connection, told):
    """Muted is not told; taken back it is, once."""
    assert runlog("alerts", "mute", "sy*", "--for", "2h", "--reason", "move").code == 0
    add_run(connection, **FAILED)
    runlog("watch", "--once")
    assert told() == []
    listed = runlog("alerts", "list", "--format", "table").out
    assert "sy* *" in listed
    assert "move" in listed
    assert runlog("alerts", "unmute", "sy*").code == 0
    assert runlog("alerts", "unmute", "sy*").code == 4
    runlog("watch", "--once")
    assert told() == ["✖ sync failed"]


def test_pause_resume_and_retire(runlog, connection, told):
    """Paused nothing is expected; resumed it is from now on; retired it is gone from all of it."""
    expects = {"fresh": "1h"}
    add_run(connection, started_at=ago(hours=3), runlog={"expects": expects})
    assert runlog("alerts", "pause", "sync").code == 0
    runlog("watch", "--once")
    assert told() == []
    assert "paused: sync" in runlog("alerts", "list", "--format", "table").out
    assert runlog("alerts", "resume", "sync").code == 0
    assert runlog("alerts", "resume", "sync").code == 4
    runlog("watch", "--once")
    assert told() == ["✖ sync has not succeeded for 2 h 59 min"]
    assert runlog("alerts", "retire", "sync").code == 0
    runlog("watch", "--once")
    assert json.loads(runlog("alerts", "list", "--json").out) == []


def test_alerts_rules(runlog, connection, tmp_path):
    """Each rule with its value, where that comes from, and how it stands now."""
    path = tmp_path / "runlog.toml"
    path.write_text('[scripts."sy*"]\npartial = {threshold = 0.05}\n')
    add_run(connection, runlog={"expects": {"fresh": "1h"}}, records_fetched=100, records_failed=6)
    rows = json.loads(runlog("alerts", "rules", "sync", "--config", path, "--json").out)
    told = {row["rule"]: (row["state"], row["threshold"], row["origin"]) for row in rows}
    assert told["stale"] == ("good", 3600, "code")
    assert told["partial"] == ("bad", 0.05, 'file: [scripts."sy*"]')
    assert told["failed"] == ("good", None, "default")
    assert told["new_error"][0] == "by watchers"
    assert runlog("alerts", "rules", "nobody").code == 4


def test_alerts_test(runlog, connection, told, http_sink):
    """A real message to each channel, and what it answers."""
    add_run(connection)
    said = runlog("alerts", "test", "--script", "sync")
    assert (said.code, said.out) == (0, "ops: sent\n")
    assert http_sink.documents()[0]["kind"] == "test"
    http_sink.answers = [403]
    assert runlog("alerts", "test").code == 1
    assert runlog("alerts", "test", "--channel", "nobody").code == 4


def test_what_a_script_asked_is_told(runlog, connection, told):
    """An entry of step ALERT, from any program."""
    add_entry(connection, add_run(connection), "Only 3 left", step="ALERT", level="WARNING")
    runlog("watch", "--once")
    assert told() == ["⚠ sync: Only 3 left"]
