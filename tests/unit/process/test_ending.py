"""Endings: what the row of a run tells of the error that ended it."""

from __future__ import annotations

from runlog._process.ending import Ending, ending_of


def message_of(error):
    return ending_of(error).error_message


def test_a_group_tells_its_errors():
    """A TaskGroup's own text says only how many there are; what they say comes after it."""
    inner = ExceptionGroup("pages", [KeyError("b"), OSError()])
    group = ExceptionGroup("unhandled errors in a TaskGroup", [ValueError("a"), inner])
    assert message_of(group) == (
        "ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions): "
        "ValueError: a; KeyError: 'b'; OSError"
    )


def test_a_large_group_tells_the_first_of_its_errors():
    """Three are told; a group of thousands is not walked to its end."""
    group = ExceptionGroup("many", [ValueError(number) for number in range(10_000)])
    assert message_of(group) == (
        "ExceptionGroup: many (10000 sub-exceptions): "
        "ValueError: 0; ValueError: 1; ValueError: 2; and more"
    )


def test_an_error_whose_text_cannot_be_had_is_told():
    """A failing __str__, alone and in a group."""

    class OddError(Exception):
        def __str__(self):
            raise RuntimeError

    told = "<its text cannot be had: RuntimeError>"
    assert message_of(OddError()).endswith(f"OddError: {told}")
    assert message_of(ExceptionGroup("g", [OddError()])).endswith(told)


def test_an_exit_code_of_any_length_is_told():
    """Python itself refuses to print a number of thousands of digits."""
    assert ending_of(SystemExit(3)).error_message == "exit code 3"
    assert ending_of(SystemExit(10**5000)).error_message == "exit code beyond 64 bits"


def test_an_exit_whose_code_cannot_be_had():
    """A class of the program's has a property in its place: what the interpreter keeps is told."""

    class Odd(SystemExit):
        @property
        def code(self):
            raise RuntimeError

    error = Odd(3)
    assert ending_of(error) == Ending("error", "exited", "exit code 3", error)


def test_an_error_that_does_not_tell_its_class():
    """What an error says of its class is code of the program's, and nobody's business here."""

    class OddError(ValueError):
        @property
        def __class__(self):
            raise RuntimeError

    error = OddError("odd")
    assert ending_of(error)[:3] == ("error", "failed", f"{OddError.__qualname__}: odd")
