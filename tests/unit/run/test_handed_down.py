"""A run that is handed down: joined where it lives, and only as long as it does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runlog._entry.ids import new_id
from runlog._recorder import open_runs
from runlog._run.handed_down import PLACE_VARIABLE, handed_down, run_to_join
from runlog._settings import resolve

HERE = {"dsn": "host=db.example dbname=here"}


@pytest.fixture
def place(monkeypatch):
    """``place(**settings)`` → a run id, handed down by this process as its child finds it."""

    def make(**settings):
        run_id = new_id()
        for name, value in handed_down(run_id, resolve({**HERE, **settings})).items():
            monkeypatch.setenv(name, value)
        return run_id

    return make


def test_a_run_of_this_database_is_joined(place):
    """Its process is alive; whether or not the settings are known yet."""
    run_id = place()
    assert run_to_join() == run_to_join(resolve(HERE)) == run_id


@pytest.mark.parametrize(
    "elsewhere",
    [{"dsn": "host=db.example dbname=there"}, {"schema": "jobs"}],
    ids=["database", "schema"],
)
def test_a_run_of_another_database_is_not_joined(place, elsewhere):
    """Its row is there and never here; nothing of this process goes to it from then on."""
    run_id = place(**elsewhere)
    assert run_to_join(resolve(HERE)) is None
    assert open_runs.run_id() != run_id
    assert run_to_join() is None


def test_a_run_whose_process_is_gone_is_not_joined(place, monkeypatch):
    """What a deploy script started as a daemon has runs of its own."""
    run_id = place()
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    monkeypatch.setenv(PLACE_VARIABLE, _with_pid(handed_down(run_id, resolve(HERE)), gone.stdout))
    assert run_to_join(resolve(HERE)) is None


def test_a_pid_that_is_another_processes_by_now(place, monkeypatch):
    """By the moment when it began, not by its number alone."""
    told = handed_down(place(), resolve(HERE))[PLACE_VARIABLE]
    monkeypatch.setenv(PLACE_VARIABLE, f"{told}0")
    assert run_to_join(resolve(HERE)) is None


def test_a_run_of_another_machine_is_joined(place, monkeypatch):
    """A container: whether its process lives cannot be seen from here."""
    run_id = place()
    database = handed_down(run_id, resolve(HERE))[PLACE_VARIABLE].split("/")[1]
    monkeypatch.setenv(PLACE_VARIABLE, f"{run_id}/{database}/elsewhere/4194305/7")
    assert run_to_join(resolve(HERE)) == run_id


@pytest.mark.parametrize("told", [None, "", "x", "another/run/of/5/parts"])
def test_an_id_without_its_place_is_taken_at_its_word(place, monkeypatch, told):
    """Set by hand, or by another version."""
    run_id = place()
    if told is None:
        monkeypatch.delenv(PLACE_VARIABLE)
    else:
        monkeypatch.setenv(PLACE_VARIABLE, told)
    assert run_to_join(resolve(HERE)) == run_id


def _with_pid(variables, pid):
    run_id, database, machine, _, began = variables[PLACE_VARIABLE].split("/")
    return "/".join([run_id, database, machine, pid.decode().strip(), began])
