"""``errors``, ``scripts``, ``stats`` and ``batch``: many runs together."""

import json
from uuid import uuid4

import pytest
from kit.rows import add_entry, add_run, ago


def test_from_last_night_to_the_reason(runlog, connection):
    """``errors`` names script, time, message and run; ``show`` of that run tells the stack."""
    add_run(connection, "good")
    failed = add_run(connection, "contacts", status="error", started_at=ago(hours=8))
    meta = {"error_type": "HTTPError", "stack": "Traceback of it"}
    add_entry(connection, failed, "HTTPError: 502 for page 17", level="ERROR", timestamp=ago(hours=8),
              meta=meta)  # fmt: skip
    header, line = runlog("errors", "--format", "table").out.splitlines()
    assert header.split()[0] == "ERRORS"
    for text in ("contacts", "8 h ago", str(failed)[:13], "HTTPError: 502 for page 17"):
        assert text in line
    assert "Traceback of it" in runlog("show", str(failed)[:13], "--format", "table").out
    assert runlog("errors", "--since", "1h").rows == []
    assert runlog("errors", "--script", "good").rows == []


def test_errors_as_json(runlog, connection):
    """Programs get the groups with lists as lists and moments in UTC."""
    for script in ("a", "b"):
        add_entry(connection, add_run(connection, script), "broke at 7", level="ERROR")
    [group] = json.loads(runlog("errors", "--json").out)
    assert (group["scripts"], group["errors"], group["runs"]) == (["a", "b"], 2, 2)
    assert group["first_seen"].endswith("Z")
    assert "read_at" not in group


def test_scripts_in_a_line_each(runlog, connection):
    """Each script has its state, its figures and the age of its last success."""
    for hours in (1, 2, 3):
        add_run(connection, "good", started_at=ago(hours=hours), records_fetched=150)
    add_run(connection, "bad", status="error", error_message="no such list")
    good, bad = sorted(runlog("scripts", "--format", "table").out.splitlines()[1:], reverse=True)
    for text in ("success", "59 min ago", "10.0 s", "100 %", "150"):
        assert text in good
    for text in ("error", "0 %", "never", "no such list"):
        assert text in bad
    [row] = json.loads(runlog("scripts", "--script", "g*", "--json").out)
    assert (row["script_name"], row["runs"], row["success_rate"], row["state"]) == (
        "good", 3, 1, "success"
    )  # fmt: skip


def test_stats_of_all_scripts(runlog, connection):
    """Figures over time: the last duration against the usual one, failed records, throughput."""
    for days in range(5):
        add_run(
            connection,
            started_at=ago(days=days, hours=1),
            duration_ms=30_000 if days == 0 else 10_000,
            records_fetched=1000,
            records_failed=100,
            api_cost="0.25",
        )
    line = runlog("stats", "--format", "table").out.splitlines()[1]
    for text in ("100 %", "3.0 x", "5,000", "10 %", "71.4", "1.25", "▃▃▃▃█"):
        assert text in line


def test_stats_of_one_script_day_by_day(runlog, connection):
    """One script has a line a day, and the steps in which its time goes."""
    for days in (0, 1):
        start = ago(days=days, hours=1)
        run_id = add_run(connection, "sync", started_at=start, records_fetched=10)
        add_entry(connection, run_id, step="FETCH", timestamp=start)
    out = runlog("stats", "sync", "--format", "table").out
    assert "day by day" in out
    assert ago(days=1, hours=1).date().isoformat() in out
    assert "FETCH" in out
    document = json.loads(runlog("stats", "sync", "--json").out)
    assert [day["records_fetched"] for day in document["days"]] == [10, 10]
    assert [(step["step"], step["runs"]) for step in document["steps"]] == [("FETCH", 2)]
    assert runlog("stats", "sync").header[:2] == ["day", "script_name"]
    said = runlog("stats", "none")
    assert (said.code, '"runlog scripts" lists them' in said.err) == (4, True)


def test_a_batch_by_its_id_or_any_of_its_runs(runlog, connection):
    """A batch is named by its id or by a run of it."""
    batch = uuid4()
    second = add_run(connection, "deals", batch_id=batch, started_at=ago(minutes=1))
    first = add_run(connection, "contacts", batch_id=batch, started_at=ago(minutes=2))
    expected = [str(first), str(second)]
    for reference in (batch, first, str(second)[:13], "last", "last:contacts"):
        assert [row[0] for row in runlog("batch", reference).rows] == expected
    add_run(connection, "alone")
    assert runlog("batch", "last").code == 4


@pytest.mark.parametrize("command", [["errors"], ["scripts"], ["stats"], ["stats", "odd*"]])
def test_odd_names_are_only_names(runlog, connection, command):
    """Markup, patterns and quotes in the name of a script are shown as they are."""
    name = "odd[/x] [bold]%' \"name"
    run_id = add_run(connection, name, status="error")
    add_entry(connection, run_id, level="ERROR")
    assert name in runlog(*command, "--format", "table").out


def test_prune_tells_what_it_does(runlog, connection):
    """``--dry-run`` tells the numbers and deletes nothing; then they go."""
    for days in (50, 40, 1):
        add_entry(connection, add_run(connection, started_at=ago(days=days)))
    rules = ("prune", "--older-than", "30d")
    assert runlog(*rules, "--dry-run").out == "would delete 2 runs and 2 entries\n"
    assert runlog(*rules, "--keep-last", 2).out == "deleted 1 run and 1 entry\n"
    assert runlog(*rules, "--logs-older-than", "1h").out == "deleted 1 run and 1 entry\n"
    assert runlog("runs").rows[0][1] == "sync"
    assert runlog("prune").code == 2
    assert runlog("prune", "--older-than", "soon").code == 2


def test_what_failed_is_a_share_of_all_that_was_handled(runlog, connection):
    """A script need not count what it fetches: 5 of 100 are 5 %, not all."""
    add_run(connection, records_inserted=90, records_updated=5, records_failed=5)
    assert "5 %" in runlog("stats", "--format", "table").out


def test_what_a_list_leaves_out_is_told(runlog, connection):
    """Of many kinds of errors, and of many entries that a search finds, the rest is told of."""
    run = add_run(connection)
    for word in ("alpha", "beta", "gamma"):
        add_entry(connection, run, word, level="ERROR")
    assert runlog("errors").err == ""
    told = runlog("errors", "-n", "2")
    assert (len(told.rows), "only the last 2 kinds" in told.err) == (2, True)
    connection.execute(
        "insert into logs (run_id, level, step, message)"
        " select %s, 'INFO', 'X', 'one of many' from generate_series(1, 1001)", (run,)
    )  # fmt: skip
    told = runlog("logs", "--grep", "one of many")
    assert (len(told.rows), "only the newest 1,000" in told.err) == (1000, True)
