"""Whatever a person gives a run: stored, or told and left out, at the moment it is given."""

from __future__ import annotations

import math
import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from kit.examples import examples
from kit.odd_values import HOSTILE, Hostile, HostileNumber, values

import runlog
from runlog import errors
from runlog._process.notices import notices
from runlog.testing import capture

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ATTRIBUTES = (
    "script_name", "triggered_by", "batch_id", "records_fetched", "records_inserted",
    "records_updated", "records_failed", "calls_analyzed", "api_cost", "sync_mode",
    "sync_start_date", "sync_end_date", "metadata", "started_at", "status", "about", "id",
)  # fmt: skip
ARGUMENTS = (
    "triggered_by", "batch_id", "sync_mode", "sync_start_date", "sync_end_date", "overlap_window",
    "cursor", "metadata", "lifecycle_logs",
)  # fmt: skip


class Told:
    """Notes on which thread it is asked what it is."""

    def __init__(self):
        self.threads = []

    def __str__(self):
        self.threads.append(threading.current_thread().name)
        return "told"

    __repr__ = __str__


@given(value=values)
@example(value=-(10**4300))
@examples(0.25)
def test_no_attribute_costs_the_run_its_end(value, capfd):
    """Any value for any attribute: the run that succeeds is a success, with its other figures."""
    with capture() as captured:
        for name in ATTRIBUTES:
            with runlog.RunContext("job") as run:
                run.count(inserted=3)
                setattr(run, name, value)
        assert len(captured.runs) == len(ATTRIBUTES)
        for name, row in zip(ATTRIBUTES, captured.runs, strict=True):
            assert row.status == "success", name
            assert row.finished_at is not None, name
            if name != "records_inserted":
                assert row.records_inserted == 3, name
    assert "could not be recorded" not in capfd.readouterr().err


@given(value=values)
@examples(0.25)
def test_no_argument_costs_the_run(value, capfd):
    """The same for the arguments, of which none raises into the script."""
    with capture() as captured:
        for name in ARGUMENTS:
            with runlog.RunContext("job", **{name: value}):
                pass
        assert [run.status for run in captured.runs] == ["success"] * len(ARGUMENTS)
    assert "could not be recorded" not in capfd.readouterr().err


@pytest.mark.parametrize("make", HOSTILE)
def test_hostile_objects_end_nothing(make, capfd):
    """Objects that raise whatever they are asked: as any argument, attribute, step, word or end of a run."""
    value = make()
    with capture() as captured:
        for name in ARGUMENTS:
            with runlog.RunContext("argument", **{name: value}) as run, run.step(value):
                run.info("STEP", "line")
        for name in ATTRIBUTES:
            with runlog.RunContext("attribute") as run:
                setattr(run, name, value)
                run.metadata["value"] = value
                run.checkpoint(value)
        assert {run.status for run in captured.runs} == {"success"}
        with runlog.RunContext("failed") as run:
            run.fail(value)
        with pytest.raises(SystemExit), runlog.RunContext("exited"):
            raise SystemExit(value)
        ends = ["error", "success" if make is HostileNumber else "error"]
        assert [run.status for run in captured.runs[-2:]] == ends
    assert "could not be" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "make", [*HOSTILE, float, lambda: [1], lambda: {1: 2}, lambda: {"fresh": Hostile()}]
)
@pytest.mark.parametrize("name", ["overlap", "expects"])
def test_what_must_be_right_is_refused_as_a_setting(name, make):
    """Whatever stands where a typo must not pass: an error of the setting, and no other."""
    with pytest.raises(errors.SettingError):
        runlog.RunContext("job", **{name: make()})


@given(value=values)
@examples(0.5)
def test_any_name_is_a_name(value):
    """A script's name is stored, or the run has none; it never holds up others."""
    with capture() as captured:
        with runlog.RunContext(value) as run:
            run.info("STEP", "line")
        assert [entry.message for entry in captured.entries][1:-1] == ["line"]
        assert captured.run.script_name == run.script_name


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("records_fetched", "abc", "use a whole number"),
        ("api_cost", math.nan, "use a finite number"),
        ("batch_id", "nightly-7", "use a UUID"),
        ("sync_end_date", 1769860800, "use a datetime, a date or ISO 8601 text"),
        ("metadata", [1, 2], "use a dict"),
        ("status", "error", 'use run.fail("…")'),
        ("records_fetch", 3, 'did you mean "records_fetched"?'),
        ("fetched", 3, "use run.count(fetched=…)"),
        ("count", 3, "use run.count(fetched=…)"),
        ("since", MOMENT, "use run.sync_start_date"),
        ("anything", 1, "put it into run.metadata"),
    ],
)
def test_what_is_refused_is_told_once(name, value, word, capfd):
    """With the value and what would do; what the attribute held before stays."""
    with capture(), runlog.RunContext("job", metadata={"a": 1}) as run:
        run.records_fetched = 7
        for _ in range(3):
            setattr(run, name, value)
        err = capfd.readouterr().err
        assert err.count("is not taken") == 1
        assert f"run.{name} = {value!r}" in err
        assert word in err
        assert (run.records_fetched, run.metadata) == (7, {"a": 1})


def test_what_is_parsed(capfd):
    """Texts of moments and numbers, and what counts: no word."""
    with capture() as captured:
        with runlog.RunContext("job", sync_start_date="2026-01-01T00:00:00Z") as run:
            run.sync_end_date = "2026-01-31T12:00:00Z"
            run.records_fetched = "12"
            run.api_cost = 0.2
            run.count(api_cost=0.1)
            run.batch_id = str(run.id)
        assert (run.sync_end_date, run.records_fetched) == (MOMENT, 12)
        assert (run.api_cost, run.batch_id) == (Decimal("0.3"), run.id)
        assert captured.run.sync_end_date == MOMENT
        assert captured.run.sync_start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert capfd.readouterr().err == ""


def test_one_bad_cost_leaves_the_others(capfd):
    """NaN is told and not added."""
    with capture() as captured:
        with runlog.RunContext("job") as run:
            for cost in (1.25, math.nan, "0.50"):
                run.count(api_cost=cost)
        assert captured.run.api_cost == Decimal("1.75")
    assert "count(api_cost=nan) is not taken" in capfd.readouterr().err


def test_a_count_that_the_column_does_not_hold_is_told(capfd):
    """Stored as the largest; the script reads what it counted."""
    with capture() as captured:
        with runlog.RunContext("job") as run:
            run.count(fetched=3_000_000_000)
            assert run.records_fetched == 3_000_000_000
        assert captured.run.records_fetched == 2**31 - 1
    assert "3000000000 is more than the column holds" in capfd.readouterr().err


def test_nothing_of_the_users_is_called_later():
    """Objects are asked what they are when they are given, on the thread that gives them."""
    told = Told()
    with capture() as captured:
        with runlog.RunContext("job", metadata={"first": told}) as run:
            run.sync_mode = run.triggered_by = told
            run.metadata["second"] = told
            asked = len(told.threads)
            # What the shipper does at a heartbeat.
            (recorder,) = captured._recorders.values()
            recorder._runs.append_progress()
            recorder._runs.append_starts()
        assert len(told.threads) == asked
        assert captured.run.metadata["first"] == captured.run.metadata["second"] == "told"


def test_what_is_put_into_a_list_later_is_stored_at_the_end():
    """``run.metadata["skipped"].append(…)`` is what people write."""
    with capture() as captured:
        with runlog.RunContext("job") as run:
            run.metadata["skipped"] = []
            run.metadata["skipped"].append(7)
        assert captured.run.metadata["skipped"] == [7]


def test_attributes_of_a_subclass_are_its_own(capfd):
    """Only what looks like a mistake is told of a class that adds attributes."""

    class Job(runlog.RunContext):
        client = None

    with capture(), Job("job") as run:
        run.client = object()
        run.whatever = 5
        run.metadata = {"a": 1}
        assert run.whatever == 5
    assert capfd.readouterr().err == ""


def test_a_batch_that_is_none_is_told_and_another_is_chosen(capfd):
    """As before the run has begun, so after."""
    with capture() as captured:
        with runlog.RunContext("job", batch_id="nightly-7") as run:
            assert run.batch_id == run.id
        assert captured.run.batch_id == run.id
        assert notices.is_in("refused", "some")
    assert "use a UUID" in capfd.readouterr().err
