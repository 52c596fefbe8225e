"""``flush --from``, ``spool move``, ``spool discard``: what waits for an address that is none any more."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from test_spools import ALIVE, KILLED

ELSEWHERE = "no-such-host.invalid"


@pytest.fixture
def stranded(run_script, database):
    """A script that was killed with 31 entries in its spool, for an address with a mistake."""
    wrong = make_conninfo(database, host=ELSEWHERE)
    script = run_script(KILLED, env={"RUNLOG_DSN": wrong})
    assert script.exit_code == -signal.SIGKILL


def spools(shell):
    return json.loads(shell("spool", "--json").out)["spools"]


def count(connection):
    return connection.execute("select count(*) from logs").fetchone()[0]


@pytest.mark.guarantee("survives-death")
@pytest.mark.parametrize("by", ["path", "name of the database", "name of the process"])
def test_flush_from_another_address(shell, connection, stranded, by):
    """What waited for a mistaken address is delivered to the right one, and its folder is gone."""
    [spool] = spools(shell)
    assert spool["address"].startswith(f"{ELSEWHERE}:")
    folder = Path(spool["folder"])
    name = {
        "path": str(folder.parent),
        "name of the database": folder.parent.name,
        "name of the process": folder.name,
    }[by]
    said = shell("flush", "--from", name)
    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        "moved 1 spool with 31 entries, and 0 dead letters",
        "delivered 31 of 31 waiting entries",
    ]
    assert count(connection) == 31
    assert spools(shell) == []
    assert folder.parent.exists() == (by == "name of the process")


def test_flush_from_a_copy(shell, connection, stranded, tmp_path):
    """A spool folder that was carried here from another machine is delivered whole."""
    [spool] = spools(shell)
    copy = tmp_path / "artifact"
    shutil.copytree(Path(spool["folder"]).parent.parent, copy)
    assert shell("flush", "--from", copy).code == 0
    assert count(connection) == 31
    assert list(copy.iterdir()) == []
    assert shell("flush", "--from", spool["folder"]).code == 0
    assert count(connection) == 31


def test_move_takes_dead_letters_along(shell, connection, stranded):
    """Dead letters of the other address are those of this one from now on."""
    folder = Path(spools(shell)[0]["folder"]).parent
    (folder / "dead-letters.jsonl").write_text('{"content": "x"}\n')
    said = shell("spool", "move", folder)
    assert (said.code, said.out) == (0, "moved 1 spool with 31 entries, and 1 dead letter\n")
    [letters] = json.loads(shell("spool", "--json").out)["dead_letters"]
    assert letters["letters"] == 1
    assert not folder.exists()
    assert shell("flush").out == "delivered 31 of 31 waiting entries\n"


def test_what_was_moved_and_deleted_is_told_to_programs(shell, stranded):
    """As JSON; ``flush`` keeps to one document, and delivers what was moved where it is already."""
    folder = Path(spools(shell)[0]["folder"]).parent
    [moved] = json.loads(shell("spool", "move", folder, "--json").out)
    assert moved == {"spools": 1, "entries": 31, "dead_letters": 0}
    [spool] = spools(shell)
    said = shell("flush", "--from", spool["folder"], "--json")
    assert json.loads(said.out)[0]["delivered"] == 31
    assert "moved 0 spools" in said.err


def test_what_was_deleted_is_told_to_programs(shell, stranded):
    """As JSON, after a yes."""
    folder = Path(spools(shell)[0]["folder"]).parent
    [done] = json.loads(shell("spool", "discard", folder, "--yes", "--json").out)
    assert done == {"spools": 1, "entries": 31, "dead_letters": 0}


def test_discard_deletes_after_asking(shell, stranded):
    """Nothing is deleted without a yes; then the folder is gone."""
    [spool] = spools(shell)
    said = shell("spool", "discard", spool["folder"])
    assert said.code == 130
    assert "delete 31 entries in 1 spool, and 0 dead letters?" in said.err
    assert len(spools(shell)) == 1
    said = shell("spool", "discard", Path(spool["folder"]).parent, "--yes")
    assert (said.code, said.out) == (
        0,
        "deleted 31 entries in 1 spool, and 0 dead letters\n",
    )
    assert spools(shell) == []
    assert not Path(spool["folder"]).parent.exists()


def test_what_lives_stays(shell, start_script, database):
    """A spool that a process writes to is neither moved nor deleted."""
    start_script(ALIVE, env={"RUNLOG_DSN": make_conninfo(database, host=ELSEWHERE)}).wait_for_line(
        "started"
    )
    [spool] = spools(shell)
    said = shell("spool", "move", spool["folder"])
    assert said.out == "moved 0 spools with 0 entries, and 0 dead letters\n"
    assert "1 spool stays" in said.err
    shell("spool", "discard", spool["folder"], "--yes")
    assert spools(shell) == [{**spool, "age_seconds": spools(shell)[0]["age_seconds"]}]


def test_no_such_folder(shell):
    """A name that is none is told, with where the names are."""
    said = shell("flush", "--from", "nowhere")
    assert said.code == 2
    assert "no spool is in" in said.err
    assert "runlog spool --json" in said.err
