"""The forms of questions for tables that are spread over a cluster: here on one server, where both can be asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kit.rows import add_all_states, add_entry, add_run, ago

from runlog import queries
from runlog._database import reading

WEEK = timedelta(days=7)
QUESTIONS = {
    "last_runs of a pattern": lambda it: queries.last_runs(it, script="sync-*", limit=7),
    "last_runs of a script": lambda it: queries.last_runs(it, script="sync-1", limit=7),
    "last_runs": lambda it: queries.last_runs(it, limit=30),
    "recent_runs": lambda it: queries.recent_runs(it, each=3),
    "recent_runs of a pattern": lambda it: queries.recent_runs(it, script="sync-*", each=3),
    "script_health": lambda it: queries.script_health(it, since=WEEK),
    "slowest_steps": lambda it: queries.slowest_steps(it, since=WEEK, sample=3),
    "running_now": lambda it: queries.running_now(it, limit=2),
}


@pytest.fixture
def history(connection):
    """Runs in every state, of scripts that are silent, busy or running, in one transaction."""
    with connection.transaction(force_rollback=True):
        add_all_states(connection)
        for number in range(40):
            began = ago(days=number / 3, seconds=number)
            status = ("success", "error", "success", "running")[number % 4]
            ended = None if status == "running" else began + timedelta(minutes=number + 1)
            run_id = add_run(
                connection, f"sync-{number % 3}", started_at=began, status=status, finished_at=ended
            )
            for entry in range(number % 5):
                at = began + timedelta(seconds=entry * (number + 1))
                add_entry(connection, run_id, timestamp=at, step=f"S{entry % 2}")
        yield connection


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_forms_give_the_same_answer(history, monkeypatch, name):
    """Which form a question has is chosen by the database, and changes nothing of its answer."""
    ask = QUESTIONS[name]
    usual = ask(history)
    assert usual
    chosen = []
    monkeypatch.setattr(reading, "_is_cluster", lambda _: chosen.append(name) or True)
    assert ask(history) == usual
    assert chosen
