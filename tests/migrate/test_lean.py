"""Indexes that one may do without."""

from __future__ import annotations

from runlog import migrate


def test_lean(empty_database):
    """The two indexes go on request, are named, and do not come back."""
    migrate.migrate(empty_database)
    done = migrate.migrate(empty_database, lean=True)
    assert done == [
        "dropped the index idx_logs_level, which no question of runlog uses",
        "dropped the index idx_logs_run_id, which no question of runlog uses",
    ]
    assert migrate.migrate(empty_database, lean=True) == []
    assert migrate.migrate(empty_database) == []
