"""The benchmark itself: that it runs, counts and compares right. No figure is judged here."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
QUICK = ("--repeat", "1", "--warmup", "0", "--scale", "0.002")
PEERS = {
    "emit-queue": "logging",
    "emit-json": "pythonjsonlogger",
    "emit-otel": "opentelemetry",
    "processor-json": "structlog",
}
COLUMNS = {
    "measure", "rounds", "ours", "theirs", "ratio", "ratio_of_medians", "difference", "further",
    "unit", "reached",
}  # fmt: skip


@pytest.fixture
def load(monkeypatch):
    """Import a module of the benchmark as the benchmark does, by its bare name."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


@pytest.fixture
def bench(postgres, tmp_path):
    """Run the command at a tiny size on the session's server; return its table and its JSON."""

    def run(*names):
        path = tmp_path / "figures.json"
        only = [word for name in names for word in ("--only", name)]
        done = subprocess.run(
            [sys.executable, BENCH, *QUICK, *only, "--json", path],
            env={**os.environ, "RUNLOG_TEST_DSN": postgres.dsn},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout, json.loads(path.read_text())["results"]

    return run


def spreads(result):
    """Return every median, low and high of a row."""
    named = [result[name] for name in ("ours", "theirs", "ratio", "difference")]
    return [*filter(None, named), *result["further"].values()]


def test_the_command_compares_and_prints_a_row_each(bench):
    """At a tiny size, each measure whose peer is installed is a row with all its columns."""
    able = [name for name, package in PEERS.items() if importlib.util.find_spec(package)]
    table, results = bench(*PEERS)
    assert [result["measure"]["name"] for result in results] == able
    assert len(table.splitlines()) == 1 + len(able)
    for result in results:
        assert set(result) == COLUMNS
        assert result["theirs"] is not None
        assert result["further"]["null_us"]["median"] > 0
        assert result["unit"] == "µs"
        assert all(each["low"] <= each["median"] <= each["high"] for each in spreads(result))


def test_the_command_delivers_what_it_times(bench):
    """Delivery is measured only if all rows arrived, beside the bulk load of the same rows."""
    _, results = bench("bulk", "stall-max")
    assert [result["measure"]["name"] for result in results] == [
        "stall-max", "bulk-copy", "bulk-backlog",
    ]  # fmt: skip
    assert all(result["ours"]["median"] > 0 for result in results)
    assert results[1]["theirs"] == results[2]["theirs"]


def test_rows_whose_peer_is_missing_are_left_out_and_named(monkeypatch, capsys):
    """Who has not installed the peers gets the other rows, and is told which are missing."""
    monkeypatch.setattr(sys, "path", list(sys.path))  # the script makes its own
    main = runpy.run_path(str(BENCH / "__main__.py"))
    measure = next(each for each in main["MEASURES"] if each.name == "emit-otel")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert not main["_has_peer"](measure)
    assert "emit-otel: left out, opentelemetry.sdk is not installed" in capsys.readouterr().err


def test_contenders_take_turns_and_the_warm_up_is_left_out(load):
    """A B A B A B, and only the rounds after the warm-up count."""
    turns = []
    contenders = {
        name: lambda name=name: {"figure": float(turns.append(name) or len(turns))} for name in "AB"
    }
    samples = load("rounds").take_turns(contenders, repeat=2, warmup=1)
    assert turns == ["A", "B"] * 3
    assert samples == {
        "A": [{"figure": 3.0}, {"figure": 5.0}],
        "B": [{"figure": 4.0}, {"figure": 6.0}],
    }


def test_ratios_are_taken_within_a_round(load):
    """The median of the rounds' own ratios counts, and the ratio of medians stands beside it."""
    measures, results = load("measures"), load("results")
    measure = measures.Measure(
        "m", "title", "group.function", "net_us", theirs="peer", goals=measures.at_most(0.5)
    )
    samples = {
        "runlog": [{"net_us": 1.0, "cpu_us": 7.0}, {"net_us": 8.0, "cpu_us": 9.0}],
        "peer": [{"net_us": 2.0}, {"net_us": 20.0}],
    }
    found = results.compare(measure, samples)
    spread = load("rounds").Spread
    assert found.ours == spread(4.5, 1.0, 8.0)
    assert found.theirs == spread(11.0, 2.0, 20.0)
    assert found.ratio == spread(0.45, 0.4, 0.5)
    assert found.ratio_of_medians == pytest.approx(4.5 / 11.0)
    assert found.difference == spread(-6.5, -12.0, -1.0)
    assert found.further == {"cpu_us": spread(8.0, 7.0, 9.0)}
    assert found.is_reached is True


@pytest.mark.parametrize(("theirs", "reached"), [(99.0, False), (100.0, True)])
def test_a_gain_is_how_many_times_faster_it_is(load, theirs, reached):
    """Where the goal is "n times faster", the ratio is theirs over ours, and n itself is enough."""
    measures, results = load("measures"), load("results")
    measure = measures.Measure(
        "m", "title", "group.function", "seconds", theirs="peer", goals=measures.at_least(50),
        gain=True,
    )  # fmt: skip
    found = results.compare(measure, {"runlog": [{"seconds": 2.0}], "peer": [{"seconds": theirs}]})
    assert found.ratio.median == theirs / 2
    assert found.is_reached is reached


def test_every_measure_can_be_named_and_every_note_belongs_to_one(load):
    """Names are unique, groups exist, and notes.toml speaks only of measures that there are."""
    table = load("measures").MEASURES
    names = [measure.name for measure in table]
    assert len(set(names)) == len(names)
    for measure in table:
        module, _, function = measure.group.partition(".")
        assert callable(getattr(load(module), function)), measure.name
    assert set(tomllib.loads((BENCH / "notes.toml").read_text())) <= set(names)


def test_the_page_holds_machine_table_and_notes(load, tmp_path, monkeypatch):
    """The page is whole without a hand on it; what a person wrote comes from notes.toml."""
    measures, results, page = load("measures"), load("results"), load("page")
    notes = tmp_path / "notes.toml"
    notes.write_text('m = "The clock is slow."\n')
    monkeypatch.setattr(page, "_NOTES", notes)
    measure = measures.Measure(
        "m", "A title", "group.function", "p99_ms", goals=measures.at_most(1, "ours"), how="So."
    )
    path = tmp_path / "performance.md"
    compared = [results.compare(measure, {"runlog": [{"p99_ms": 2.0}]})]
    figures = [load("rounds").Spread(2.0, 1.0, 3.0)] * 4
    peers = [load("peers").Row("a handler", 5, *figures)]
    page.write_page(path, {"python": "3.11"}, compared, [("the id", 0.4)], peers)
    text = path.read_text()
    assert "| a handler | 2.00 µs (1.00 to 3.00) | 2.00 µs (1.00 to 3.00) | 2 | 2 |\n" in text
    page.write_peers(path, {}, peers)
    assert path.read_text() == text
    assert "| A title | 2.00 ms (2.00 to 2.00) | - | - | - | ≤ 1 ms | no |" in text
    assert "- python: 3.11\n" in text
    assert "| the id | 0.40 |\n" in text
    assert "### A title: `m`\n\nSo. Rounds: 1.\n\nNot reached: The clock is slow.\n" in text


def test_an_earlier_run_is_read_back_as_it_was(load):
    """What --json wrote goes into a later page (--add) with the same figures."""
    measures, results = load("measures"), load("results")
    measure = measures.MEASURES[0]
    sample = {measure.figure: 2.0, "further_us": 1.0}
    samples = {measure.ours: [sample], measure.theirs: [{**sample, measure.figure: 4.0}]}
    made = results.compare(measure, samples)
    told = json.loads(json.dumps(made.as_json()))
    assert results.from_json(told, measures.MEASURES) == made


def test_the_page_of_scale_tells_each_question_and_why_it_takes_long(load, tmp_path, monkeypatch):
    """What takes more than the aim stands there with its reason; one without says so."""
    page = load("scale_page")
    notes = tmp_path / "notes.toml"
    notes.write_text('[accepted]\n"a" = "it reads all"\n')
    monkeypatch.setattr(page, "_NOTES", notes)
    questions = {name: {"rows": 1000, "ms": ms} for name, ms in (("a", 70), ("b", 60), ("c", 9.04))}
    figures = {
        "entries": 1000, "runs": 10, "bytes": {"heap": 300.0, "logs_pkey": 31.5}, "partitions_s": 2,
        "writing": {"us": 12.5, "wal_bytes": 660.0}, "questions": questions,
        "deleting": {"seconds": 3.0, "entries": 500, "runs": 5, "wal_bytes": 4e6},
    }  # fmt: skip
    path = tmp_path / "scale.md"
    page.write_scale_page(path, {"python": "3.11"}, {"1 M": figures})
    text = path.read_text()
    for line in ("| a | 1,000 | **70** |", "- a: it reads all.", "- b: not looked into yet.",
                 "| c | 1,000 | 9.0 |", "| on the disk, bytes an entry | 332 |",
                 "| logs_pkey | 31.5 | the key", "took 500 entries and 5 runs", "and wrote 4 MB",
                 "(../how-to/citus.md) |", "- python: 3.11"):  # fmt: skip
        assert line in text


def test_each_question_of_the_page_of_scale_is_answered(load, database, connection):
    """The filling gives runs with the entries that they name, and every question finds its way."""
    scale, questions = load("scale"), load("questions")
    scale._fill(database, 60)
    (made,) = connection.execute("select sum(records_inserted) from runs").fetchone()
    assert connection.execute("select count(*) from logs").fetchone() == (made,)
    told = "select sum((metadata #>> '{runlog,entries}')::integer) from runs"
    assert connection.execute(told).fetchone() == (made,)
    answers = questions.ask_all(database)
    assert answers["newest 50 runs"]["rows"] > 0
    reasons = tomllib.loads((BENCH / "scale_notes.toml").read_text())["accepted"]
    assert set(reasons) <= set(answers)


@pytest.mark.parametrize("subject", ["null", "queue", "runlog", "import runlog"])
def test_what_instructions_are_counted_of_runs(subject, own_environment):
    """Each contender logs all mixes to its end; the counting itself is valgrind's."""
    variables = {"PYTHONPATH": str(BENCH.parents[1]), "RUNLOG_SPOOL_DIR": str(own_environment)}
    done = subprocess.run(
        [sys.executable, BENCH / "instructions.py", subject],
        env={**os.environ, **variables, "RUNLOG_DSN": "host=127.0.0.1 port=1 dbname=none"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
