"""What runs and entries tell of themselves gives the answers that are else reckoned from the entries."""

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kit.rows import add_entry, add_run, ago
from psycopg.types.json import Jsonb

from runlog import queries
from runlog._database import statements
from runlog._entry.fingerprint import fingerprint_of

PIECES = st.sampled_from(
    ["0x1f", "12", "deadbeef0123", "x", "_", "-", " ", "é", "\n", "ABCDEFABCDEF99", "0",
     "0190c8a0-0000-7000-8000-000000000001", "f" * 13, ".", "id"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)


@settings(max_examples=150)
@given(
    message=TEXTS.filter(lambda text: "\0" not in text and text.isprintable()),
    error_type=st.none() | st.sampled_from(["ValueError", "a.b.C", "died"]),
)
@example(message="item 4711 of 0xDEAD failed\nsecond line 2", error_type="KeyError")
@example(message="x" * 600 + "1", error_type=None)
@example(message="ABCDEFABCDEF99²", error_type=None)
@example(message="seen at 12", error_type="died")
@example(message="éABCDEFABCDEF99 _ABCDEFABCDEF98", error_type=None)
def test_one_fingerprint_in_python_and_sql(connection, message, error_type):
    """The fingerprint that a program gives an error is the one that the database finds."""
    rule = statements.statement("parts/fingerprint", "public")
    query = (
        b"select "
        + rule
        + b" from (select %s::text as error_type, left(%s, 500) as message) as error"
    )
    (found,) = connection.execute(query, [error_type, message]).fetchone()
    assert fingerprint_of(error_type, message) == found


@pytest.mark.parametrize("carried", [None, "its own", "of another field of the program's"])
def test_an_entry_may_carry_its_fingerprint(connection, carried):
    """Errors are one group, in the question and the view, whether or not they carry what groups them."""
    run_id = add_run(connection, status="error")
    for number in (1, 22):
        meta = {"error_type": "ValueError"}
        message = f"item {number} is odd"
        if carried and number == 1:
            own = fingerprint_of("ValueError", message)
            meta["error_fingerprint"] = own if carried == "its own" else carried
        add_entry(connection, run_id, message, level="ERROR", meta=meta)
    (group,) = queries.error_groups(connection)
    assert (group.errors, group.fingerprint) == (2, fingerprint_of("ValueError", "item 1 is odd"))
    view = "select errors, fingerprint from runlog_error_groups"
    assert connection.execute(view).fetchall() == [(group.errors, group.fingerprint)]


@pytest.mark.parametrize("odd", [None, [], "text", {"FETCH": 5}, {"FETCH": {"ms": "long"}}])
def test_steps_that_runs_told_are_those_of_their_entries(connection, odd):
    """A run that told its steps at its end counts as one whose entries are added up; nonsense is left out."""
    began = ago(hours=1)
    for number in range(6):
        finished = began + timedelta(seconds=10 * (number + 2))
        run_id = add_run(connection, started_at=began, finished_at=finished)
        for place, step in enumerate(("START", "FETCH", "LOAD", "END")):
            moment = began + timedelta(seconds=place * (number + 1))
            add_entry(connection, run_id, step=step, timestamp=moment)
    reckoned = queries.slowest_steps(connection)
    for run in queries.last_runs(connection, limit=4):
        steps = {
            step.step: {"entries": step.entries, "ms": step.duration_ms}
            for step in queries.steps_of_run(connection, run_id=run.id)
        }
        tell(connection, run.id, steps)
    assert queries.slowest_steps(connection) == reckoned
    tell(connection, run.id, odd)
    assert queries.slowest_steps(connection)


def tell(connection, run_id, steps):
    told = {"steps": steps, "entries": 4}
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog}', %s) where id = %s",
        [Jsonb(told), run_id],
    )
