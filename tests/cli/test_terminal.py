"""On a real terminal: tables drawn by rich, colours unless unwanted, nothing obeyed."""

import json
import os
import pty
import re
import subprocess
import sys
import termios
from uuid import UUID

import pytest
from kit.rows import add_entry, add_run
from rich.cells import cell_len

from runlog.cli.show.output import Output

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WIDE = "a message that is a good deal longer than any terminal is wide " * 4


@pytest.fixture
def terminal(shell_env):
    """Run a command on a terminal of 24 lines; returns what it wrote there."""

    def call(*args, columns=100, **env):
        controller, tty = pty.openpty()
        termios.tcsetwinsize(tty, (24, columns)) if hasattr(termios, "tcsetwinsize") else None
        sizes = {"COLUMNS": str(columns), "LINES": "24", "TERM": "xterm-256color", "PAGER": "cat"}
        process = subprocess.Popen(
            [sys.executable, "-m", "runlog", *map(str, args)],
            env={**shell_env, **sizes, **env},
            stdin=tty, stdout=tty, stderr=tty,
        )  # fmt: skip
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


def test_a_terminal_gets_a_table_in_colours(terminal, connection):
    """On a terminal the list is a table, its state in colour."""
    add_run(connection, "sync")
    out = terminal("runs")
    assert "\x1b[32msuccess" in out
    assert COLOUR.sub("", out).split()[:3] == ["RUN", "SCRIPT", "STATE"]


@pytest.mark.parametrize("command", [["runs"], ["show"], ["logs", "last"], ["errors"], ["scripts"]])
@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_refused(terminal, connection, command, variable):
    """NO_COLOR and a dumb terminal get text alone."""
    add_entry(connection, add_run(connection, status="error"), level="ERROR")
    assert "\x1b" not in terminal(*command, **variable)


@pytest.mark.parametrize("command", [["runs"], ["show"], ["logs", "last"], ["errors"], ["stats"]])
def test_only_our_own_colours_reach_the_terminal(terminal, connection, command):
    """Escape sequences and markup in what was logged are shown beside our colours."""
    evil = "\x1b]0;owned\x07[bold]x[/y]"
    run_id = add_run(connection, f"s{evil}", status="error", error_message=evil)
    add_entry(connection, run_id, evil, step=evil, level="ERROR", meta={evil: evil, "stack": evil})
    out = COLOUR.sub("", terminal(*command, columns=300))
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\\x1b]0;owned\\x07[bold]x[/y]" in out


def test_a_narrow_terminal_keeps_lines_whole(terminal, connection):
    """Too long a message is cut with an ellipsis; no row takes two lines, ids stay whole."""
    run_id = add_run(connection, "sync", status="error", error_message=WIDE)
    lines = COLOUR.sub("", terminal("runs", columns=80)).splitlines()
    assert len(lines) == 3
    assert lines[-1] == "no room for BY; a wider terminal or --csv shows them"
    assert str(run_id)[:13] in lines[1]
    assert lines[1].endswith("…")
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_table_is_wider_than_its_terminal(monkeypatch, runlog, connection, width):
    """Whatever the names: columns go, names and messages are cut, and what was left out is told."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(Output, "on_terminal", True)
    for script in ("n" * 300, "日本語" * 40, "e\u0301" * 200, "sync"):
        columns = {"status": "error", "error_message": f"{script} {WIDE}", "records_fetched": 10**9}
        run_id = add_run(
            connection, script, calls_analyzed=7, api_cost=3, batch_id=UUID(int=7), **columns
        )
        add_entry(connection, run_id, f"{script} {WIDE}", level="ERROR", step=script)
    for command in ("runs", "scripts", "stats", "errors", "check", "batch sync", "alerts rules"):
        said = runlog(*command.split(), "--format", "table")
        lines = said.out.splitlines()
        assert lines, command
        assert max(map(cell_len, lines)) <= width, command


def test_letters_of_two_cells_keep_the_columns_straight(monkeypatch, runlog, connection):
    """A column begins at the same cell in each line, on a terminal and piped."""
    monkeypatch.setenv("COLUMNS", "100")
    for script in ("日本語", "sync", "e\u0301te\u0301"):
        add_run(connection, script)
    for on_terminal in (True, False):
        monkeypatch.setattr(Output, "on_terminal", on_terminal)
        header, *lines = runlog("runs", "--format", "table").out.splitlines()
        places = {cell_len(line[: line.index("success")]) for line in lines}
        assert places == {header.index("STATE")}


def test_a_long_text_goes_through_the_pager(terminal, connection, tmp_path):
    """Entries on a terminal go to the pager of the person, with its colours."""
    run_id = add_run(connection)
    for number in range(3):
        add_entry(connection, run_id, f"entry {number}", level="ERROR")
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {tmp_path}/seen\necho paged\n")
    pager.chmod(0o755)
    assert terminal("logs", "last", PAGER=str(pager)).strip() == "paged"
    assert (tmp_path / "seen").read_text().count("entry ") == 3


def test_explicit_formats_win_over_the_terminal(terminal, connection):
    """Asked for TSV, a terminal gets TSV without colours."""
    add_run(connection)
    out = terminal("runs", "--format", "tsv")
    assert out.startswith("id\tscript_name\t")
    assert "\x1b" not in out


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_is_typed_is_utf8_in_any_locale(shell, connection, locale):
    """A name with letters that the locale does not know is found; bytes that are no text are none."""
    add_run(connection, "синхрон")
    ascii_only = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    said = shell("runs", "--script", "синхрон", "--json", **ascii_only)
    assert (said.code, [row["script_name"] for row in json.loads(said.out)]) == (0, ["синхрон"])
    assert shell("show", b"\xff".decode("utf-8", "surrogateescape"), **ascii_only).code == 4
