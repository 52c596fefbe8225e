"""A column that the database refuses costs neither the other columns nor the run's end."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from kit.recording import messages, run_row
from kit.waiting import until

SQL = Path(__file__).parents[2] / "sql"
LONG = "x" * 1000
TABLE = {
    "a smallint": "alter table runs alter records_fetched type smallint",
    "a narrow numeric": "alter table runs alter api_cost type numeric(4, 2)",
    "a constraint on the mode": "alter table runs add check (sync_mode in ('full'))",
    "a narrow text": "alter table runs alter triggered_by type varchar(3)",
    "a constraint on the metadata": "alter table runs add check (not metadata ? 'pages')",
    "a narrow message": "alter table runs alter error_message type varchar(255)",
    "all of them": "",
}
TABLE["all of them"] = "; ".join(TABLE.values()).strip("; ")
REFUSED = {
    "a smallint": {"records_fetched"},
    "a narrow numeric": {"api_cost"},
    "a constraint on the mode": {"sync_mode"},
    "a narrow text": {"triggered_by"},
    "a constraint on the metadata": {"pages"},
    "a narrow message": {"error_message"},
}
REFUSED["all of them"] = set().union(*REFUSED.values())
GIVEN = {
    "records_fetched": 40_000,
    "records_inserted": 7,
    "api_cost": "1234.5",
    "sync_mode": "odd",
    "triggered_by": "kubernetes",
}


@pytest.fixture
def documented(empty_database):
    """A database with just the two documented tables, whose columns may be altered."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute((SQL / "migrations/0001_create_logging_system.sql").read_bytes())
        yield empty_database, connection


@pytest.mark.guarantee("blast-radius")
@pytest.mark.parametrize("what", TABLE)
def test_a_refused_column_costs_only_itself(recording, documented, what, tmp_path):
    """What is refused is a dead letter that names it; the rest, the status and the end are stored."""
    dsn, connection = documented
    connection.execute(TABLE[what])
    made = recording(dsn)
    made.log("line")
    for column, value in GIVEN.items():
        made.run.put(column, value)
    made.run.metadata.update(pages=2)
    made.finish("error", LONG)
    assert made.close()
    assert messages(connection) == ["line"]
    stored = dict(zip(GIVEN, run_row(connection, made.run.id_text, *GIVEN), strict=True))
    pages, message = run_row(connection, made.run.id_text, "metadata -> 'pages'", "error_message")
    found = {
        **{
            name: value if value is None else type(GIVEN[name])(value)
            for name, value in stored.items()
        },
        "pages": pages,
        "error_message": message,
    }
    expected = {**GIVEN, "pages": 2, "error_message": LONG}
    for name in REFUSED[what]:
        expected[name] = LONG[:200] if name == "error_message" else None
    assert found == expected
    status, finished_at, duration = run_row(
        connection, made.run.id_text, "status", "finished_at", "duration_ms"
    )
    assert status == "error"
    assert finished_at is not None
    assert duration is not None
    (letters,) = Path(tmp_path / "spool").rglob("dead-letters*")
    reasons = [json.loads(line)["reason"] for line in letters.read_text().splitlines()]
    told = {name for name in (*GIVEN, "metadata", "error_message") if name in reasons[-1]}
    assert told >= {"metadata" if name == "pages" else name for name in REFUSED[what]}


@pytest.mark.guarantee("bounded", "true-run")
def test_metadata_of_any_size_gets_through(recording, database, connection):
    """Metadata of many megabytes is cut, visibly, when it is taken: what goes over the wire has a largest size, and the run knows itself by its notes."""
    made = recording(database)
    made.run.put_metadata({"pages": ["x" * 1000] * 20_000, "kept": 1})
    made.finish("error", "y" * 1_000_000)
    events = made.recorder._spool.folder.glob("runs-*.jsonl")
    assert max(path.stat().st_size for path in events) < 2**21
    assert made.recorder.flush(20)
    size, message, beat = connection.execute(
        "select length(metadata::text), length(error_message), metadata #>> '{runlog,heartbeat_at}'"
        " from runs"
    ).fetchone()
    assert size < 2**18
    assert message < 2**17
    assert beat is not None


@pytest.mark.guarantee("bounded", "blast-radius")
def test_an_event_that_an_older_version_took(recording, database, connection, proxy):
    """A spool holds an event of 20 MB, as runlog 0.1 took it: it is cut where it is delivered, and holds up nothing behind it."""
    proxy.refuse()
    made = recording(proxy.conninfo)
    event = {"event": "update", "id": made.run.id_text, "metadata": None}
    columns = ("batch_id", "triggered_by", "records_fetched", "records_inserted")
    more = ("records_updated", "records_failed", "calls_analyzed", "api_cost", "sync_mode")
    event |= dict.fromkeys((*columns, *more, "sync_start_date", "sync_end_date"))
    event["metadata"] = '{"big": "' + "x" * 20_000_000 + '", "runlog": {"note": 1}}'
    made.recorder._spool.append_event(event)
    made.finish()
    proxy.forward()
    until(lambda: made.recorder.flush(10))
    size, status = connection.execute("select length(metadata::text), status from runs").fetchone()
    assert size < 2**18
    assert status == "success"
