"""Ids: valid UUIDv7, strictly increasing, whatever the clocks and the threads do."""

import os
import threading
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog._entry.ids import IdGenerator, new_id

START = 1_763_923_412_000_000_000


class Clocks:
    """A wall clock and a steady one that move only when told."""

    def __init__(self):
        self.wall_ns = START
        self.ticks_ns = 5

    def wall(self):
        return self.wall_ns

    def ticks(self):
        return self.ticks_ns

    def generator(self):
        return IdGenerator(wall=self.wall, ticks=self.ticks)


def milliseconds(entry_id):
    return uuid.UUID(entry_id).int >> 80


def test_an_id_is_a_version_7_uuid_of_now():
    """An id has version, variant and the milliseconds of the wall clock."""
    before = time.time_ns() // 1_000_000
    made = new_id()
    parsed = uuid.UUID(made)
    assert str(parsed) == made
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    # Two clocks may differ by what the base is followed with.
    assert abs(milliseconds(made) - before) < 5000


@pytest.mark.guarantee("order")
def test_ids_increase_strictly():
    """Calls one after the other give strictly increasing ids."""
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))


@pytest.mark.guarantee("order")
def test_ids_increase_on_a_clock_that_stands_still():
    """A clock without resolution does not make ids equal, nor smaller when the counter wraps."""
    generator = Clocks().generator()
    ids = [generator.new_id() for _ in range(5000)]
    assert ids == sorted(set(ids))


@pytest.mark.guarantee("order")
@given(st.lists(st.tuples(st.integers(-(10**11), 10**11), st.integers(0, 10**11)), max_size=60))
def test_ids_increase_whatever_the_wall_clock_does(moves):
    """Jumps of the wall clock in either direction never make a later id smaller."""
    clocks = Clocks()
    generator = clocks.generator()
    ids = [generator.new_id()]
    for wall, ticks in moves:
        clocks.wall_ns += wall
        clocks.ticks_ns += ticks
        ids.append(generator.new_id())
    assert ids == sorted(set(ids))


@pytest.mark.guarantee("order")
@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(10**6, 10**10)), max_size=40))
def test_the_time_in_an_id_stays_near_the_clock(moves):
    """Whatever the jumps, an id is never a second behind the clock, and never ahead of the latest time that the clock stood for."""
    clocks = Clocks()
    generator = clocks.generator()
    latest = clocks.wall_ns - clocks.ticks_ns
    for wall, ticks in moves:
        clocks.wall_ns += wall + ticks
        clocks.ticks_ns += ticks + 250_000_001
        clocks.wall_ns += 250_000_001
        latest = max(latest, clocks.wall_ns - clocks.ticks_ns)
        # The first one sees the jump, the second follows it.
        generator.new_id()
        now = milliseconds(generator.new_id())
        assert now >= clocks.wall_ns // 10**6 - 1001
        assert now <= (latest + clocks.ticks_ns) // 10**6 + 1


@pytest.mark.guarantee("order")
def test_ids_follow_a_wall_clock_that_ran_ahead():
    """After a suspend the ids are of the new time; small differences change nothing."""
    clocks = Clocks()
    generator = clocks.generator()
    generator.new_id()
    clocks.wall_ns += 900_000_000
    clocks.ticks_ns += 300_000_000
    generator.new_id()
    assert milliseconds(generator.new_id()) == START // 10**6 + 300
    clocks.wall_ns += 3600 * 10**9
    clocks.ticks_ns += 300_000_000
    generator.new_id()
    assert milliseconds(generator.new_id()) == clocks.wall_ns // 10**6


@pytest.mark.guarantee("order")
def test_ids_never_follow_backwards():
    """A wall clock that is set back leaves the ids where they are."""
    clocks = Clocks()
    generator = clocks.generator()
    clocks.wall_ns -= 3600 * 10**9
    clocks.ticks_ns += 10**9
    generator.new_id()
    assert milliseconds(generator.new_id()) == START // 10**6 + 1000


def test_the_base_moves_once_however_many_threads_see_the_jump():
    """Threads that see the same jump together do not add it up."""
    clocks = Clocks()
    generator = clocks.generator()
    clocks.wall_ns += 3600 * 10**9
    clocks.ticks_ns += 10**9
    gate = threading.Barrier(8)

    def call():
        gate.wait()
        for _ in range(200):
            generator.new_id()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert milliseconds(generator.new_id()) == clocks.wall_ns // 10**6


@pytest.mark.guarantee("order", "fork-threads")
def test_threads_never_share_an_id():
    """Ids made by several threads at once are all different, and rise within each thread."""
    made = [[] for _ in range(8)]

    def call(own):
        own += [new_id() for _ in range(3000)]

    threads = [threading.Thread(target=call, args=(own,)) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(own == sorted(own) for own in made)
    assert len({entry_id for own in made for entry_id in own}) == 8 * 3000


class WallThatCalls(Clocks):
    """A wall clock far ahead that calls ``inside`` when it is asked the second time.

    That is in the middle of moving the base, with the lock held.
    """

    def __init__(self, inside):
        super().__init__()
        self.asked = 0
        self.inside = inside
        self.made = self.generator()
        self.wall_ns += 10**12

    def wall(self):
        self.asked += 1
        # The first time it was asked for the base.
        if self.asked == 3:
            self.inside(self.made)
        return self.wall_ns


def test_a_call_inside_a_call_works():
    """A signal handler that logs in the middle of a call neither hangs nor repeats an id."""
    ids = []
    generator = WallThatCalls(lambda generator: ids.append(generator.new_id())).made
    ids.append(generator.new_id())
    ids.append(generator.new_id())
    assert len(set(ids)) == len(ids) == 3


def test_a_held_lock_is_not_waited_for():
    """While another thread moves the base, ids are made without it."""
    ids = []

    def call_in_a_thread(generator):
        thread = threading.Thread(target=lambda: ids.append(generator.new_id()))
        thread.start()
        thread.join(10)

    WallThatCalls(call_in_a_thread).made.new_id()
    assert [milliseconds(made) for made in ids] == [START // 10**6]


@pytest.mark.guarantee("fork-threads")
def test_a_forked_child_draws_new_random_bits():
    """Parent and child never make the same id, even at one tick with one count."""
    parent = new_id()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        assert answer.read()[-12:] != parent[-12:]


def test_reseeding_replaces_a_lock_that_was_held():
    """A lock that a thread of the parent held at the fork does not stay held in the child."""
    ids = []

    def fork(generator):
        generator.reseed()
        clocks.ticks_ns += 10**9
        generator.new_id()
        ids.append(generator.new_id())

    clocks = WallThatCalls(fork)
    clocks.made.new_id()
    assert [milliseconds(made) for made in ids] == [clocks.wall_ns // 10**6]
