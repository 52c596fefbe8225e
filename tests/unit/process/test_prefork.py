"""Servers that fork unseen by Python are told, before anything is lost."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from runlog._process.prefork import tell_unseen_forks


def uwsgi(*options, worker=0):
    return SimpleNamespace(opt=dict.fromkeys(options, True), worker_id=lambda: worker)


@pytest.mark.parametrize(
    ("module", "count"),
    [
        (uwsgi("master", "processes"), 1),
        (uwsgi("processes"), 0),
        (uwsgi("master", "lazy-apps"), 0),
        (uwsgi("master", "py-call-osafterfork"), 0),
        (uwsgi("master", worker=2), 0),
        (SimpleNamespace(), 0),
        (None, 0),
    ],
)
def test_forks_that_python_does_not_see_are_told_once(module, count, monkeypatch, capfd):
    """Only uWSGI's master that is about to fork the application it has loaded is warned of, with the remedy."""
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    tell_unseen_forks()
    tell_unseen_forks()
    told = capfd.readouterr().err
    assert told.count("py-call-osafterfork = true, or lazy-apps = true") == count
