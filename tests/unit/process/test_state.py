"""The process's state on one object: fresh in one line, and afterwards the one before."""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading

import pytest

from runlog._process import exit as _exit
from runlog._process.state import Process, process, put_back


class Shelf:
    """A part."""

    def __init__(self):
        self.books = []


@pytest.fixture
def own(monkeypatch):
    """A process object of the test's own, with one of each."""
    made = Process()
    shelf = made.part(Shelf)
    bound = made.binding("bound")
    name = made.variable("RUNLOG_SHELF")
    monkeypatch.delenv(name, raising=False)
    return made, shelf, bound, name


def test_all_of_it_is_fresh_and_put_back(own, monkeypatch):
    """Part, binding and variable; whoever holds the part sees the one that counts."""
    made, shelf, bound, name = own
    shelf.books.append("outer")
    bound.set("outer")
    monkeypatch.setenv(name, "outer")
    with contextlib.suppress(KeyError), made.fresh():
        assert (shelf.books, bound.get(), os.environ.get(name)) == ([], None, None)
        shelf.books.append("inner")
        bound.set("inner")
        os.environ[name] = "inner"
        with made.fresh():
            assert (shelf.books, bound.get(), os.environ.get(name)) == ([], None, None)
        assert (shelf.books, bound.get(), os.environ[name]) == (["inner"], "inner", "inner")
        raise KeyError
    assert (shelf.books, bound.get(), os.environ[name]) == (["outer"], "outer", "outer")


def test_what_was_not_there_is_not_there_afterwards(own):
    """A module that is imported meanwhile enters its part too; a variable may have been unset."""
    made, _, _, name = own
    with made.fresh():
        late = made.part(Shelf)
        late.books.append("inner")
        os.environ[name] = "inner"
    assert late.books == []
    assert name not in os.environ


def test_no_thread_sees_a_part_without_its_attributes(own):
    """A recorder that is put aside has a thread, which goes on using the parts."""
    made, shelf, _, _ = own
    stop, failures = threading.Event(), []

    def use():
        while not stop.is_set():
            try:
                shelf.books.append(1)
            except AttributeError as error:
                failures.append(error)
                return

    thread = threading.Thread(target=use)
    thread.start()
    for _ in range(500):
        with made.fresh():
            pass
    stop.set()
    thread.join()
    assert failures == []


def test_a_binding_of_another_context_is_left_alone(own):
    """A generator that ends in another context has nothing to put back there, and does not raise."""
    _, _, bound, _ = own
    token = contextvars.copy_context().run(bound.set, "elsewhere")
    put_back(bound, token)
    assert bound.get() is None


def test_each_process_has_calls_at_the_end_of_its_own(monkeypatch):
    """A run within ``fresh`` does not use up the call at the end that one outside of it needs."""
    monkeypatch.setattr(_exit, "deliveries", [])
    monkeypatch.setattr(_exit, "after_exit", [])
    called = []

    def end():
        called.append("end")

    with process.fresh():
        _exit.at_end(end)
        _exit.begin()
    with process.fresh():
        assert _exit.left_of(60) == 60
        _exit._at_exit()
        assert (called, _exit.is_exiting()) == ([], True)
    assert not _exit.is_exiting()
    _exit.at_end(end)
    _exit.at_end(end)
    _exit._at_exit()
    assert called == ["end"]
