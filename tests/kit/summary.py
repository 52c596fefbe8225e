"""What the end of a test run tells, also with -q: the order in which the tests ran."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter, config):
    """Name the seed, with which the same order can be had again."""
    seed = config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.write_line(f"the same order again: pytest --randomly-seed={seed}")
