"""``runs``, ``show`` and ``logs``: what was recorded, in every format."""

import csv
import io
import json
from uuid import UUID

import pytest
from kit.rows import add_all_states, add_entry, add_run, ago

ESCAPE = "\x1b]0;owned\x07[/x] [red]"


def test_runs_as_tsv(runlog, connection):
    """Piped, a list is TSV: a header of column names, full ids, moments in UTC."""
    run_id = add_run(connection, "sync", records_fetched=5)
    said = runlog("runs")
    assert said.header[:3] == ["id", "script_name", "status"]
    [row] = [dict(zip(said.header, row, strict=True)) for row in said.rows]
    assert (row["id"], row["records_fetched"], row["state"]) == (str(run_id), "5", "success")
    assert row["started_at"].endswith("Z")
    assert (said.code, said.err) == (0, "")


def test_every_machine_format_tells_the_same(runlog, connection):
    """JSON, JSON lines, CSV and TSV hold the same rows and columns."""
    add_all_states(connection)
    by_json = json.loads(runlog("runs", "--json").out)
    by_lines = [json.loads(line) for line in runlog("runs", "--format", "jsonl").out.splitlines()]
    by_csv = list(csv.DictReader(io.StringIO(runlog("runs", "--format", "csv").out)))
    tsv = runlog("runs", "--format", "tsv")
    assert len(by_json) == 6
    # Of a run that still goes on the time goes on as well.
    for run in (*by_json, *by_lines):
        del run["elapsed_ms"]
    assert by_json == by_lines
    assert [run["id"] for run in by_csv] == [run["id"] for run in by_json]
    assert list(by_csv[0]) == tsv.header
    assert [run["state"] for run in by_json] == [
        "running", "lost?", "success", "partial", "error", "crashed"
    ]  # fmt: skip


def test_the_columns_of_runs_are_a_contract(runlog, connection):
    """Programs rely on these names and this order: new ones come at the end."""
    add_run(connection)
    assert runlog("runs").header == [
        "id", "script_name", "status", "triggered_by", "started_at", "finished_at", "duration_ms",
        "records_fetched", "records_inserted", "records_updated", "records_failed",
        "calls_analyzed", "api_cost", "sync_mode", "batch_id", "error_message", "outcome",
        "heartbeat_at", "state", "elapsed_ms", "progress",
    ]  # fmt: skip


def test_runs_table_leaves_out_what_is_empty(runlog, connection):
    """A table has short ids and only columns that say something."""
    run_id = add_run(connection, "sync", records_fetched=1500)
    header, row = runlog("runs", "--format", "table").out.splitlines()
    assert header.split() == ["RUN", "SCRIPT", "STATE", "STARTED", "TOOK", "FETCHED", "BY"]
    assert row.split()[0] == str(run_id)[:13]
    assert "1,500" in row


def test_runs_filters_and_limit(runlog, connection):
    """The options choose what the query chooses."""
    add_all_states(connection)
    add_run(connection, "old", started_at=ago(days=2))

    def scripts(*options):
        return [row[1] for row in runlog("runs", *options).rows]

    assert scripts("--status", "crashed") == ["crashed"]
    assert scripts("--script", "*t", "--since", "24h") == ["lost"]
    assert scripts("-n", 2) == ["running", "lost"]
    assert scripts("--since", "1970-01-01", "--script", "old") == ["old"]


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["runs"], '"runlog demo" makes the first two'),
        (["runs", "--status", "error"], "no run is like this"),
        (["scripts"], '"runlog demo" makes the first two'),
        (["stats"], '"runlog demo" makes the first two'),
        (["errors"], "--since 7d looks further"),
        (["logs"], "look further: --since 7d"),
    ],
)
def test_nothing_there_is_told_on_stderr(runlog, command, hint):
    """Without rows a list is empty and in order, and stderr says what would help."""
    said = runlog(*command)
    assert (said.code, said.rows) == (0, [])
    assert hint in said.err
    assert json.loads(runlog(*command, "--json").out) == []


@pytest.mark.parametrize("command", [["show"], ["logs", "last"], ["batch"], ["show", "last:none"]])
def test_no_run_is_exit_code_4(runlog, command):
    """Asked for one run that is not there, the exit code is 4 and stderr says how to make some."""
    said = runlog(*command)
    assert (said.code, said.out) == (4, "")
    assert '"runlog demo"' in said.err


def test_another_script_than_there_is(runlog, connection):
    """Where there are runs, stderr says how to find them; also where there are backfills only."""
    add_run(connection, sync_mode="full", runlog={"backfill": True})
    assert '"runlog runs --mode backfill"' in runlog("show", "sync").err
    assert "1 backfill is left out" in runlog("runs").err
    add_run(connection)
    said = runlog("show", "last:none")
    assert (said.code, '"runlog runs"' in said.err) == (4, True)
    assert "1 backfill is left out" in runlog("runs", "--format", "table").out


def test_a_run_is_named_in_many_ways(runlog, connection):
    """An id, its beginning, ``last`` and ``last:SCRIPT`` mean a run."""
    older = add_run(
        connection, "a", id=UUID("0190c8a0-1111-7000-8000-000000000001"), started_at=ago(hours=1)
    )
    newest = add_run(connection, "b", id=UUID("0190c8a0-2222-7000-8000-000000000002"))

    def shown(reference):
        return json.loads(runlog("show", reference, "--json").out)["run"]["id"]

    assert (
        shown(older) == shown("0190c8a0-1") == shown("0190C8A01") == shown("last:a") == str(older)
    )
    assert shown("last") == shown("last:b") == shown("last:*") == str(newest)


def test_an_ambiguous_beginning_is_a_usage_error(runlog, connection):
    """A beginning of several ids is refused with the candidates."""
    for number in (1, 2):
        add_run(
            connection, f"script-{number}", id=UUID(f"0190c8a0-1111-7000-8000-00000000000{number}")
        )
    said = runlog("show", "0190")
    assert said.code == 2
    assert "script-1" in said.err
    assert "script-2" in said.err


def test_short_ids_tell_runs_apart(runlog, connection):
    """Runs of the same millisecond are shown with as much of their ids as differs."""
    for number in (1, 2):
        add_run(connection, id=UUID(f"0190c8a0-1111-7000-800{number}-000000000000"))
    lines = runlog("runs", "--format", "table").out.splitlines()[1:]
    shown = [line.split()[0] for line in lines]
    assert len(set(shown)) == 2
    assert all(runlog("show", identity).code == 0 for identity in shown)


def test_show_tells_the_whole_run(runlog, connection):
    """The page of a run has its facts, steps with durations, and its last errors with stacks."""
    run_id = add_run(
        connection,
        "sync",
        status="error",
        error_message="ValueError: no such list",
        records_fetched=150,
        sync_mode="full",
        metadata={"field_count": 35},
        runlog={
            "host": "w1", "pid": 7, "git_commit": "abc", "outcome": "failed",
            "progress": {"what": "deals", "done": 40, "total": 150, "rate": 12.04, "eta_seconds": 9.2},
            "peak_memory_bytes": 50 * 2**20, "cpu_seconds": 1.5,
        },
    )  # fmt: skip
    add_entry(connection, run_id, "Fetched", step="FETCH", timestamp=ago(seconds=50))
    meta = {"error_type": "ValueError", "stack": "Traceback\n  File x"}
    add_entry(connection, run_id, "no such list", step="ERROR", level="ERROR", meta=meta)
    out = runlog("show", "--format", "table").out
    for text in ("sync  error  10.0 s", str(run_id), "150 fetched", "manual on w1, process 7", "abc",
                 "deals: 40 of 150, 12 a second, 9.2 s left", "50.0 MiB at the peak, 1.5 s of processor time",
                 "ValueError: no such list", '{"field_count": 35}', "    |   File x",
                 f'2 entries; "runlog logs {str(run_id)[:13]}"'):  # fmt: skip
        assert text in out
    page = json.loads(runlog("show", "--json").out)
    assert [step["step"] for step in page["steps"]] == ["FETCH", "ERROR"]
    assert page["errors"][0]["meta"] == meta
    assert page["run"]["metadata"]["field_count"] == 35


def test_logs_in_order_and_in_every_format(runlog, connection):
    """Entries of a run come in order, more than a page of them too, in each format."""
    run_id = add_run(connection)
    connection.execute(
        "insert into logs (run_id, timestamp, level, step, message)"
        " select %s, now() + n * interval '1 ms', 'INFO', 'S', 'line ' || n"
        " from generate_series(1, 4100) as n",
        [run_id],
    )
    expected = [f"line {number}" for number in range(1, 4101)]
    assert [row[3] for row in runlog("logs", "last").rows] == expected
    assert [
        entry["message"] for entry in json.loads(runlog("logs", "last", "--json").out)
    ] == expected
    assert [row[3] for row in runlog("logs", "last", "-n", 3).rows] == expected[-3:]
    lines = runlog("logs", "last", "--format", "table").out.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines] == expected


def test_logs_without_a_run_search(runlog, connection):
    """Without a run the entries of all runs are searched, newest last."""
    for number in range(3):
        run_id = add_run(connection, f"sync-{number}")
        add_entry(
            connection, run_id, f"timeout {number}", level="ERROR", timestamp=ago(hours=3 - number)
        )
    add_entry(connection, run_id, "timeout old", timestamp=ago(days=2))

    def found(*options):
        return [row[3] for row in runlog("logs", *options).rows]

    assert found("--grep", "TIMEOUT") == ["timeout 0", "timeout 1", "timeout 2"]
    assert found("--since", "90m", "--level", "error") == ["timeout 2"]
    assert found("--since", "7d", "-n", 9)[0] == "timeout old"
    assert found("--script", "*-1") == ["timeout 1"]
    out = runlog("logs", "--format", "table").out
    assert "sync-0  ERROR    FETCH     timeout 0" in out


@pytest.mark.parametrize("name", ["table", "tsv", "csv", "json", "jsonl"])
def test_log_text_cannot_harm_the_terminal(runlog, connection, name):
    """Escape sequences and markup in any column are shown, not obeyed, in every format."""
    run_id = add_run(connection, f"sync{ESCAPE}", status="error", error_message=ESCAPE)
    add_entry(connection, run_id, f"{ESCAPE}\nlast\x9b", step=ESCAPE, level="ERROR",
              meta={ESCAPE: ESCAPE, "stack": ESCAPE})  # fmt: skip
    for command in (["runs"], ["show"], ["logs", "last"], ["errors"], ["scripts"], ["stats"]):
        out = runlog(*command, "--format", name).out
        assert not {"\x1b", "\x07", "\x9b", "\r"} & set(out), command
        assert "owned" in out, command


def test_a_message_of_two_lines_is_not_two_entries(runlog, connection):
    """A line feed in a message begins an indented line, which cannot be taken for an entry."""
    add_entry(connection, add_run(connection), "first\n2026-01-01 00:00:00.000  ERROR  forged")
    first, second = runlog("logs", "last", "--format", "table").out.splitlines()
    assert first.endswith("first")
    assert second == "    | 2026-01-01 00:00:00.000  ERROR  forged"


def test_times_are_local_or_utc(runlog, connection, monkeypatch):
    """People see local time, with ``--utc`` UTC; programs always UTC."""
    import time

    add_run(connection, started_at=ago().replace(hour=23, minute=30, year=2026, month=1, day=15))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert "2026-01-16 08:30" in runlog("runs", "--format", "table").out
        assert "2026-01-15 23:30" in runlog("runs", "--format", "table", "--utc").out
        assert "2026-01-15T23:30" in runlog("runs").out
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
