"""What is told of engines that only speak PostgreSQL's language, by what they say of themselves."""

import pytest

from runlog._checks.engines import Cluster, Engine, cluster_findings, engine_findings

POSTGRES = "PostgreSQL 17.2 (Debian 17.2-1.pgdg120+1) on x86_64-pc-linux-gnu, compiled by gcc"
COCKROACH = "CockroachDB CCL v25.2.0 (x86_64-pc-linux-gnu, built 2025/05/09, go1.23.7)"
YUGABYTE = (
    "PostgreSQL 15.12-YB-2.25.1.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 17.0.6"
)


def engine(version=POSTGRES, *, extensions=("plpgsql",), is_neon=False, is_hypertable=False):
    return Engine(version, list(extensions), is_neon, is_hypertable)


def told(findings):
    return [(found.state, found.found.split(",")[0].split(":")[0]) for found in findings]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (engine(), []),
        (engine(extensions=["plpgsql", "timescaledb"]), []),
        (engine(COCKROACH), [("warning", "CockroachDB")]),
        (engine(YUGABYTE), [("warning", "YugabyteDB")]),
        (engine(is_neon=True), [("note", "Neon")]),
        (
            engine(is_hypertable=True),
            [("warning", "runs or logs is a hypertable of TimescaleDB")],
        ),
    ],
)
def test_what_is_told_of_an_engine(seen, expected):
    """A plain PostgreSQL needs no word; where something is silently wrong there is a warning with a remedy."""
    findings = list(engine_findings(seen))
    assert told(findings) == expected
    assert all(found.remedy for found in findings if found.is_bad)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Cluster(is_coordinator=True, spread=2, are_together=True), [("ok", "Citus; a run and its entries lie on one node")]),
        (Cluster(is_coordinator=True, spread=0, are_together=None), [("note", "Citus; the tables lie on one node")]),
        (Cluster(is_coordinator=True, spread=2, are_together=False), [("warning", "runs and logs are not spread together over the Citus cluster (runs by id")]),
        (Cluster(is_coordinator=True, spread=1, are_together=True), [("warning", "runs and logs are not spread together over the Citus cluster (runs by id")]),
        (Cluster(is_coordinator=False, spread=2, are_together=True), [("warning", "a worker of a Citus cluster")]),
    ],
)  # fmt: skip
def test_what_is_told_of_a_cluster(seen, expected):
    """Whoever writes to a worker, or has spread the tables apart, is warned."""
    assert told(cluster_findings(seen)) == expected
