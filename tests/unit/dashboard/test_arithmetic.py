"""What the pages compute: concerns, bars, days, dots, facts of rows that are anything."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.dashboard import _charts as charts
from runlog.dashboard import _facts as facts
from runlog.dashboard._attention import find_concern
from runlog.dashboard._charts_of_days import days_back
from runlog.dashboard._durations import HEIGHT, WIDTH, duration_dots
from runlog.dashboard._heatmap import Cell, calendar, heatmap
from runlog.dashboard._site import STATES
from runlog.dashboard._timeline import timeline
from runlog.dashboard._volume import histogram
from runlog.queries import Volume

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ID = UUID(int=1)


@dataclass
class Health:
    """What is asked of a script's health."""

    script_name: str = "sync"
    last_run_id: UUID = ID
    last_error_message: str | None = None
    median_duration_ms: float | None = 10_000
    p95_duration_ms: float | None = 20_000
    usual_fetched: float | None = 100
    successful: int = 20


@dataclass
class Run:
    """What is asked of a recent run."""

    state: str = "success"
    elapsed_ms: int | None = 10_000
    records_fetched: int | None = 100
    records_failed: int | None = 0
    heartbeat_at: datetime | None = None
    id: UUID = ID
    started_at: datetime = NOW
    read_at: datetime = NOW


def concern(*runs, **health):
    """Return the word and the cause of what is wrong."""
    found = find_concern(Health(**health), list(runs), STATES)
    return found and (found.word, found.cause, found.note)


def test_a_script_that_is_fine_is_no_concern():
    """Success, and a run that goes on as usual after one, need nobody."""
    assert concern(Run()) is None
    assert concern(Run("running", 15_000), Run()) is None
    assert concern() is None


def test_what_has_ended_counts_while_the_next_runs():
    """A run that goes on says nothing yet: the failure before it is still there."""
    found = concern(Run("running"), Run("error"), Run("error"), Run(), last_run_id=UUID(int=2))
    assert found == ("error", "the run of 10.0 s ended like this", "2 times in a row")


def test_causes():
    """Each concern tells its cause."""
    assert concern(Run("error"), last_error_message="\nHTTPError: 503\nmore")[1] == "HTTPError: 503"
    assert concern(Run("partial", records_failed=35))[1] == "35 of 100 records failed"
    silent = Run("lost?", heartbeat_at=NOW - timedelta(minutes=14))
    assert concern(silent)[1] == "no sign of life for 14 min"
    assert concern(Run("running", 200_000))[0] == "unusually long"
    assert concern(Run("running", 70_000)) is None
    assert concern(Run(records_fetched=7)) == ("unusually few", "7 records, usually 100", "")
    assert concern(Run(records_fetched=7), usual_fetched=12) is None


def test_of_few_runs_nobody_knows_what_is_usual():
    """The second run of a script is neither long nor poor."""
    assert concern(Run("running", 200_000), successful=2) is None
    assert concern(Run(records_fetched=7), successful=2) is None


def test_a_row_that_has_never_been_otherwise_says_at_least():
    """When all the runs that are known failed, there may be more of them."""
    assert concern(*[Run("error")] * 3)[2] == "3+ times in a row"


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), max_size=30))
def test_bars_stand_on_the_ground(values):
    """Whatever the values are, each bar has a height and ends at the bottom, the last at the right."""
    bars = charts.row_of_bars(values, values, places=30, height=24)
    assert len(bars) == len(values)
    assert all(4 <= bar.height <= 24 and bar.y + bar.height == 24 for bar in bars)
    assert not bars or bars[-1].x == 29 * 8


@given(st.floats(0, 1e15))
def test_ceilings_hold_what_is_below(value):
    """The top of an axis is not below the highest value, and not far above it."""
    ceiling = charts.nice_ceiling(value)
    assert value * 0.998 <= ceiling
    assert value < 1 or ceiling <= 2.51 * value


@given(st.lists(st.integers(-10, 2**31 - 1), max_size=20), st.integers(0, 10**6))
def test_dots_are_on_the_paper(durations, median):
    """Every run is a dot on the paper, however long one of them took."""
    found = duration_dots([Run(elapsed_ms=ms) for ms in durations], median, 2 * median)
    assert len(found.dots) == len(durations)
    assert all(0 <= dot.x <= WIDTH and -1 <= dot.y <= HEIGHT for dot in found.dots)


@dataclass
class Day:
    """What is asked of a day."""

    day: date
    script_name: str | None = "sync"
    runs: int = 10
    successful: int = 10
    failed: int = 0
    records_failed: int | None = 0


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (None, "none"),
        (Day(NOW.date()), "success"),
        (Day(NOW.date(), records_failed=1), "partial"),
        (Day(NOW.date(), successful=95, failed=5), "some"),
        (Day(NOW.date(), successful=70, failed=30), "mixed"),
        (Day(NOW.date(), successful=1, failed=1), "failed"),
        (Day(NOW.date(), successful=0, failed=0), "running"),
    ],
)
def test_a_day_looks_like_its_runs(day, kind):
    """Running, mixed and failed days do not look like good ones."""
    assert Cell(NOW.date(), day).kind == kind


def test_a_year_has_all_its_days():
    """The calendar has each of 365 days once, weeks from Monday, the last of them today."""
    today = datetime.now(ZoneInfo("UTC")).date()
    cells = [
        cell for week in calendar([Day(today)], ZoneInfo("UTC")) for cell in week.cells if cell
    ]
    assert len({cell.day for cell in cells}) == 365
    assert cells[-1].day == today
    assert [cell.kind for cell in cells[-2:]] == ["none", "success"]


def test_days_of_scripts_have_the_same_columns():
    """Each script has a cell for each day; too many scripts are counted."""
    today = datetime.now(ZoneInfo("UTC")).date()
    found = heatmap([Day(today, f"s{n:02}") for n in range(70)], ZoneInfo("UTC"))
    assert len(found.rows) == 60
    assert found.left_out == 10
    assert {len(cells) for _, cells in found.rows} == {30}


def test_levels_of_others_are_counted():
    """Levels in any letters are counted; what no level is, is in the whole alone."""
    found = histogram(
        [
            Volume(part=part, level=level, entries=2, first_at=NOW)
            for part, level in ((0, "INFO"), (0, "Error"), (None, "FATAL"))
        ]
    )
    assert (found.total, found.at_least("ERROR"), found.at_least("INFO")) == (6, 2, 4)
    assert [part.look for part in found.parts] == ["e"]


@dataclass
class Row:
    """What is asked of a run's row."""

    metadata: Any
    status: str = "error"
    triggered_by: str | None = None
    sync_mode: str | None = None
    sync_start_date: datetime | None = None
    sync_end_date: datetime | None = None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_metadata_may_be_anything(metadata, own):
    """Whatever JSON stands in a row, its facts and parameters are texts."""
    for value in (
        metadata,
        {"runlog": own, "x": metadata},
        {"runlog": {"github": own, "argv": own}},
    ):
        row = Row(value)
        assert all(isinstance(text, str) for fact in facts.facts_of(row) for text in fact)
        assert all(isinstance(text, str) for pair in facts.parameters_of(row) for text in pair)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://x", "data:text/html,x", None, 7])
def test_only_safe_links_are_links(link):
    """A link out of a row is one only if it leads to a secure page."""
    row = Row({"runlog": {"github": {"url": link}}}, triggered_by="github-actions")
    assert facts.facts_of(row) == [("Started by", "github-actions", "")]


@dataclass
class Step:
    """What is asked of a step."""

    step: str
    errors: int = 0
    duration_ms: int = 1
    entries: int = field(default=1)


def test_the_step_in_which_it_failed():
    """It is the last one with an error; where only runlog's own entry is one, what went on before."""
    failing = lambda *steps: facts.failing_step(Row(None), steps)  # noqa: E731
    assert failing(Step("FETCH", 1), Step("UPSERT", 2), Step("END")) == "UPSERT"
    assert failing(Step("START"), Step("FETCH"), Step("ERROR", 1)) == "FETCH"
    assert failing(Step("ERROR", 1)) == "ERROR"
    assert failing(Step("FETCH")) is None
    assert facts.failing_step(Row(None, status="success"), [Step("FETCH", 1)]) is None


def test_steps_side_by_side():
    """Steps of two runs stand beside each other; those of one alone have no neighbour."""
    pairs = facts.side_by_side([Step("A"), Step("B")], [Step("B"), Step("C")])
    assert [(p.step, bool(p.this), bool(p.other)) for p in pairs] == [
        ("A", True, False),
        ("B", True, True),
        ("C", False, True),
    ]


@pytest.mark.parametrize(("days", "step", "spans"), [(7, 1, 7), (30, 1, 30), (90, 7, 12)])
def test_the_last_span_of_a_chart_is_as_long_as_the_others(days, step, spans):
    """It ends with today, so that a week of which one day is over is no collapse."""
    firsts = days_back(ZoneInfo("UTC"), days, step)
    today = datetime.now(UTC).date()
    assert len(firsts) == spans
    assert firsts[-1] in {today - timedelta(days=step - 1), today - timedelta(days=step)}
    assert {(later - first).days for first, later in itertools.pairwise(firsts)} == {step}


def test_a_run_of_a_clock_that_is_ahead_has_no_negative_width():
    """It lies beyond the right end of the timeline."""
    ahead = Run(started_at=NOW + timedelta(days=2))
    ahead.script_name = "sync"
    [(_, [stretch])] = timeline([ahead]).rows
    assert stretch.width == 0
