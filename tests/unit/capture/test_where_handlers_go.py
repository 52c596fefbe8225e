"""Where handlers and processors without a database of their own record; what can be pickled."""

from __future__ import annotations

import copy
import logging
import pickle

import pytest

import runlog
from runlog._recorder import registry

A, B = "host=127.0.0.1 port=1 dbname=a", "host=127.0.0.1 port=1 dbname=b"


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """The environment names database A; nothing is waited for."""
    monkeypatch.setenv("RUNLOG_DSN", A)
    monkeypatch.setenv("RUNLOG_SPOOL_DIR", str(tmp_path))
    monkeypatch.setenv("RUNLOG_EXIT_TIMEOUT", "0")
    yield
    registry.reset(0)


@pytest.fixture(params=[runlog.RunLogHandler, runlog.RunLogProcessor])
def taker(request):
    """What takes log calls."""
    return request.param


def goes_to(made):
    return made._recorder.settings.dsn


def test_after_configure_it_goes_there(taker):
    """A run is in the configured database, and its entries beside it."""
    runlog.configure(dsn=B, default_step="STEP")
    made = taker(level="WARNING")
    assert goes_to(made) == B
    assert made._recorder is registry.active()
    assert made._settings.default_step == "STEP"
    assert made._settings.level == logging.WARNING


def test_configure_takes_along_what_is_there(taker):
    """Whichever comes first."""
    made = taker()
    assert goes_to(made) == A
    runlog.configure(dsn=B)
    assert goes_to(made) == B
    assert made._recorder is registry.active()


def test_one_that_names_its_database_stays_there(taker):
    """Before and after ``configure``."""
    before = taker(A)
    runlog.configure(dsn=B)
    assert (goes_to(before), goes_to(taker(A))) == (A, A)


def test_a_second_one_goes_where_the_first_has_gone(taker):
    """The first has chosen the database of this process's runs."""
    assert goes_to(taker(B)) == goes_to(taker()) == B


def test_switched_off_by_configure_nothing_is_recorded(taker):
    """Also what was made before."""
    made = taker()
    runlog.configure(enabled=False)
    assert made._recorder is None
    assert taker()._recorder is None


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))]
)
def test_a_handler_can_be_pickled(again):
    """loguru pickles its sinks for processes that it spawns; formatter and filters come along."""
    made = runlog.RunLogHandler(level="WARNING", default_step="STEP")
    made.setFormatter(logging.Formatter("%(message)s"))
    made.addFilter(logging.Filter("app"))
    made.name = "runlog"
    other = again(made)
    assert other is not made
    assert other._recorder is made._recorder
    assert (other.level, other.name) == (logging.WARNING, "runlog")
    assert other.formatter._fmt == "%(message)s"
    assert [kept.name for kept in other.filters] == ["app"]
