"""The cursor over real processes, on the database itself and behind a transaction pooler."""

from __future__ import annotations

import pytest

SYNC = """
    import sys
    import runlog

    with runlog.RunContext("sync", sync_mode="incremental") as run:
        print(run.since.isoformat() if run.since else "none", run.started_at.isoformat(), flush=True)
        if sys.argv[1:] == ["fail"]:
            raise ValueError("broken")
"""


@pytest.mark.parametrize("way", ["direct", "pooler"])
def test_each_sync_begins_where_the_last_success_began(run_script, request, database, way):
    """The first has no cursor; a failed one moves nothing; the next begins at the last success."""
    dsn = database if way == "direct" else request.getfixturevalue("pooler")
    environment = {"RUNLOG_DSN": dsn}
    first, failed, third = (
        run_script(SYNC, *arguments, env=environment) for arguments in ((), ("fail",), ())
    )
    assert [script.exit_code for script in (first, failed, third)] == [0, 1, 0], third.stderr
    began = first.stdout.split()[1]
    assert first.stdout.split()[0] == "none"
    assert failed.stdout.split()[0] == began
    assert third.stdout.split()[0] == began
