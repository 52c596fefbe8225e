"""What GitHub Actions gets to see of a run; no database."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from runlog._entry.ids import new_id
from runlog._process.ending import FINISHED, ending_of
from runlog._recorder.run_state import RunState
from runlog._run import github
from runlog._settings import Settings


@pytest.fixture
def tell(tmp_path, capfd):
    """``tell(ending, **settings)`` → the summary file's text and stderr, for one run on GitHub."""
    path = tmp_path / "summary.md"

    def told(ending, *, run=None, outermost=True, environ=None, redact=str, **settings):
        given = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(path), **(environ or {})}
        github.tell(
            run or RunState(new_id(), "sync"),
            ending,
            settings=Settings(**settings),
            redact=redact,
            environ=given,
            is_outermost=outermost,
        )
        return path.read_text() if path.exists() else "", capfd.readouterr().err

    return told


def failure(text="boom"):
    return ending_of(ValueError(text))


def test_a_failure_is_annotated_and_summarised(tell):
    """One ``::error::`` line on stderr, and a row in the summary with the message."""
    summary, stderr = tell(failure())
    assert stderr == "::error title=sync::ValueError: boom\n"
    assert "### ❌ sync" in summary
    assert "\n    ValueError: boom\n" in summary


def test_a_success_is_only_summarised(tell):
    """Counts that were set are columns; nothing is printed."""
    run = RunState(new_id(), "sync")
    run.add("records_fetched", 150)
    run.add("api_cost", Decimal("0.25"))
    summary, stderr = tell(FINISHED, run=run)
    assert stderr == ""
    assert "### ✅ sync" in summary
    assert "| status | started | duration | fetched | API cost | run |" in summary
    assert f"| 150 | 0.25 | {run.id_text} |" in summary


def test_no_text_can_become_another_command(tell):
    """Newlines, colons and percent signs are escaped as the runner decodes them."""
    run = RunState(new_id(), "a:b,c%d\n::warning::x")
    _, stderr = tell(failure("1%\r\n::set-output name=x::y"), run=run)
    assert stderr == (
        "::error title=a%3Ab%2Cc%25d%0A%3A%3Awarning%3A%3Ax::"
        "ValueError: 1%25%0D%0A::set-output name=x::y\n"
    )


def test_no_text_can_break_the_summary(tell):
    """Markdown and HTML in names and messages are shown, not obeyed."""
    run = RunState(new_id(), "a|b <b>*x*</b>")
    summary, _ = tell(failure("```\n</details>\n# x"), run=run)
    assert "a&#124;b &#60;b&#62;&#42;x&#42;&#60;/b&#62;" in summary
    assert "\n    </details>\n    # x\n" in summary


def test_secrets_are_hidden(tell):
    """The message goes through the redactor before anybody sees it."""
    summary, stderr = tell(failure("hunter2"), redact=lambda text: text.replace("hunter2", "…"))
    assert "hunter2" not in summary + stderr
    assert "ValueError: …" in stderr


def test_the_place_in_the_repository_is_named(tell):
    """The annotation points at the innermost line of the user's own files."""
    try:
        int("x")
    except ValueError as error:
        ending = ending_of(error)
    folder = Path(__file__).parent
    _, stderr = tell(ending, environ={"GITHUB_WORKSPACE": str(folder)})
    assert stderr.startswith("::error file=test_github.py,line=")


def test_a_nested_failure_is_annotated_once(tell):
    """The outermost run annotates; each run has its part of the summary."""
    summary, stderr = tell(failure(), outermost=False)
    assert stderr == ""
    assert "ValueError: boom" in summary


def test_both_can_be_switched_off(tell):
    """``github_summary`` and ``github_annotation`` are independent."""
    assert tell(failure(), github_summary=False) == ("", "::error title=sync::ValueError: boom\n")
    assert tell(failure(), github_summary=False, github_annotation=False) == ("", "")


def test_elsewhere_nothing_happens(tell):
    """Without GitHub's mark in the environment there is neither file nor line."""
    assert tell(failure(), environ={"GITHUB_ACTIONS": "false"}) == ("", "")


def test_a_summary_stays_far_under_the_limit(tell):
    """GitHub drops a summary over 1 MiB as a whole, so ours stops at half of it."""
    for _ in range(300):
        summary, _ = tell(failure("x" * 10_000))
    assert len(summary.encode()) <= 512 * 1024
    assert summary.endswith("x\n\n")


def test_a_summary_that_cannot_be_written_leaves_the_annotation(tell):
    """It is told as what it is, and the failing job is annotated all the same."""
    _, stderr = tell(failure(), environ={"GITHUB_STEP_SUMMARY": "/nowhere/summary.md"})
    assert "the job's summary could not be written" in stderr
    assert "::error title=sync::ValueError: boom" in stderr


@pytest.mark.parametrize(
    ("runner", "place", "word"),
    [
        (None, "/spool", "3 entries were not delivered and this runner is discarded"),
        (None, None, "3 entries were not delivered and this runner is discarded"),
        ("self-hosted", "/spool", "3 entries were not delivered and kept in /spool"),
    ],
)
def test_what_is_not_delivered_is_a_warning(tmp_path, monkeypatch, capfd, runner, place, word):
    """No next run finds a hosted runner's disk; the summary does not claim what is not so."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    monkeypatch.delenv("RUNNER_ENVIRONMENT", raising=False)
    if runner:
        monkeypatch.setenv("RUNNER_ENVIRONMENT", runner)
    github.tell_undelivered(Settings(), 3, place)
    assert capfd.readouterr().err.startswith(f"::warning title=runlog::{word}")
    assert "is not in the database" in path.read_text()
    github.tell_undelivered(Settings(github_summary=False, github_annotation=False), 3, place)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("variables", "is_told"),
    [
        ({"RUNLOG_DSN": ""}, True),
        ({"RUNLOG_DSN": "embedded:"}, False),
        ({"RUNNER_ENVIRONMENT": "self-hosted"}, False),
    ],
    ids=["an empty secret", "meant so", "a runner that stays"],
)
def test_a_database_that_goes_away_with_the_runner_is_told(monkeypatch, capfd, variables, is_told):
    """An empty secret beside the extra ``embedded`` would be a history that nobody ever sees."""
    for name in ("RUNLOG_DSN", "DATABASE_URL", "RUNNER_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        github.tell_discarded(Settings(dsn="embedded:"))
    told = capfd.readouterr().err
    assert told.count("::warning title=runlog::no database is named") == int(is_told)
