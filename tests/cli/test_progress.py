"""How far a running run is, where runs are listed and followed."""

import json

from kit.rows import add_run, ago

from runlog.cli.show.run_columns import progress_words

TOLD = {"what": "deals", "done": 40, "total": 150, "rate": 12.0, "eta_seconds": 9.2}
WORDS = "deals: 40 of 150, 12 a second, 9.2 s left"


def test_runs_show_it(runlog, connection):
    """In a column of its own, of runs that run; for programs as it is, behind what they know."""
    beat = {"heartbeat_at": ago().isoformat(), "progress": TOLD}
    add_run(connection, status="running", runlog=beat)
    add_run(connection, runlog={"progress": TOLD})
    out = runlog("runs", "--format", "table").out
    assert "PROGRESS" in out
    assert out.count(WORDS) == 1
    said = runlog("runs", "--status", "running", "--json")
    [row] = json.loads(said.out)
    assert list(row)[-1] == "progress"
    assert row["progress"] == TOLD


def test_no_column_without_it(runlog, connection):
    """Nobody sees an empty column."""
    add_run(connection, status="running", runlog={"heartbeat_at": ago().isoformat()})
    assert "PROGRESS" not in runlog("runs", "--format", "table").out


def test_what_is_no_progress(runlog, connection):
    """Whatever another program wrote there is no reason to fail."""
    for odd in ("half", 3, ["a"], {"done": "many"}, {"done": None}):
        add_run(connection, status="running", runlog={"progress": odd})
        assert progress_words(odd) == ""
    assert runlog("runs", "--format", "table").code == 0


def test_one_that_only_counts():
    """Without a total there is nothing to reckon."""
    assert progress_words({"done": 7, "total": None, "rate": None, "eta_seconds": None}) == "7"
    assert progress_words({"done": 7, "rate": 5153.2}) == "7, 5,153 a second"
