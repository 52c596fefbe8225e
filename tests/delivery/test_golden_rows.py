"""The same call, however it is logged, is the same row; only id and timestamp differ."""

from __future__ import annotations

import logging

import pytest
from kit.ways_of_logging import WAYS, Call

import runlog
from runlog._entry.exceptions import exception_meta
from runlog._entry.fingerprint import fingerprint_of
from runlog.testing._database import recording_to


def raised(failing):
    """Return what ``failing`` raises, with a traceback that is the same for all ways of logging."""
    try:
        failing()
    except Exception as error:
        return error


def fail_in_a_chain():
    try:
        {}["contact"]
    except KeyError as error:
        raise ValueError("no contact") from error


def fail_in_a_group():
    raise ExceptionGroup("two", [OSError(5, "gone"), ValueError("bad")])


CHAINED, GROUPED = raised(fail_in_a_chain), raised(fail_in_a_group)
CALLS = [
    Call("info", "Fetched 150", {"step": "FETCH", "count": 150, "meta": {"page": 1}}),
    Call("debug", "no step named"),
    Call("warning", "odd: \x00 \ud800 tab\t {} ü\\n", {"value": float("nan"), "who": "ß"}),
    Call("error", "failed", {"step": "UPSERT", "hubspot_id": "7"}, CHAINED),
    Call("error", "failed", {}, GROUPED),
    Call("critical", "worst", {"password": "hunter2", "url": "postgres://u:p4ss@h/db"}),
]
ROWS = [
    ("INFO", "FETCH", "Fetched 150", {"page": 1, "count": 150}),
    ("DEBUG", "LOAD", "no step named", {}),
    ("WARNING", "LOAD", "odd: \\x00 \\ud800 tab\t {} ü\\n", {"value": "NaN", "who": "ß"}),
    ("ERROR", "UPSERT", "failed", {
        "hubspot_id": "7", "error_fingerprint": fingerprint_of("ValueError", "failed"),
        **exception_meta(CHAINED),
    }),
    ("ERROR", "LOAD", "failed", {
        "error_fingerprint": fingerprint_of("ExceptionGroup", "failed"), **exception_meta(GROUPED)
    }),
    ("ERROR", "LOAD", "worst", {
        "levelname": "CRITICAL", "password": "[redacted]", "url": "postgres://u:[redacted]@h/db",
        "error_fingerprint": fingerprint_of(None, "worst"),
    }),
]  # fmt: skip


@pytest.fixture
def recorded(database, tmp_path):
    with recording_to(database, tmp_path / "spool"):
        yield


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_the_same_call_is_the_same_row(recorded, connection, way, capfd):
    """Every column but id and timestamp is equal, each call is stored once, in its order."""
    run = runlog.RunContext("golden", lifecycle_logs=False)
    with run, way.set_up(), runlog.step("LOAD"):
        for call in CALLS:
            way.log(call)
    assert runlog.flush()
    stored = connection.execute(
        "select run_id, level, step, message, meta from logs order by timestamp, id"
    ).fetchall()
    assert stored == [(run.id, *row, {**meta, "logger": "app"}) for *row, meta in ROWS]


def test_the_tracebacks_tell_the_whole_story():
    """What the rows above are compared with has the cause of a chain and the members of a group."""
    chain, group = (exception_meta(error)["stack"] for error in (CHAINED, GROUPED))
    assert "KeyError: 'contact'" in chain
    assert "direct cause" in chain
    assert chain.endswith("ValueError: no contact")
    assert "[Errno 5] gone" in group
    assert "ValueError: bad" in group


def test_what_changes_after_the_call_changes_nothing(recorded, connection):
    """Values are taken at the call: the same dict, list and exception may be used again."""
    log = logging.getLogger("app")
    log.addHandler(handler := runlog.RunLogHandler())
    meta = {"ids": [1, 2], "deep": {"a": {"b": 1}}}
    with runlog.RunContext("late", lifecycle_logs=False):
        log.warning("kept", extra={"meta": meta, "other": meta["ids"]})
        runlog.RunLogProcessor()(None, "warning", {"event": "kept", "meta": meta})
        meta["ids"].append(3)
        meta["deep"]["a"].clear()
        meta.clear()
    log.removeHandler(handler)
    assert runlog.flush()
    first, second = connection.execute("select meta from logs order by timestamp, id").fetchall()
    assert first[0] == {
        "ids": [1, 2], "deep": {"a": {"b": 1}}, "other": [1, 2], "logger": "app"
    }  # fmt: skip
    assert second[0] == {"ids": [1, 2], "deep": {"a": {"b": 1}}}


def test_a_record_that_cannot_be_formatted_is_stored_raw_and_told_once(
    recorded, connection, capsys
):
    """The row has the raw text, the arguments and why; stderr has one line for the place."""
    log = logging.getLogger("app")
    log.handlers, log.propagate = [runlog.RunLogHandler()], False
    with runlog.RunContext("raw", lifecycle_logs=False):
        for number in range(3):
            log.warning("%d items", f"many {number}", stack_info=True)
    log.handlers, log.propagate = [], True
    assert runlog.flush()
    stored = connection.execute("select message, meta from logs order by timestamp, id").fetchall()
    assert [(message, meta["args"]) for message, meta in stored] == [
        ("%d items", [f"many {number}"]) for number in range(3)
    ]
    assert all("TypeError" in meta["format_error"] for _, meta in stored)
    assert all(meta["stack_info"].startswith("Stack (most recent") for _, meta in stored)
    assert capsys.readouterr().err.count("could not be formatted") == 1
