"""``run.track``: how far a loop is, with the heartbeat and on a terminal."""

from __future__ import annotations

import contextlib
import io
import sys

import pytest

import runlog
from runlog._recorder.progress import Progress, total_of
from runlog.testing import capture


class Terminal(io.StringIO):
    def isatty(self):
        return True


def beat(captured):
    """What the shipper does at a heartbeat."""
    (recorder,) = captured._recorders.values()
    recorder._runs.append_progress()


def told(captured):
    return captured.run.metadata["runlog"].get("progress")


def test_the_row_tells_how_far_it_is():
    """With each heartbeat, and at the end."""
    with capture() as captured:
        with runlog.RunContext("job") as run:
            seen = []
            for number in run.track(range(4), description="deals"):
                seen.append(number)
                if number == 2:
                    beat(captured)
                    found = told(captured)
                    assert (found["what"], found["done"], found["total"]) == ("deals", 2, 4)
                    assert found["rate"] > 0
                    assert found["eta_seconds"] >= 0
            assert seen == [0, 1, 2, 3]
        found = told(captured)
        assert (found["done"], found["total"], found["eta_seconds"]) == (4, 4, None)


def test_what_has_no_length_has_no_end_to_wait_for():
    """A generator; with ``total`` it has one."""
    with capture() as captured:
        with runlog.RunContext("job") as run:
            for number in run.track(iter("abc")):
                beat(captured)
                assert told(captured)["total"] is told(captured)["eta_seconds"] is None
                if number == "b":
                    break
            for _ in run.track(iter("abc"), total=3):
                beat(captured)
                assert told(captured)["total"] == 3
        assert told(captured)["done"] == 3


def test_the_innermost_loop_is_shown():
    """While it lasts; afterwards the one around it."""
    with capture() as captured, runlog.RunContext("job") as run:
        for _ in run.track("ab", description="outer"):
            for _ in run.track("xyz", description="inner"):
                beat(captured)
                assert told(captured)["what"] == "inner"
            beat(captured)
            assert told(captured)["what"] == "outer"


def test_what_the_loop_raises_goes_on():
    """And what was done until then is told."""
    with capture() as captured:
        with contextlib.suppress(ValueError), runlog.RunContext("job") as run:
            for number in run.track(range(10)):
                if number == 3:
                    raise ValueError
        assert told(captured)["done"] == 3
        assert captured.run.status == "error"


@pytest.mark.parametrize(
    ("items", "total", "found"),
    [([1, 2], None, 2), (iter([1]), None, None), ([1, 2], 7, 7), ([1], "odd", None), (range(10**30), None, None)],
)  # fmt: skip
def test_the_total_is_what_is_known(items, total, found):
    """What cannot be known is not, and raises nothing."""
    assert total_of(items, total) == found


def test_a_secret_in_the_description_is_hidden():
    """It is taken when it is given, as an entry is."""
    with capture() as captured:
        with runlog.RunContext("job") as run:
            list(run.track([1], description="postgres://user:hunter2@host/db\0"))
        assert "hunter2" not in told(captured)["what"]
        assert told(captured)["what"].endswith("\\x00")


def test_a_terminal_shows_a_bar_that_goes(monkeypatch):
    """On stderr, while the loop lasts; stdout and stderr are the program's own all the time."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with capture(), runlog.RunContext("job") as run:
        for _ in run.track(range(3), description="[deals]"):
            assert sys.stderr is terminal
        shown = terminal.getvalue()
        assert "[deals]" in shown
        assert "3/3" in shown or "0/3" in shown


def test_elsewhere_nothing_is_printed(capfd):
    """Piped into a file or a log."""
    with capture(), runlog.RunContext("job") as run:
        assert list(run.track(range(3))) == [0, 1, 2]
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", "")


def test_an_item_costs_one_assignment():
    """No function of runlog is called for an item."""
    calls = []
    progress = Progress("", None)
    loop = progress.over(range(100), lambda: None)
    next(loop)

    def note(frame, event, argument):
        # Whatever the collector finalizes meanwhile is none of this loop's.
        if frame.f_globals.get("__name__", "").startswith("runlog."):
            calls.append((event, argument))

    sys.setprofile(note)
    try:
        for _ in loop:
            pass
    finally:
        sys.setprofile(None)
    # The generator itself is entered, and left, once an item; beside that only its end.
    assert len(calls) <= 2 * 100 + 10


def test_each_run_tells_what_it_used():
    """Peak memory of the process and time of the processor, at the end and as they grow."""
    with capture() as captured:
        with runlog.RunContext("job"):
            sum(range(10**5))
        notes = captured.run.metadata["runlog"]
        assert notes["peak_memory_bytes"] > 2**20
        assert notes["cpu_seconds"] >= 0
