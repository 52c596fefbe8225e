"""Each test begins and ends in a process that records nothing: what one leaves is not the next one's.

Recorders are closed before the fixtures of their test end: none outlives its database, and what it
has to say is caught with the output of the test.
"""

from __future__ import annotations

import sys
import threading

import pytest

from runlog._process import voice
from runlog._process.state import process
from runlog._recorder import registry

_CLOSE_SECONDS = 0.5
_END_SECONDS = 10.0
_SHIPPER = "runlog-shipper"


@pytest.fixture(autouse=True)
def fresh_process():
    """A process that has just begun; afterwards no thread that could still tell something."""
    # Of a fixture that several tests share.
    _leave_recorders()
    # What a test too deep in calls could not say is not the next one's to say.
    voice._waiting.clear()
    with process.fresh():
        yield
        _await_ends(thread for thread in threading.enumerate() if thread.name == _SHIPPER)
        if pool := sys.modules.get("runlog._database.pool"):
            pool.close_all()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call():
    """Close what the test recorded with; as the innermost, while its output is still caught."""
    try:
        return (yield)
    finally:
        _leave_recorders()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown():
    """Close what a test has left that did not come to its call."""
    _leave_recorders()


def _leave_recorders():
    shippers = [recorder._shipper for recorder in registry.recorders.all.values()]
    registry.reset(_CLOSE_SECONDS)
    _await_ends(shipper._thread for shipper in shippers if shipper is not None)


def _await_ends(threads):
    """Wait for threads that were told to stop and may have a last word to say."""
    for thread in threads:
        if thread is not None and thread.is_alive():
            thread.join(_END_SECONDS)
