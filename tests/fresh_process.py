"""Each test begins and ends in a process that records nothing: what one leaves is not the next one's.

Recorders, open runs, bindings, exported batches and what was told are the process's. They go
before the fixtures of the test, so that no recorder outlives its database.
"""

from __future__ import annotations

import threading

import pytest

from runlog import _batch, _binding, _process
from runlog._notices import notices

_CLOSE_SECONDS = 0.5
_END_SECONDS = 10.0


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """No recorder, no run, no batch, nothing told; afterwards no thread that could still tell."""
    monkeypatch.setattr(notices, "_states", {})
    monkeypatch.setattr(notices, "_reasons", {})
    monkeypatch.setattr(_batch, "_exports", [])
    monkeypatch.delenv(_batch.VARIABLE, raising=False)
    _leave_runs()
    yield
    _wait_for_last_words()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Close what the test recorded with, while its output is still caught."""
    try:
        return (yield)
    finally:
        _leave_recorders()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown():
    """Close what was left by a test that did not come to its call, before its database goes."""
    _leave_recorders()


def _leave_recorders():
    shippers = [it._shipper for it in _process._recorders.values()]
    _process.reset(_CLOSE_SECONDS)
    for shipper in shippers:
        if shipper is not None and shipper._thread is not None and shipper._thread.ident:
            shipper._thread.join(_END_SECONDS)
    _leave_runs()


def _wait_for_last_words():
    """Outlive the threads that were told to stop: the next test would be blamed for what they say."""
    for thread in threading.enumerate():
        if thread.name == "runlog-shipper":
            thread.join(_END_SECONDS)


def _leave_runs():
    _binding.open_runs.clear()
    _binding.run_variable.set(None)
    _binding.step_variable.set(None)
