"""Every fault of the network in random order while a script logs: the law holds at each step."""

from __future__ import annotations

import random
from functools import partial

import pytest
from kit.recording import messages
from kit.waiting import eventually

STEPS = 12
"""So many faults a run; the last of a storm may have fewer."""
FAULTS = ("refuse", "hang", "reset", "half_open", "cut_after_commit", "cut_before_commit")


def change_weather(proxy, chance):
    """Have one fault, a slow network or none begin, by chance; return its name."""
    name = chance.choice((*FAULTS, "slow", "forward", "forward"))
    if name == "slow":
        proxy.slow(chance.uniform(0.001, 0.02))
    else:
        getattr(proxy, name)()
    return name


def is_lawful(made):
    assert made.is_lawful(), made.stats()


def has_passed(made, number):
    assert made.recorder._shipper._pass_number > number


def is_delivered(made):
    assert made.recorder.flush(5)


def assert_told_once(text, story):
    """Between two words of its end an outage is told once for each remedy: none, or that of a wait."""
    for outage in text.split("answers again"):
        assert outage.count("cannot write to") <= 2, f"{story}\n{text}"
        assert outage.count("did not answer in time") <= 1, f"{story}\n{text}"


def weather(made, proxy, chance, steps):
    """Log bursts under one fault after the other; return what was logged and which faults there were."""
    logged, story = [], []
    for step in range(steps):
        story.append(change_weather(proxy, chance))
        count = chance.choice((1, 50, 300, 3000))
        made.log_many(count, f"step {step:02d}")
        logged += [f"step {step:02d} {number:06d}" for number in range(count)]
        if chance.random() < 0.5:
            # Let it bite: a pass begins under this fault.
            eventually(partial(has_passed, made, made.recorder._shipper._pass_number))
        eventually(partial(is_lawful, made))
    return logged, story


@pytest.mark.guarantee("outage", "exactly-once", "conservation", "never-raises")
@pytest.mark.storm(short=6, long=1200)
def test_faults_in_random_order(recording, proxy, connection, capsys, rounds, evidence):
    """Refused, hanging, reset, half open, cut or slow, in any order, under thousands of lines: none lost, doubled or out of order, and no call waits."""
    entries = lost = doubled = faults = 0
    for seed, done in enumerate(range(0, rounds, STEPS)):
        proxy.forward()
        made = recording(proxy.conninfo, statement_timeout=0.2, flush_interval=0.01)
        # Each call returns while the database hangs, or this would not come to its end.
        logged, story = weather(made, proxy, random.Random(seed), min(STEPS, rounds - done))
        proxy.forward()
        eventually(partial(is_delivered, made), 30)
        made.finish()
        assert made.close()
        stored = messages(connection, made.run.id_text)
        assert stored == logged, f"seed {seed}: {story}"
        assert made.is_lawful(), f"seed {seed}: {story}"
        assert_told_once(capsys.readouterr().err, f"seed {seed}: {story}")
        entries += len(logged)
        lost += len(set(logged) - set(stored))
        doubled += len(stored) - len(set(stored))
        faults += sum(name in FAULTS for name in story)
    evidence(faults=faults, entries=entries, lost=lost, doubled=doubled)
