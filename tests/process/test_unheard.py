"""A run whose script logs while nobody takes what it logs."""

from __future__ import annotations

import pytest

SCRIPT = """
    import logging, sys
    import runlog

    {before}
    log = logging.getLogger("job")
    with runlog.RunContext("job") as run:
        {inside}
"""
WORD = "what was logged in the run of 'job' is not stored"


@pytest.fixture
def stderr(run_script):
    """``stderr(before, inside)`` → what a script says that records to nowhere."""

    def run(before="", inside="pass"):
        source = SCRIPT.format(before=before, inside=inside)
        away = {"RUNLOG_DSN": "host=127.0.0.1 port=1", "RUNLOG_EXIT_TIMEOUT": "0"}
        ended = run_script(source, env=away)
        assert ended.exit_code == 0, ended.stderr
        return ended.stderr

    return run


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("", "log.info('one'); log.info('two')"),
        ("", "log.warning('one')"),
        ("logging.basicConfig(level='INFO')", "log.info('one')"),
        ("", "logging.error('one')"),
    ],
    ids=["unconfigured", "last resort", "console", "root"],
)
def test_it_is_told_once_with_the_remedy(stderr, before, inside):
    """Also where logging is not configured, so that no record is even made."""
    told = stderr(before, inside)
    assert told.count(WORD) == 1
    assert "runlog.RunLogHandler()" in told
    assert "runlog.install()" in told


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("", "run.count(fetched=1); print('no log')"),
        ("", "run.info('STEP', 'told to the run')"),
        ("", "log.debug('not meant to be seen')"),
        ("import psycopg", "logging.getLogger('psycopg.pool').warning('of a library')"),
        ("logging.basicConfig(handlers=[runlog.RunLogHandler()])", "log.warning('stored')"),
        ("runlog.install('all')", "log.warning('stored')"),
    ],
    ids=["counts only", "the run's own", "debug", "library", "handler", "install"],
)
def test_nothing_is_told_where_nothing_is_missed(stderr, before, inside):
    """A script that logs nothing, or whose records are taken."""
    assert WORD not in stderr(before, inside)


@pytest.mark.parametrize("before", ["", "logging.basicConfig(level='INFO')"])
def test_the_remedy_works_as_it_is_told(stderr, before):
    """Typed where it belongs, the entry is stored and the console says what it said before."""
    remedy = stderr(before, "log.info('one')").split("add ", 1)[1].split(", or call", 1)[0]
    mended = stderr("; ".join(filter(None, (before, remedy))), "log.info('one')")
    assert WORD not in mended
    assert "3 entries wait" in mended
    assert "one\n" in mended


STRUCTLOG = "what structlog says in the run of 'job' is not stored"


@pytest.mark.parametrize(
    ("before", "is_told"),
    [
        ("import structlog", True),
        ("import structlog; runlog.install('job')", True),
        ("import structlog; structlog.configure(processors=[runlog.RunLogProcessor()])", False),
        ("import structlog; structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())", False),
    ],
    ids=["default", "install", "processor", "standard library"],
)  # fmt: skip
def test_structlog_without_a_processor_is_told(stderr, before, is_told):
    """Its events go past every handler: said once, where the script itself has structlog."""
    assert stderr(before).count(STRUCTLOG) == int(is_told)
