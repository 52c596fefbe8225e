"""Malicious text in every column against every form of output: no terminal obeys it, no row breaks."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest
from kit.rows import add_entry, add_run
from kit.scripts import CHECKOUT

from runlog._spool.dead_letters import NAME
from runlog.cli import cli
from runlog.cli._failures import exit_code_of

EVIL = {
    "colours": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07 and \x1b]52;c;eA==\x1b\\",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "screen": "\x1b[2J\x1b[H\x1bc\x1b[?1049h",
    "answer back": '\x05\x1b[c\x1b[6n\x1bP$q"p\x1b\\',
    "8-bit controls": "\x9b31m\x9d0;t\x9c\x90q\x9c\x85\x8d",
    "overwriting": "harmless\r\x1b[Kforged\x08\x08\x7f",
    "reading direction": "\u202egnp.exe\u202c \u2066\u2067\u2069\u200f\u061c",
    "line separators": "one\u2028two\u2029three\x0bfour\x0cfive\x85six",
    "tables": "a\tb\tc\nd\te\nruns\tsuccess",
    "quotes": '","\n"x",\'y\';=1+1\\',
    "markup": "[bold]x[/bold] [/x] [link=http://evil.example]y[/] [red",
    "json": '"},{"forged":true},{"a":"\\u001b[31m\\x1b',
    "numbers of a format": "%s %(x)s {0} {x} \\x1b[31m %n",
}
ALL = " ".join(EVIL.values())
# What a terminal obeys, or what makes it show something else than what is there.
OBEYED = {
    *map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u061c\u200e\u200f\u2028\u2029",
    *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)),
}  # fmt: skip
OUR_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
COMMANDS = [
    ["runs"], ["show"], ["logs", "last"], ["logs"], ["errors"], ["scripts"], ["stats"], ["steps"],
]  # fmt: skip


@pytest.fixture
def call(database, capfd, monkeypatch):
    """Call a command in this process; returns exit code, stdout and stderr."""
    monkeypatch.setenv("RUNLOG_DSN", database)
    monkeypatch.setenv("TZ", "UTC")

    def call(*args):
        capfd.readouterr()
        try:
            code = cli.main([*args], "runlog", standalone_mode=False) or 0
        except BaseException as error:
            code = exit_code_of(error)
        return (code, *capfd.readouterr())

    return call


@pytest.fixture(params=[*EVIL, "all at once"])
def evil(request, connection):
    """The text, in every column of a run and of its entries that takes text."""
    text = EVIL.get(request.param, ALL)
    about = {"host": text, "argv": [text], "python": text, "outcome": text, "git_commit": text,
             "github": {"url": text, "actor": text}, "heartbeat_at": text}  # fmt: skip
    run_id = add_run(
        connection, f"script {text}", status="error", error_message=text, triggered_by=text,
        sync_mode=text, runlog=about, metadata={text: text},
    )  # fmt: skip
    meta = {
        text: text,
        "error": text,
        "error_type": text,
        "stack": f"Traceback\n  {text}",
        "list": [text, {text: text}],
    }
    add_entry(connection, run_id, text, step=text, level="ERROR", meta=meta)
    add_entry(connection, run_id, f"second {text}", step=f"second {text}", meta=[text])
    return text


def obeyed_in(text, keep="\n"):
    return sorted(OBEYED.difference(keep) & set(text))


@pytest.mark.guarantee("secrets")
def test_no_form_of_output_is_obeyed(call, evil, evidence):
    """Escape sequences, control characters, bidi marks, markup and separators in every column: each command in each form prints none of them, keeps its rows and cells, and JSON gives them back exactly."""
    outputs = 0
    for command in COMMANDS:
        for form in ("table", "tsv", "csv", "json", "jsonl"):
            # Tabs stand between cells, and in the lines of a stack.
            keep = "\n" if form.startswith("json") else "\n\t"
            code, out, err = call(*command, "--format", form)
            if code == 2 and "No such command" in err:
                break
            assert code == 0, (command, form, err)
            assert obeyed_in(out, keep) == [], (command, form)
            assert obeyed_in(err) == [], (command, form)
            assert len(out) > 50
            check_shape(form, out)
            outputs += 1
    assert outputs >= 30
    code, out, _ = call("logs", "last", "--format", "json")
    assert json.loads(out)[0]["message"] == evil
    assert json.loads(out)[0]["meta"][evil] == evil
    code, out, _ = call("runs", "--format", "json")
    assert json.loads(out)[0]["error_message"] == evil
    evidence(outputs=outputs)


def check_shape(form, out):
    if form == "tsv":
        header, *lines = out.splitlines()
        assert {line.count("\t") for line in lines} <= {header.count("\t")}
    elif form == "csv":
        header, *rows = csv.reader(io.StringIO(out))
        assert {len(row) for row in rows} <= {len(header)}
    elif form == "json":
        json.loads(out)
    elif form == "jsonl":
        for line in out.splitlines():
            json.loads(line)


@pytest.mark.guarantee("secrets")
def test_names_on_the_command_line_are_not_obeyed(call, evil, connection):
    """A command that quotes what it was given, or what it found, quotes it harmlessly."""
    for command in (
        ["show", f"last:script {evil}"], ["show", f"last:{evil}"], ["show", evil], ["logs", evil],
        ["runs", "--script", evil], ["errors", "--script", evil], ["logs", "--step", evil],
        ["close", "last", "--message", evil], ["close", f"last:{evil}"],
    ):  # fmt: skip
        _, out, err = call(*command)
        assert obeyed_in(out, "\n\t") == [], command
        assert obeyed_in(err) == [], command


@pytest.fixture
def terminal(database, own_environment):
    """Run a command on a real terminal; returns what it wrote there."""

    def call(*args):
        controller, tty = pty.openpty()
        env = {**os.environ, "RUNLOG_DSN": database, "PYTHONPATH": str(CHECKOUT),
               "TERM": "xterm-256color", "PAGER": "cat", "COLUMNS": "250", "LINES": "50"}  # fmt: skip
        env.pop("NO_COLOR", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "runlog", *args], env=env, stdin=tty, stdout=tty, stderr=tty
        )
        os.close(tty)
        written = b""
        try:
            while chunk := os.read(controller, 65536):
                written += chunk
        except OSError:
            pass  # The last process has closed the terminal.
        os.close(controller)
        assert process.wait(timeout=60) == 0, written
        return written.decode()

    return call


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize(
    "command",
    [["runs"], ["show"], ["logs", "last"], ["logs", "last", "--follow"], ["errors"], ["scripts"],
     ["logs", "last", "--format", "json"]],
    ids=" ".join,
)  # fmt: skip
def test_a_real_terminal_gets_our_colours_alone(terminal, connection, command, evidence):
    """On a real terminal, followed live too, all the evil at once: nothing but runlog's own colours is left of escape sequences."""
    run_id = add_run(connection, f"script {ALL}", status="error", error_message=ALL)
    add_entry(connection, run_id, ALL, step=ALL, level="ERROR", meta={ALL: ALL, "stack": ALL})
    out = OUR_COLOURS.sub("", terminal(*command).replace("\r\n", "\n"))
    assert obeyed_in(out, "\n\t") == []
    assert "owned" in out
    evidence(evil_texts=len(EVIL), obeyed=len(obeyed_in(out, "\n\t")))


@pytest.mark.guarantee("secrets")
def test_following_live_is_not_obeyed(commands, connection):
    """Entries that arrive while `runlog tail` runs are as harmless as those that were there."""
    run_id = add_run(connection, "live", status="running")
    add_entry(connection, run_id, "begun")
    process = commands.start("tail")
    assert process.stdout.readline().startswith(b"timestamp\t")
    assert b"begun" in process.stdout.readline()
    add_entry(connection, run_id, ALL, step=ALL, level="ERROR", meta={ALL: ALL})
    add_entry(connection, run_id, "the last one")
    seen = ""
    while "the last one" not in seen:
        chunk = process.stdout.readline().decode()
        assert chunk
        seen += chunk
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert obeyed_in(seen, "\n\t") == []
    assert obeyed_in(err.decode()) == []
    assert "\\x1b]52;c;" in seen


@pytest.mark.guarantee("secrets")
def test_reports_of_dead_letters_are_not_obeyed(call, recording, database):
    """A reason and a content that would drive a terminal, in `doctor`, `spool` and `spool retry`."""
    made = recording(database)
    folder = made.recorder._spool.folder.parent
    assert made.close()
    letter = {"at": ALL, "sqlstate": ALL, "reason": ALL.replace("\n", " "), "content": ALL}
    (folder / NAME).write_text(json.dumps(letter) + "\n")
    for command in (["doctor"], ["doctor", "--json"], ["doctor", "--format", "table"], ["spool"],
                    ["spool", "--format", "table"], ["spool", "--json"], ["spool", "retry"]):  # fmt: skip
        _, out, err = call(*command)
        assert out + err
        assert obeyed_in(out, "\n\t") == [], command
        assert obeyed_in(err) == [], command


REFUSED = """
    import logging
    import runlog
    log = logging.getLogger("app")
    log.addHandler(runlog.RunLogHandler())
    with runlog.RunContext("refused", lifecycle_logs=False):
        log.error("\\x1b]52;c;cm0=\\x07 \\x9b31m \\u202e")
"""


@pytest.mark.guarantee("secrets")
def test_what_the_database_says_is_not_obeyed(run_script, database, connection):
    """A trigger that quotes a message in its error: the notice on stderr is harmless."""
    connection.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$begin raise exception '%', new.message; end$$;"
        "create trigger refuse before insert on logs for each row execute function refuse()"
    )
    script = run_script(REFUSED, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0
    assert "refused an entry" in script.stderr
    assert obeyed_in(script.stderr) == []
