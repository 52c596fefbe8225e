"""What a program or a page learns from the examination, without a command line around it."""

import os

from runlog._checks.examination import can_record, examine


def test_an_examination_is_of_the_environment_that_is_given(tmp_path):
    """What it names is judged, what is unusable is told and taken out of it; the process's own stays."""
    before = dict(os.environ)
    given = {
        "RUNLOG_DSN": "no address at all",
        "RUNLOG_FLUSH_INTERVAL": "often",
        "RUNLOG_FLUSH_INTERVALL": "1",
        "RUNLOG_SPOOL_DIR": str(tmp_path),
    }
    findings = examine(given)
    assert [(it.check, it.state) for it in findings] == [
        ("variable", "warning"),
        ("spool_dir", "ok"),
        ("flush_interval", "problem"),
        ("address", "problem"),
        ("spool", "ok"),
    ]
    assert "did you mean RUNLOG_FLUSH_INTERVAL?" in findings[0].remedy
    assert not can_record(findings)
    assert "RUNLOG_FLUSH_INTERVAL" not in given
    assert dict(os.environ) == before


def test_a_variable_that_is_wrong_leaves_recording_possible(tmp_path):
    """Its default holds: only what stands between a script and its table says that nothing is recorded."""
    given = {
        "RUNLOG_DSN": "no address at all",
        "RUNLOG_FLUSH_INTERVAL": "often",
        "RUNLOG_SPOOL_DIR": str(tmp_path),
    }
    others = [finding for finding in examine(given) if finding.check != "address"]
    assert "problem" in {finding.state for finding in others}
    assert can_record(others)
