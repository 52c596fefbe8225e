"""Which test proves which guarantee, with which counts: the page of guarantees is made of this.

``@pytest.mark.guarantee("outage")`` names what a test proves, as in ``guarantees.toml``; the fixture
``evidence(kills=kills, lost=lost)`` takes what it counted. ``@pytest.mark.storm(short=5, long=200)`` gives
the fixture ``rounds``: the short count by default, with ``--storm FACTOR`` that many times the long
one. ``--report PATH`` writes the page when the run is over.
"""

from __future__ import annotations

import os
import platform
import time
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit import postgres

GUARANTEES = Path(__file__).with_name("guarantees.toml")
ROOT = GUARANTEES.parents[2]
COMMAND = (
    "pytest tests -m guarantee -n 2 --dist loadfile --storm={factor:g}"
    " --report=docs/explanation/guarantees.md"
)


@dataclass
class Proof:
    """What one test function has shown, over all its parameters."""

    guarantee: str
    says: str
    place: str
    outcomes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))


COUNTS = pytest.StashKey[dict[str, int]]()
COLLECTOR = pytest.StashKey["Collector"]()


class Collector:
    """What the tests of this run have shown; with ``-n`` the reports of all workers come to one."""

    def __init__(self):
        self.start = time.monotonic()
        self.proofs: dict[tuple[str, str], Proof] = {}
        self.outcomes: dict[str, str] = {}
        """Of each test, once: it may prove several guarantees."""

    def pytest_runtest_logreport(self, report):
        for name, says, counts in dict(report.user_properties).get("proves", ()):
            self.outcomes[report.nodeid] = report.outcome
            place = report.nodeid.partition("[")[0]
            proof = self.proofs.setdefault((name, place), Proof(name, says, place))
            proof.outcomes.append(report.outcome)
            for what, count in counts.items():
                proof.counts[what] += count


def known_guarantees():
    """The guarantees by their ids, in the order of the page."""
    return {each["id"]: each for each in tomllib.loads(GUARANTEES.read_text())["guarantee"]}


def pytest_addoption(parser):
    parser.addoption(
        "--storm", type=float, default=0, metavar="FACTOR",
        help="run the storms in their long form, FACTOR times their long counts",
    )  # fmt: skip
    parser.addoption("--report", metavar="PATH", help="write the page of guarantees")


def pytest_configure(config):
    config.stash[COLLECTOR] = Collector()
    config.pluginmanager.register(config.stash[COLLECTOR])


def pytest_collection_modifyitems(config, items):
    """Refuse guarantees that nobody gives, and give long storms the time that they need."""
    known = known_guarantees()
    for item in items:
        for mark in item.iter_markers("guarantee"):
            for name in mark.args:
                if name not in known:
                    raise pytest.UsageError(f"{item.nodeid}: no guarantee is called {name!r}")
        if config.getoption("--storm") and item.get_closest_marker("storm"):
            item.add_marker(pytest.mark.timeout(3600 * max(1, config.getoption("--storm"))))


@pytest.fixture
def rounds(request):
    """How often a storm repeats: its short count, or with ``--storm`` a multiple of its long one.

    A storm with ``fixed=True`` is a size and no number of repeats: long with any ``--storm``.
    """
    storm = request.node.get_closest_marker("storm").kwargs
    factor = request.config.getoption("--storm")
    if not factor:
        return storm["short"]
    if storm.get("fixed"):
        return storm["long"]
    return max(storm["short"], round(storm["long"] * factor))


@pytest.fixture
def evidence(request):
    """``evidence(kills=200, lost=0)``: keep what was counted; told only if the test passes."""
    counts = request.node.stash.setdefault(COUNTS, defaultdict(int))

    def keep(**counted):
        for name, count in counted.items():
            counts[name] += count

    return keep


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    is_told = report.when == "call" or (report.when == "setup" and not report.passed)
    names = [name for mark in item.iter_markers("guarantee") for name in mark.args]
    if is_told and names:
        says = " ".join((item.function.__doc__ or "").split())
        counts = dict(item.stash.get(COUNTS, {})) if report.passed else {}
        report.user_properties.append(("proves", [(name, says, counts) for name in names]))
    return report


def pytest_sessionfinish(session):
    path = session.config.getoption("--report")
    if path and not hasattr(session.config, "workerinput"):
        Path(path).write_text(page(session.config))


def page(config):
    """The page: what is promised, what showed it, and what is not promised."""
    spec = tomllib.loads(GUARANTEES.read_text())
    proofs = config.stash[COLLECTOR].proofs.values()
    parts = [_head(config)]
    for each in spec["guarantee"]:
        own = [proof for proof in proofs if proof.guarantee == each["id"]]
        parts.append(f"## {each['title']}\n\n{each['says']}\n\n{_table(own)}")
    missing = "\n".join(f"- {text}" for text in spec["not_promised"].values())
    parts.append(f"## What is not promised\n\n{missing}\n")
    return "\n".join(parts)


def _head(config):
    collector = config.stash[COLLECTOR]
    outcomes = list(collector.outcomes.values())
    factor = config.getoption("--storm")
    size = (
        f"storms at {factor:g} times their long counts" if factor else "storms in their short form"
    )
    minutes = (time.monotonic() - collector.start) / 60
    told = ", ".join(
        f"{outcomes.count(outcome)} {outcome}"
        for outcome in ("passed", "failed", "skipped")
        if outcome in outcomes
    )
    return (
        "# Guarantees\n\nWhat runlog promises, the tests that show it, and what they counted.\n"
        f"Made by `{COMMAND.format(factor=factor or 1)}`; do not edit.\n\n"
        f"Last run: {datetime.now(UTC):%Y-%m-%d}, {told}; {size}, {minutes:.0f} minutes on"
        f" {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()},"
        f" {postgres.pytest_report_header()}.\n"
    )


def _table(proofs):
    rows = ["| what must hold | counted | outcome |", "|---|---|---|"]
    for proof in sorted(proofs, key=lambda proof: proof.place):
        file, _, name = proof.place.partition("::")
        counts = ", ".join(
            f"{count:,} {what.replace('_', ' ')}" for what, count in proof.counts.items()
        )
        rows.append(
            f"| {proof.says} [`{name}`](../../{file}) | {counts or ''} | {_outcome(proof.outcomes)} |"
        )
    return "\n".join(rows) + "\n"


def _outcome(outcomes):
    if len(set(outcomes)) == 1:
        return outcomes[0] if len(outcomes) == 1 else f"{len(outcomes)} {outcomes[0]}"
    return ", ".join(f"{outcomes.count(each)} {each}" for each in sorted(set(outcomes)))
