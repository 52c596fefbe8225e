"""How a run stands: one rule, in Python and in SQL, by the run's own heartbeats."""

from itertools import product

import pytest
from kit.rows import add_run
from psycopg.types.json import Jsonb

from runlog import queries
from runlog.queries import _states

STATUSES = ("running", "success", "error")
OUTCOMES = (None, "finished", "died")
FAILED = (None, 0, 2)
BEATS = (None, 0, 80, 100, 1000)
INTERVALS = (None, 1, 300)
ODD_BEATS = (
    "soon",
    "",
    12,
    {},
    None,
    "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00+99",
    "2026-01-01T00:00:00Z; drop",
)
ODD_INTERVALS = ("often", {}, [], 1e300, 10**400)


@pytest.fixture
def every_kind(connection):
    """A run of each combination of what its state depends on."""
    for number, kind in enumerate(product(STATUSES, OUTCOMES, FAILED, BEATS, INTERVALS)):
        status, outcome, failed, beat, every = kind
        noted = {"outcome": outcome, "heartbeat_interval": every}
        run_id = add_run(
            connection,
            f"script-{number}",
            status=status,
            records_failed=failed,
            runlog={name: value for name, value in noted.items() if value is not None},
        )
        if beat is not None:
            connection.execute(
                "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}',"
                " to_jsonb(now() - %s * interval '1 s')) where id = %s",
                [beat, run_id],
            )


@pytest.mark.parametrize("state", _states.STATES)
def test_sql_selects_what_python_calls_so(connection, every_kind, state):
    """``status=`` finds just the runs whose state is that word, or whose status is."""
    runs = queries.last_runs(connection, limit=1000)
    found = {run.id for run in queries.last_runs(connection, limit=1000, status=state)}
    by_state = {run.id for run in runs if run.state.rstrip("?") == state}
    assert by_state
    assert found == by_state | {run.id for run in runs if run.status == state}


def test_a_script_stands_as_its_last_run_does(connection, every_kind):
    """The health of a script and the list of runs say the same word."""
    by_script = {run.script_name: run.state for run in queries.last_runs(connection, limit=1000)}
    health = queries.script_health(connection)
    assert {row.script_name: row.state for row in health} == by_script


def test_a_run_is_lost_by_its_own_heartbeat(connection, every_kind):
    """A run that beats every five minutes is no more lost after 100 s than the sweeper thinks it is."""
    lost = queries.last_runs(connection, limit=1000, status="lost")
    told = connection.execute(
        "select metadata #>> '{runlog,heartbeat_interval}' from runs where id = any(%s)",
        [[run.id for run in lost]],
    )
    beats = [
        (row[0] or "30", round((run.read_at - run.heartbeat_at).total_seconds()))
        for row, run in zip(told, lost, strict=True)
    ]
    assert {every for every, _ in beats} == {"1", "30", "300"}
    assert all(silence > 3 * float(run.heartbeat_interval) for run in lost for silence in [
        (run.read_at - run.heartbeat_at).total_seconds()
    ])  # fmt: skip


@pytest.mark.parametrize("state", [None, "lost", "running"])
def test_no_odd_heartbeat_breaks_a_question(connection, state):
    """Whatever another program wrote as heartbeat or interval: every question is answered."""
    for name, values in (("heartbeat_at", ODD_BEATS), ("heartbeat_interval", ODD_INTERVALS)):
        for value in values:
            run_id = add_run(connection, status="running", runlog={"heartbeat_at": "now"})
            connection.execute(
                "update runs set metadata = jsonb_set(jsonb_set(metadata,"
                " '{runlog,heartbeat_at}', to_jsonb(now())), array['runlog', %s], %s)"
                " where id = %s",
                [name, Jsonb(value), run_id],
            )
    runs = queries.last_runs(connection, limit=100, status=state)
    assert len(runs) == (0 if state == "lost" else len(ODD_BEATS) + len(ODD_INTERVALS))
    assert len(queries.running_now(connection)) == len(ODD_BEATS) + len(ODD_INTERVALS)
    assert queries.script_health(connection)
