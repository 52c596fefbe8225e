"""``logs -f`` and ``tail``: entries as they arrive, from several processes."""

import signal
import subprocess
import sys

import psycopg
import pytest
from kit.rows import add_entry, add_run, ago, now
from kit.waiting import eventually

from runlog import queries
from runlog._database import reading
from runlog.cli import entries
from runlog.queries import _following


@pytest.fixture
def follow(shell_env, tmp_path):
    """Start a command that follows; it is ended with the test."""
    started = []

    def start(*args):
        out, err = (tmp_path / name for name in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "runlog", *args], env=shell_env, stdout=stdout, stderr=stderr
            )
        started.append(process)
        process.read = lambda: [line.split("\t") for line in out.read_text().splitlines()]
        process.errors = err.read_text
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def column(process, place):
    return [row[place] for row in process.read()[1:]]


def see(process, *messages):
    def seen():
        assert column(process, 3) == list(messages), process.errors()

    eventually(seen, within=20)


def test_logs_follow_ends_with_the_run(follow, connection):
    """What is there comes first, then what arrives, late and out of order, until the run ends."""
    run_id = add_run(connection, status="running")
    add_entry(connection, run_id, "first", timestamp=ago(seconds=20))
    process = follow("logs", "last", "-f")
    see(process, "first")
    add_entry(connection, run_id, "new")
    see(process, "first", "new")
    # Another process of the run delivers later what it logged earlier.
    add_entry(connection, run_id, "late", timestamp=ago(seconds=10))
    see(process, "first", "new", "late")
    connection.execute("update runs set status = 'success', finished_at = now()")
    add_entry(connection, run_id, "last words", timestamp=now())
    assert process.wait(timeout=30) == 0
    see(process, "first", "new", "late", "last words")


def test_logs_follow_of_an_ended_run_ends(follow, connection):
    """A run that has ended is printed, and that is all."""
    run_id = add_run(connection)
    for number in range(3):
        add_entry(connection, run_id, f"entry {number}")
    process = follow("logs", str(run_id), "-f")
    assert process.wait(timeout=30) == 0
    see(process, "entry 0", "entry 1", "entry 2")


def test_tail_follows_every_script(follow, connection):
    """Without a script all are followed, beginning with the newest; a signal ends it with 130."""
    runs = [add_run(connection, script, status="running") for script in ("a", "b")]
    for number in range(4):
        add_entry(connection, runs[number % 2], f"old {number}", timestamp=ago(seconds=60 - number))
    process = follow("tail", "-n", "2")
    see(process, "old 2", "old 3")
    for number in range(4):
        add_entry(connection, runs[number % 2], f"new {number}")
    see(process, "old 2", "old 3", "new 0", "new 1", "new 2", "new 3")
    assert column(process, -1) == ["a", "b", "a", "b", "a", "b"]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert "Traceback" not in process.errors()


@pytest.mark.parametrize("command", [["tail"], ["logs", "last", "-f"]])
def test_whoever_follows_is_told_how_far_runs_are(follow, connection, command):
    """Those that run now and tell it, each in a line beside the entries, and again when it changes."""
    told = {"what": "deals", "done": 40, "total": 150}
    run_id = add_run(connection, status="running", runlog={"progress": told})
    add_entry(connection, run_id, "first")
    process = follow(*command)
    see(process, "first")

    def told_last(words):
        lines = process.errors().splitlines()
        assert lines, "nothing was told"
        assert lines[-1].startswith("runlog: sync, running for ")
        assert lines[-1].endswith(words)
        return len(lines)

    eventually(lambda: told_last(": deals: 40 of 150"), within=20)
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,progress,done}', '90')"
    )
    eventually(lambda: told_last(": deals: 90 of 150"), within=30)
    assert told_last(": deals: 90 of 150") == 2


def test_tail_of_some(follow, connection):
    """A pattern of scripts and a level choose what is followed."""
    runs = {
        script: add_run(connection, script, status="running") for script in ("sync-a", "report")
    }
    process = follow("tail", "sync-*", "--level", "WARNING")
    eventually(lambda: process.read()[0], within=20) if process.read() else None
    add_entry(connection, runs["sync-a"], "quiet")
    add_entry(connection, runs["report"], "loud elsewhere", level="ERROR")
    add_entry(connection, runs["sync-a"], "loud", level="ERROR")
    see(process, "loud")


def test_following_survives_a_lost_connection(follow, connection):
    """When the server ends the connection, following says so and goes on without a gap."""
    run_id = add_run(connection, status="running")
    add_entry(connection, run_id, "before")
    process = follow("logs", "last", "-f")
    see(process, "before")
    connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    add_entry(connection, run_id, "after")
    see(process, "before", "after")
    assert "the database answers again" in process.errors()


@pytest.mark.parametrize("question", range(6))
def test_following_survives_a_lost_connection_at_any_question(
    connection, proxy, monkeypatch, question
):
    """Whichever question meets a lost connection, also the first after what was printed: no gap, nothing twice."""
    monkeypatch.setattr(_following, "_POLL_SECONDS", 0.01)
    run_id = add_run(connection, status="running")
    add_entry(connection, run_id, "before", timestamp=ago(seconds=2))
    asked = iter(range(100))
    with psycopg.connect(proxy.conninfo, autocommit=True, prepare_threshold=None) as reader:
        run = queries.find_run(reader, run_id=run_id)
        shown = queries.entries_of_run(reader, run_id=run_id)
        # Another process of the run delivers later what it logged earlier.
        add_entry(connection, run_id, "late", timestamp=ago(seconds=1))
        add_entry(connection, run_id, "after")
        connection.execute("update runs set status = 'success', finished_at = now()")
        proxy.cut_before_commit(lambda sql: "select" in sql.lower() and next(asked) == question)
        told = []
        followed = _following.follow_run(reader, run, {}, shown, told.append)
        assert [entry.message for entry in followed] == ["late", "after"]
    assert proxy.counters.cuts == 1
    assert told[-1] == "the database answers again"


def test_tail_survives_a_connection_lost_at_first(connection, proxy, monkeypatch):
    """Also where all scripts are followed nothing is asked before it can be asked again."""
    monkeypatch.setattr(_following, "_POLL_SECONDS", 0.01)
    run_id = add_run(connection, status="running")
    add_entry(connection, run_id, "before")
    with psycopg.connect(proxy.conninfo, autocommit=True, prepare_threshold=None) as reader:
        shown = queries.search_entries(reader)
        add_entry(connection, run_id, "after")
        proxy.cut_before_commit(lambda sql: "select" in sql.lower())
        told = []
        start = shown[-1].timestamp
        followed = _following.follow_all(reader, start, {}, shown, told.append)
        assert next(followed).message == "after"
    assert proxy.counters.cuts == 1
    assert told[-1] == "the database answers again"


def test_what_was_seen_is_forgotten_in_time(database, connection):
    """The memory of a follower holds the entries of a minute, not of all time."""
    run_id = add_run(connection, status="running")
    moments = [ago(hours=2), ago(hours=1), ago(seconds=5)]

    def look(connection, begin):
        return queries.entries_of_run(connection, run_id=run_id, after=begin)

    with psycopg.connect(database, autocommit=True) as reader:
        following = _following.Following(reader, look, moments[0])
        for number, moment in enumerate(moments):
            add_entry(connection, run_id, str(number), timestamp=moment)
            assert [entry.message for entry in following.new()] == [str(number)]
        assert following.new() == []
        assert following.remembered <= 2


@pytest.mark.parametrize("command", ["logs", "tail"])
@pytest.mark.parametrize("after", ["connected", "asked"])
def test_following_survives_from_its_first_moment(runlog, connection, monkeypatch, command, after):
    """The server ends the connection before anything was shown: what is there is shown all the same."""
    run_id = add_run(connection)
    add_entry(connection, run_id, "there already")
    monkeypatch.setattr(entries, "_FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(entries, "follow_all", lambda *_: iter(()))
    ended = []

    def end(connected):
        if not ended:
            ended.append(connected.info.backend_pid)
            connection.execute("select pg_terminate_backend(%s, 5000)", ended)

    connect = reading.connect

    def connect_and_end(dsn):
        connected = connect(dsn)
        end(connected)
        return connected

    if after == "connected":
        monkeypatch.setattr(reading, "connect", connect_and_end)
    elif command == "logs":
        find = entries.find_run
        monkeypatch.setattr(entries, "find_run", lambda c, run: (find(c, run), end(c))[0])
    else:
        look = entries.ProgressTeller.look
        monkeypatch.setattr(entries.ProgressTeller, "look", lambda it, c: (look(it, c), end(c))[0])
    said = runlog(*(("logs", "last", "-f") if command == "logs" else ("tail",)))
    assert ended
    assert said.code == 0
    assert "there already" in said.out
    assert said.err.count("trying again") == 1


def test_following_an_address_that_is_wrong_is_told(runlog, monkeypatch):
    """After a few tries, with the exit code of a database that is away."""
    monkeypatch.setattr(entries, "_FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("RUNLOG_DSN", "postgresql://nobody@127.0.0.1:1/nowhere")
    said = runlog("tail")
    assert said.code == 3
    assert said.err.count("trying again") == 2
