"""Exceptions in meta: whole, bounded, and safe whatever the exception does."""

import sys

import pytest

from runlog._entry.exceptions import exception_meta


class RaisingTextError(Exception):
    def __str__(self):
        raise RuntimeError


class WrongTextError(Exception):
    def __str__(self):
        return 5  # noqa: PLE0307 - that is the fault


def caught(raise_it):
    try:
        raise_it()
    except BaseException as error:
        return error
    raise AssertionError


def raise_chained():
    try:
        {}["first"]
    except KeyError as error:
        raise ValueError("second") from error


def test_an_exception_becomes_three_fields():
    """Text, qualified type and traceback are told."""
    error = caught(raise_chained)
    meta = exception_meta(error)
    assert (meta["error"], meta["error_type"]) == ("second", "ValueError")
    assert list(meta) == ["error", "error_type", "stack"]
    assert meta["stack"].startswith("Traceback (most recent call last):\n")
    assert meta["stack"].endswith("ValueError: second")


def test_the_chain_is_told():
    """The cause of an exception is in the stack too."""
    stack = exception_meta(caught(raise_chained))["stack"]
    assert "KeyError: 'first'" in stack
    assert "direct cause" in stack


def test_groups_are_told():
    """The members of an exception group are in the stack."""

    def raise_group():
        raise ExceptionGroup("many", [ValueError("one"), TypeError("two")])

    stack = exception_meta(caught(raise_group))["stack"]
    assert "ValueError: one" in stack
    assert "TypeError: two" in stack


@pytest.mark.parametrize("kind", ["tuple", "true", "instance"])
def test_every_form_of_exc_info_is_understood(kind):
    """The tuple, True and the exception itself give the same."""
    try:
        raise_chained()
    except ValueError as error:
        exc_info = {"tuple": sys.exc_info(), "true": True, "instance": error}[kind]
        meta = exception_meta(exc_info)
    assert meta["error_type"] == "ValueError"
    assert "raise_chained" in meta["stack"]


@pytest.mark.parametrize("nothing", [None, False, True, (None, None, None), (), "text", (1, 2)])
def test_no_exception_gives_no_fields(nothing):
    """Without an exception there is nothing to add."""
    assert exception_meta(nothing) == {}


def test_an_exception_that_was_never_raised_is_told():
    """Without a traceback the stack is its last line."""
    assert exception_meta(ValueError("x"))["stack"] == "ValueError: x"


@pytest.mark.parametrize("kind", [RaisingTextError, WrongTextError])
def test_a_text_that_raises_is_survived(kind):
    """An exception whose own text fails is marked."""
    meta = exception_meta(kind())
    assert meta["error"].startswith(f"<unrepresentable {kind.__name__}: str raised ")
    assert meta["error_type"] == f"{__name__}.{kind.__name__}"
    assert kind.__name__ in meta["stack"]


def test_an_endless_recursion_is_bounded():
    """Of a stack of thousands of frames the innermost are told, and the size is bounded."""
    limit = sys.getrecursionlimit()

    def first(n):
        return second(n + 1)

    def second(n):
        return first(n + 1)

    sys.setrecursionlimit(5000)
    try:
        meta = exception_meta(caught(lambda: first(0)))
    finally:
        sys.setrecursionlimit(limit)
    assert meta["error_type"] == "RecursionError"
    assert len(meta["stack"]) < 70_000
    assert meta["stack"].endswith("RecursionError: maximum recursion depth exceeded")


def test_a_long_text_keeps_head_and_tail():
    """The text of an exception is cut with its full size told."""
    meta = exception_meta(ValueError("a" + "b" * 100_000 + "c"))
    assert len(meta["error"]) < 17_000
    assert meta["error"][0] + meta["error"][-1] == "ac"
    assert "…[cut; 100002 characters in all]…" in meta["error"]
    assert len(meta["stack"]) < 66_000


def test_an_exception_in_a_loop_with_itself_is_told():
    """A circular chain ends."""
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one
    assert exception_meta(one)["stack"].count("ValueError: two") == 1
