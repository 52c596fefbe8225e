"""Whatever a script gives a run: nothing is raised, the end is written, each call that can be is kept."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from kit.odd_values import HOSTILE, RaisingRepr

import runlog
from runlog import testing
from runlog._run import cursor


class Ambiguous:
    """As an array is neither true nor false, and equal to nothing as a whole."""

    def __bool__(self):
        raise ValueError

    def __eq__(self, other):
        return self

    __hash__ = None


class LateError(ValueError):
    """An error whose own text fails; raised by a value that is asked for it."""

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


class RaisesLate:
    def __str__(self):
        raise LateError

    __repr__ = __int__ = __iter__ = __len__ = __bool__ = __str__


#: Makers: not even pytest can hold the objects themselves.
ODD = {
    **{kind.__name__: kind for kind in [*HOSTILE, Ambiguous, RaisesLate, RaisingRepr]},
    "endless": lambda: Decimal("1e400000"),
    "sNaN": lambda: Decimal("sNaN"),
    "huge": lambda: 10**5000,
    "uuid": lambda: UUID(int=2**128 - 1),
    "year 1": lambda: datetime(1, 1, 1, tzinfo=UTC).astimezone(),
    "longest": lambda: timedelta.max,
    "nul": lambda: "a\0b\ud800",
    "mapping": lambda: {RaisingRepr(): Ambiguous()},
}
COUNTS = ("fetched", "inserted", "updated", "failed", "calls_analyzed", "api_cost")


def give_all(run, value):
    for name in (
        "script_name",
        "triggered_by",
        "batch_id",
        "sync_mode",
        "sync_end_date",
        "unknown",
    ):
        setattr(run, name, value)
    for name in COUNTS:
        run.count(**{name: value})
        setattr(run, name if name in COUNTS[4:] else f"records_{name}", value)
    run.metadata = value
    run.metadata["given"] = value
    run.checkpoint(value)
    assert list(run.track([1, 2], total=value, description=value)) == [1, 2]


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("name", ODD)
def test_a_run_that_is_given_odd_values_ends_and_keeps_its_entries(name):
    """Arguments, attributes, counts, checkpoints, loops, steps and alerts."""
    make = ODD[name]
    names = ("triggered_by", "batch_id", "sync_mode", "overlap_window", "cursor", "metadata")
    with testing.capture() as captured:
        context = runlog.RunContext("odd", **{name: make() for name in names}, lifecycle_logs=False)
        with context as run:
            give_all(run, make())
            with run.step(make()):
                run.info(make())
            run.info(make(), make(), given=make(), logger=make())
            run.alert(make(), severity=make(), meta=make())
            runlog.alert(make(), severity=make(), meta=make())
    assert captured.run.status == "success"
    assert captured.run.finished_at is not None
    assert len(captured.entries) == 4
    assert not [entry for entry in captured.entries if "not encoded" in entry.message]


def test_an_overlap_window_beyond_the_first_year_begins_there(monkeypatch):
    """``since`` raises for the database only."""
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    monkeypatch.setattr(cursor, "cursor_of", lambda *_, **__: moment)
    with testing.capture(), runlog.RunContext("sync", overlap_window=timedelta.max) as run:
        assert run.since == datetime.min.replace(tzinfo=UTC)
    with testing.capture(), runlog.RunContext("sync", overlap_window=timedelta(days=1)) as run:
        assert run.since == moment - timedelta(days=1)
