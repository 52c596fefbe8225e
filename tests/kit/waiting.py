"""Waiting for something that another thread, process or server does.

`eventually` calls an assertion until it holds, `until` a question until the answer is yes.
Both run on the test's own thread and block it, at most `within` seconds.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.1


def eventually(assertion: Callable[[], T], within: float = 10.0) -> T:
    """Call `assertion` until it raises no AssertionError any more.

    Any other exception passes through at once. The assertion is called at least once, and once
    more when the time is over, so a machine that stood still does not make a test fail.

    Args:
        assertion: Called without arguments, again and again.
        within: Seconds after which the last AssertionError is raised. Default: 10.

    Returns:
        What the assertion returned when it held.
    """
    deadline = time.monotonic() + within
    pause = FIRST_PAUSE
    while True:
        is_last = time.monotonic() >= deadline
        try:
            return assertion()
        except AssertionError:
            if is_last:
                raise
        time.sleep(min(pause, max(deadline - time.monotonic(), 0.0)))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def until(is_so: Callable[[], object], within: float = 10.0) -> None:
    """Ask until the answer is true, as `eventually` does; AssertionError where it never is.

    Args:
        is_so: Called without arguments, again and again.
        within: Seconds after which it is given up. Default: 10.
    """

    def it_is() -> None:
        assert is_so()

    eventually(it_is, within)
