"""What takes turns is said once each, and not without end."""

import logging

import pytest

import runlog
from runlog import testing
from runlog._process.notices import Notices


def test_reasons_without_end_come_to_one(capfd):
    """A hundred are enough for whoever reads them."""
    notices = Notices()
    for number in range(1000):
        notices.explain("disk", "failing", str(number), f"reason {number}")
    assert len(capfd.readouterr().err.splitlines()) == 100


@pytest.mark.guarantee("never-raises")
def test_two_places_with_bad_formats_are_told_once_each(capfd):
    """However often the program comes by."""
    record = logging.LogRecord("app", 20, "/app.py", 0, "%d", ("x",), None)
    with testing.capture() as captured, runlog.RunContext("f", lifecycle_logs=False):
        handler = runlog.RunLogHandler()
        for line in (3, 4, 3, 4):
            handler.handle(logging.makeLogRecord({**record.__dict__, "lineno": line}))
    told = [line for line in capfd.readouterr().err.splitlines() if "formatted" in line]
    assert len(told) == 2
    assert len(captured.entries) == 4
