"""Questions people wait for use the index made for them, and read little more than they answer.

The seeded database is small; what is asserted would hold in a large one: which indexes are used,
and that the rows touched are in proportion to the rows returned.
"""

from datetime import timedelta

import psycopg
import pytest
from kit.postgres import LAYOUT
from kit.rows import ago
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runlog import queries

SEED = """
insert into runs (id, batch_id, script_name, status, started_at, finished_at, duration_ms,
  sync_mode, records_fetched, metadata)
select
  gen_random_uuid(), gen_random_uuid(),
  case when n <= 1000 then 'retired' else 'script-' || lpad((n % 25)::text, 2, '0') end,
  case when n % 30 = 0 then 'error' when n > 19990 then 'running' else 'success' end,
  now() - interval '10 minutes' * (20000 - n), now() - interval '10 minutes' * (20000 - n),
  1000 * (n % 60), 'full', n, '{"runlog": {"host": "w1"}}'
from generate_series(1, 20000) as n;
insert into logs (run_id, timestamp, level, step, message, meta)
select
  id, started_at + interval '1 second' * n,
  case when n = 12 then 'ERROR' when n % 6 = 0 then 'WARNING' else 'INFO' end,
  case when n < 6 then 'FETCH' else 'UPSERT' end, 'page ' || n, '{"count": 100}'
from runs, generate_series(1, case when records_fetched = 10000 then 3000 else 12 end) as n;
"""


class Asked(psycopg.Cursor):
    """A cursor that keeps what was asked, for EXPLAIN to be asked the same."""

    def execute(self, query, params=None, **options):
        self.connection.asked = (query, params)
        return super().execute(query, params, **options)


@pytest.fixture(scope="module")
def seeded(postgres, template_database):
    """A connection to a database with 20,000 runs and 240,000 entries, 3,000 of them in one run."""
    name = "runlog_plans"
    template = conninfo_to_dict(template_database)["dbname"]
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}")
        try:
            with psycopg.connect(
                make_conninfo(postgres.dsn, dbname=name), autocommit=True
            ) as seeded:
                seeded.execute(SEED)
                seeded.execute("vacuum analyze runs, logs")
                # As hosted servers have it: their disks do not seek.
                seeded.execute("set random_page_cost to 1.1")
                seeded.cursor_factory = Asked
                yield seeded
        finally:
            admin.execute(f"drop database {name} with (force)")


def explain(connection, ask):
    """Return the answer's length, the indexes used, the tables read whole, and the rows touched."""
    answer = ask(connection)
    query, params = connection.asked
    text = b"explain (analyze, format json) " + query
    [[[plan]]] = connection.execute(text, params).fetchall()
    nodes = list(walk(plan["Plan"]))
    scans = [
        node for node in nodes if "Relation Name" in node or node["Node Type"].endswith("Scan")
    ]
    scans = [node for node in scans if "Plans" not in node or "Relation Name" in node]
    # The seed's ids are of any month: in some there are a handful, which are read as they are.
    whole = [node for node in scans if node["Node Type"] == "Seq Scan"]
    months = [node for node in whole if node["Relation Name"].startswith("logs_2")]
    touched = sum(touched_by(node) for node in scans if node not in months)
    return {
        "answer": len(answer) if isinstance(answer, list) else 1,
        "indexes": {
            # In the partitioned layout the table of before keeps its indexes under this name.
            node["Index Name"].removesuffix("_before")
            for node in nodes
            if "Index Name" in node
        },
        "whole": {node["Relation Name"] for node in whole if node not in months},
        "touched": touched,
    }


def walk(node):
    yield node
    for child in node.get("Plans", []):
        yield from walk(child)


def touched_by(node):
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return (node["Actual Rows"] + removed) * node["Actual Loops"]


def some_run(connection, **filters):
    return queries.last_runs(connection, limit=1, **filters)[0]


def page_of_runs(connection):
    run = some_run(connection, until=ago(days=10))
    return queries.last_runs(connection, limit=20, before=run)


def long_run(connection):
    """The run in the middle, which has 3,000 entries."""
    query = "select id from runs where records_fetched = 10000"
    return connection.execute(query).fetchone()[0]


def newest_of_run(connection):
    return queries.newest_entries_of_run(connection, run_id=long_run(connection), limit=10)


def page_of_entries(connection):
    run_id = long_run(connection)
    first = queries.entries_of_run(connection, run_id=run_id, limit=10)
    return queries.entries_of_run(connection, run_id=run_id, limit=10, after=first[-1])


def errors_of_run(connection):
    run = some_run(connection, status="error")
    return queries.newest_entries_of_run(connection, run_id=run.id, level="ERROR")


def steps(connection):
    run = some_run(connection, until=ago(days=10))
    return queries.steps_of_run(connection, run_id=run.id)


def batch(connection):
    run = some_run(connection, until=ago(days=10))
    return queries.runs_of_batch(connection, batch_id=run.batch_id)


def after_a_moment(connection):
    return queries.entries_after(connection, after=ago(minutes=15))


CASES = {
    "newest runs": (queries.last_runs, "idx_runs_started_at", 3),
    "page of runs": (page_of_runs, "idx_runs_started_at", 3),
    "runs of a script": (
        lambda c: queries.last_runs(c, script="script-07"), "idx_runs_script_name_started_at", 3
    ),
    # Equal in size here; the documented one grows with every ended run, and then loses.
    "running now": (queries.running_now, "idx_runs_running|idx_runs_status", 5),
    "last success": (
        lambda c: queries.find_last_success(c, script="script-07"), "idx_runs_last_success", 3
    ),
    "a batch": (batch, "idx_runs_batch_id", 3),
    "one run": (lambda c: queries.find_run(c, run_id=some_run(c).id), "runs_pkey", 3),
    "beginning of an id": (
        lambda c: queries.runs_with_prefix(c, prefix=str(some_run(c).id)[:13]), "runs_pkey", 3
    ),
    "newest entries of a run": (newest_of_run, "idx_logs_run_id_timestamp_id", 3),
    "page of entries": (page_of_entries, "idx_logs_run_id_timestamp_id", 3),
    "steps of a run": (steps, "idx_logs_run_id_timestamp_id", 50),
    "entries after a moment": (after_a_moment, "idx_logs_timestamp", 5),
    "newest entries of all": (
        lambda c: queries.search_entries(c, limit=50, since=timedelta(days=20)),
        "idx_logs_timestamp",
        5,
    ),
    "the newest runs of each script": (
        lambda c: queries.recent_runs(c, each=30), "idx_runs_script_name_started_at", 3
    ),
    "lines of a run": (
        lambda c: queries.lines_of_run(c, run_id=long_run(c)), "idx_logs_run_id_timestamp_id", 3
    ),
    "errors of a day": (queries.recent_errors, "idx_logs_errors", 5),
    "kinds of errors of a day": (queries.error_groups, "idx_logs_errors_timestamp", 1500),
    "errors found by level": (
        lambda c: queries.search_entries(c, level="ERROR", limit=5), "idx_logs_errors_timestamp", 10
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_question_is_answered_from_its_index(seeded, name):
    """The intended index is used, no table is read whole, and the rows touched fit the answer."""
    ask, index, factor = CASES[name]
    found = explain(seeded, ask)
    assert found["answer"] > 0
    assert found["indexes"] & set(index.split("|")), found
    assert found["whole"] == set(), found
    # Each partition is asked for itself.
    pieces = 2 if LAYOUT else 1
    assert found["touched"] <= pieces * factor * found["answer"] + 10, found


def test_a_script_that_is_silent_is_found_at_once(seeded):
    """The last run of a script that has not run for long costs no walk through all later ones."""
    ask = lambda c: queries.last_runs(c, script="retired")  # noqa: E731
    found = explain(seeded, ask)
    assert "idx_runs_script_name_started_at" in found["indexes"]
    assert found["touched"] <= 3 * found["answer"] + 10


@pytest.mark.parametrize(("pattern", "answer"), [("script-0?", 10), ("nothing-*", 0)])
def test_a_pattern_is_looked_up_among_the_names(seeded, pattern, answer):
    """A pattern costs a look a name and the newest runs of each that matches, not a walk through all runs."""
    found = explain(seeded, lambda c: queries.last_runs(c, script=pattern))
    assert (found["answer"], found["whole"]) == (answer, set())
    assert found["touched"] <= 2 * 27 + 10 * answer + 10, found


def test_health_reads_the_period_and_one_run_a_script(seeded):
    """The health of 26 scripts costs the runs of the period, not the history."""
    found = explain(seeded, lambda c: queries.script_health(c, since=timedelta(days=1)))
    assert found["answer"] == 26
    assert "idx_runs_script_name_started_at" in found["indexes"]
    assert found["whole"] == set()
    # 144 runs began in the day; each script costs a few looks into an index.
    assert found["touched"] <= 144 + 6 * 25 + 25


def test_slowest_steps_read_a_sample(seeded):
    """The steps of a script cost the entries of the sampled runs, however many others there are."""
    ask = lambda c: queries.slowest_steps(c, script="script-07", sample=3)  # noqa: E731
    found = explain(seeded, ask)
    assert found["answer"] == 2
    assert "logs" not in found["whole"]
    assert found["touched"] <= 25 * 8 + 3 * 40 + 50
