"""The command line is called as people call others: options anywhere, names of scripts, pages in logs."""

import json
import os
import subprocess
import sys
import time as clock
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from kit.rows import add_entry, add_run, ago
from kit.waiting import eventually

from runlog.cli import _times

WIDE = "hubspot-sync-" + "x" * 300


def test_options_may_follow_the_command(runlog, database, monkeypatch, connection):
    """Which database and schema is meant may be said before the command and after it."""
    add_run(connection, "here")
    monkeypatch.setenv("RUNLOG_DSN", "host=127.0.0.1 port=1")
    for words in (["--dsn", database, "runs"], ["runs", "--dsn", database]):
        assert runlog(*words).rows[0][1] == "here"
        monkeypatch.setenv("RUNLOG_DSN", "host=127.0.0.1 port=1")
    said = runlog("cursor", "show", "here", "--dsn", database, "--schema", "elsewhere")
    assert (said.code, "schema 'elsewhere'" in said.err) == (3, True)


def test_a_script_stands_for_its_last_run(runlog, connection):
    """``show`` and ``logs`` take a script's name, a pattern too, and guess at a misspelt one."""
    for days, script in ((3, "sync-a"), (2, "sync-a"), (1, "report")):
        run_id = add_run(connection, script, started_at=ago(days=days))
        add_entry(connection, run_id, f"{script} {days}")
    assert [row[3] for row in runlog("logs", "sync-a").rows] == ["sync-a 2"]
    assert [row[3] for row in runlog("logs", "sync-*").rows] == ["sync-a 2"]
    assert json.loads(runlog("show", "report", "--json").out)["run"]["script_name"] == "report"
    said = runlog("show", "repotr")
    assert said.code == 4
    assert "no run and no script 'repotr', did you mean 'report'?" in said.err


def test_a_piece_of_a_run(runlog, connection):
    """``--since`` and ``--until`` cut a piece out of a run's entries."""
    run_id = add_run(connection)
    for minutes in (50, 30, 10):
        add_entry(connection, run_id, f"{minutes} ago", timestamp=ago(minutes=minutes))

    def messages(*words):
        return [row[3] for row in runlog("logs", "last", *words).rows]

    assert messages("--since", "40min") == ["30 ago", "10 ago"]
    assert messages("--until", "20 minutes ago") == ["50 ago", "30 ago"]
    assert messages("--since", "40min", "--until", "20min", "-n", "5") == ["30 ago"]


@pytest.mark.parametrize("command", ["runs", "errors", "scripts", "stats"])
def test_until_ends_a_period(runlog, connection, command):
    """``--until`` leaves out what began later, in lists and in statistics."""
    for days in (3, 1):
        add_run(connection, f"{days}-days", started_at=ago(days=days), status="error")
    said = runlog(command, "--since", "7d", "--until", "2d", "--json")
    found = json.loads(said.out)
    counted = [row for row in found if row.get("runs", 1)]
    assert len(counted) == 1
    assert "3-days" in json.dumps(counted)


@pytest.mark.parametrize("word", ["warn", "WARNING", "Warn"])
def test_levels_go_by_their_usual_names(runlog, connection, word):
    """``warn`` is WARNING and what is above it; ``critical`` is ERROR."""
    run_id = add_run(connection)
    for level in ("INFO", "WARNING", "ERROR"):
        add_entry(connection, run_id, level, level=level)
    found = [row[1] for row in runlog("logs", "last", "--level", word).rows]
    assert found == ["WARNING", "ERROR"]
    assert [row[1] for row in runlog("logs", "last", "--level", "critical").rows] == ["ERROR"]


def test_filters_of_runs(runlog, connection):
    """Runs are told apart by what started them, mode, batch, host and text."""
    batch = add_run(connection, "a", triggered_by="cron", sync_mode="full", runlog={"host": "w1"})
    connection.execute("update runs set batch_id = id")
    add_run(connection, "b", triggered_by="manual", error_message="Boom", runlog={"host": "w2"})
    for words, expected in (
        (["--by", "cron"], "a"),
        (["--mode", "full"], "a"),
        (["--batch", batch], "a"),
        (["--host", "w2"], "b"),
        (["--grep", "bOOm"], "b"),
    ):
        assert [row[1] for row in runlog("runs", *words).rows] == [expected], words


def test_runs_can_be_followed(shell_env, connection):
    """``runs -f`` prints a line when a run begins and when it ends."""
    run_id = add_run(connection, "first", status="running")
    process = subprocess.Popen(
        [sys.executable, "-m", "runlog", "runs", "-f", "--format", "jsonl"],
        env={**shell_env, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    os.set_blocking(process.stdout.fileno(), False)
    lines = []

    def seen(*expected):
        lines.extend(process.stdout.readlines())
        found = [(row["script_name"], row["state"]) for row in map(json.loads, lines)]
        assert found == list(expected)

    try:
        eventually(lambda: seen(("first", "running")), within=20)
        connection.execute("update runs set status = 'success' where id = %s", [run_id])
        expected = ("first", "running"), ("first", "success")
        eventually(lambda: seen(*expected), within=20)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_pages_are_read_when_piped(runlog, connection):
    """``show`` and ``doctor`` are text for people also in a pipe, such as the log of a workflow."""
    run_id = add_run(connection, "sync", status="error")
    add_entry(connection, run_id, "it broke", level="ERROR", step="LOAD")
    said = runlog("show")
    assert said.out.startswith("sync  error  10.0 s\n  run ")
    assert "it broke" in said.out
    assert "CHECK  " in runlog("doctor").out
    assert runlog("show", "--format", "tsv").header[0] == "id"


def test_the_format_of_the_environment(runlog, connection, monkeypatch):
    """``RUNLOG_FORMAT`` chooses for all commands, an option wins, and nonsense is told."""
    add_run(connection, "sync")
    monkeypatch.setenv("RUNLOG_FORMAT", "table")
    assert runlog("runs").out.startswith("RUN ")
    assert "sync," in runlog("runs", "--csv").out
    assert "RUNLOG_FORMAT means nothing" not in runlog("doctor").out
    monkeypatch.setenv("RUNLOG_FORMAT", "yaml")
    said = runlog("runs")
    assert (said.code, "RUNLOG_FORMAT='yaml' is no format" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["prune", "--older-than", "30d", "--dry-run"], "entries"),
        (["close", "last", "--force"], "closed"),
        (["cursor", "set", "sync", "24h"], "moment"),
        (["migrate"], "done"),
        (["embedded", "status"], "running"),
    ],
)
def test_what_was_done_can_be_read_by_programs(runlog, connection, words, name):
    """Commands that do something tell it in sentences, or with ``--json`` and ``--csv`` as rows."""
    add_run(connection, status="running")
    (row,) = json.loads(runlog(*words, "--json").out)
    assert name in row
    assert name in runlog(*words, "--csv").out.splitlines()[0]


def test_help_explains_a_command(runlog):
    """``help COMMAND`` is ``COMMAND --help``; the commands are in groups."""
    assert runlog("help", "runs").out == runlog("runs", "--help").out
    assert runlog("help", "cursor", "set").out == runlog("cursor", "set", "--help").out
    listed = runlog("help").out
    assert [word for word in ("Ask:", "Run:", "Care for:") if word not in listed] == []


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_any_encoding_shows_any_text(shell_env, connection, encoding):
    """Where stdout knows few letters, the others are shown by their number, and JSON stays JSON."""
    run_id = add_run(connection, "sync ✓")
    add_entry(connection, run_id, "fine ✓ — 😀 é", level="ERROR")
    for words in (["logs", "last"], ["errors"], ["show"], ["runs", "--csv"]):
        code, out, err = in_encoding(shell_env, encoding, words)
        assert (code, err) == (0, b""), words
        # click takes ASCII for a terminal that was not told that it knows more.
        shown = out.decode("utf-8" if encoding == "ascii" else encoding)
        assert "\\u2713" in shown or (encoding == "ascii" and "✓" in shown)
    code, out, _ = in_encoding(shell_env, encoding, ["logs", "last", "--json"])
    assert code == 0
    assert json.loads(out.decode("ascii"))[0]["message"] == "fine ✓ — 😀 é"


def in_encoding(env, encoding, words):
    """What a command says on a stdout of this encoding, in bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "runlog", *words],
        env={**env, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_full_disk_is_one_line(shell_env, connection):
    """Output that cannot be written is told in one line, and the exit code says so."""
    add_run(connection)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "runlog", "runs"],
            env=shell_env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "No space left" in done.stderr


def test_shells_complete_scripts_and_runs(shell_env, connection):
    """A shell that asks gets the names of scripts and the ids of runs; without a database nothing."""
    run_id = add_run(connection, "sync-orders")

    def complete(words, **env):
        position = str(len(words.split(" ")) - 1)
        env = {**shell_env, "_RUNLOG_COMPLETE": "bash_complete", "COMP_WORDS": words,
               "COMP_CWORD": position, **env}  # fmt: skip
        code = "import sys; sys.argv[0] = 'runlog'; from runlog.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=False, timeout=60
        )
        assert done.stderr == b""
        return done.stdout.decode().split()

    assert complete("runlog runs --script sync") == ["plain,sync-orders"]
    assert complete("runlog stats sy") == ["plain,sync-orders"]
    assert complete("runlog show la") == ["plain,last"]
    assert complete(f"runlog logs {str(run_id)[:5]}") == [f"plain,{run_id}"]
    assert complete("runlog runs --script sync", RUNLOG_DSN="host=127.0.0.1 port=1") == []


@pytest.mark.parametrize(
    ("today", "word", "offset"),
    [
        (date(2026, 10, 25), "today", 2),
        (date(2026, 10, 26), "yesterday", 2),
        (date(2026, 10, 26), "today", 1),
        (date(2026, 3, 29), "today", 1),
        (date(2026, 3, 30), "yesterday", 1),
        (date(2026, 3, 30), "today", 2),
    ],
)
def test_a_day_begins_at_its_own_midnight(monkeypatch, today, word, offset):
    """On days of a clock change ``today`` and ``yesterday`` begin when that day's clock said midnight."""

    class Today(date):
        @classmethod
        def today(cls):
            return today

    monkeypatch.setattr(_times, "date", Today)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    clock.tzset()
    try:
        found = _times.SINCE.convert(word, None, None)
    finally:
        monkeypatch.delenv("TZ")
        clock.tzset()
    day = today - timedelta(days=word == "yesterday")
    zone = timezone(timedelta(hours=offset))
    assert found == datetime(day.year, day.month, day.day, tzinfo=zone)
