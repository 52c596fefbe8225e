"""The conservation law under random sequences of calls, faults, forks and ends of processes."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial

import pytest
from conservation_machine import Conservation
from conservation_process import Nursery
from conservation_world import World
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

STEPS = 25


@pytest.fixture
def world(database, proxy, tmp_path):
    with World(database, proxy, tmp_path).opened() as opened:
        yield opened


@pytest.fixture
def nursery(tmp_path):
    started = Nursery(tmp_path)
    yield started
    started.close()


@pytest.mark.guarantee("conservation", "exactly-once", "survives-death", "outage", "true-run")
@pytest.mark.storm(short=20, long=1000)
def test_the_law_holds_whatever_happens(world, nursery, rounds, request, evidence):
    """After any sequence of calls, faults, forks and deaths every entry is stored once, a dead letter or counted as shed, in order, and every run says how it ended; meanwhile the law holds after each step."""
    counts = Counter()
    machine = partial(Conservation, world, nursery, counts)
    is_storm = bool(request.config.getoption("--storm"))
    if is_storm:
        number = random.SystemRandom().randrange(2**32)
        print(f"seed {number}")
        machine = seed(number)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=rounds,
            stateful_step_count=STEPS,
            # The same sequences in every short run: what it finds does not depend on luck.
            derandomize=not is_storm,
            database=None,
            deadline=None,
            # Real processes and a real database: an example takes a second, not milliseconds.
            suppress_health_check=list(HealthCheck),
            # Shrinking repeats an example hundreds of times: minutes, which only a storm has.
            phases=[Phase.generate, Phase.shrink] if is_storm else [Phase.generate],
            print_blob=False,
        ),
    )
    evidence(**counts)
