"""The page of guarantees: each is proven by tests that exist, and none of them failed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kit.evidence import known_guarantees

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "guarantees.md"
ROW = re.compile(r"^\| .*\[`(\w+)`\]\(\.\./\.\./(tests/[\w/]+\.py)\) \| (.*) \| (.*) \|$")


def sections():
    """The page's rows by the guarantee under whose title they stand."""
    parts = re.split(r"^## (.*)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("name", known_guarantees())
def test_a_guarantee_is_proven_by_tests_that_exist(name):
    """Each stands on the page with its sentence and with tests, which can be found where it says."""
    known = known_guarantees()[name]
    section = sections()[known["title"]]
    assert known["says"] in section
    rows = [found for line in section.splitlines() if (found := ROW.match(line))]
    assert rows
    for row in rows:
        assert f"def {row[1]}(" in (ROOT / row[2]).read_text()
        assert "failed" not in row[4]


def test_the_last_long_run_is_told_and_nothing_failed():
    """The page says when it was made, of which run and on what; and no test of it failed."""
    head = PAGE.read_text().split("##")[0]
    assert re.search(r"Last run: \d{4}-\d\d-\d\d, \d+ passed", head)
    assert "times their long counts" in head
    assert "failed" not in head


def test_every_loss_and_every_double_that_was_counted_is_zero():
    """Whatever the storms counted as lost, doubled or left open is nothing."""
    counted = re.findall(r"(\d[\d,]*) (lost|doubled|runs left open)\b", PAGE.read_text())
    assert len(counted) > 10
    assert {number for number, _ in counted} == {"0"}
