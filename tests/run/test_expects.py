"""What a script expects of itself is checked where it is written and stored with its run."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

import runlog
from runlog import RunContext
from runlog.errors import SettingError


def stored(connection, script="sync"):
    row = connection.execute(
        "select metadata #> '{runlog,expects}' from runs where script_name = %s", (script,)
    ).fetchone()
    return row[0]


def test_it_is_stored_with_the_run(here, connection):
    """As given, spans as text, the time zone named."""
    expects = {
        "schedule": ["*/15 * * * *", "@daily"], "timezone": "Europe/Berlin",
        "grace": timedelta(minutes=20), "fresh": "2h", "failed": {"after": 3}, "zero": False,
        "budget_month": 50, "owner": "data",
    }  # fmt: skip
    with RunContext("sync", expects=expects):
        pass
    assert runlog.flush(10)
    assert stored(connection) == {
        **expects, "schedule": "*/15 * * * *; 0 0 * * *", "grace": "1200s", "budget_month": 50.0,
    }  # fmt: skip


def test_a_copy_expects_the_same(here, connection):
    """A decorated function is a new run each time, with the same declaration."""

    @RunContext("sync", expects={"fresh": "2h"})
    def sync():
        pass

    sync()
    assert runlog.flush(10)
    assert stored(connection) == {"fresh": "2h"}


def test_a_typo_is_an_error_where_it_is_written(here):
    """It must not switch a watch off silently."""
    with pytest.raises(SettingError, match="unknown key 'schedul'; did you mean 'schedule'"):
        RunContext("sync", expects={"schedul": "@daily"})


@pytest.mark.parametrize("ask", ["run", "runlog", "logging"])
def test_asking_to_be_told_is_an_entry(here, connection, ask):
    """run.alert, runlog.alert and a plain log line with step ALERT are the same entry."""
    import logging

    log = logging.getLogger("test_expects")
    handler = runlog.RunLogHandler()
    log.addHandler(handler)
    try:
        with RunContext("sync", lifecycle_logs=False) as run:
            text, meta = "Only 3 contacts have an e-mail", {"count": 3}
            if ask == "run":
                run.alert(text, severity="error", meta=meta)
            elif ask == "runlog":
                runlog.alert(text, severity="error", meta=meta)
            else:
                log.error(text, extra={"step": "ALERT", "meta": meta})
        assert runlog.flush(10)
    finally:
        log.removeHandler(handler)
    rows = connection.execute("select level, step, message, meta ->> 'count' from logs").fetchall()
    assert rows == [("ERROR", "ALERT", text, "3")]


def test_asking_never_raises(here, monkeypatch):
    """Outside of any run, with a severity that nobody knows, with meta that is no mapping."""
    runlog.alert("nobody's")
    with RunContext("sync") as run:
        run.alert("loud", severity="eror")
        run.alert("odd", meta=3)
        runlog.alert("odd", meta=3)
    assert runlog.flush(10)


NOTHING_OF_IT = """
import sys
import runlog
with runlog.RunContext("sync", expects=EXPECTS) as run:
    run.alert("told")
assert runlog.flush(10)
loaded = [name for name in sys.modules if name.partition(".")[0] in {"cronsim", "apprise"}
          or name.startswith("runlog.alerts") or name == "runlog._expectations"]
print(loaded)
"""


@pytest.mark.parametrize(
    ("expects", "loaded"),
    [("None", []), ("{'schedule': '0 2 * * *', 'fresh': '26h'}", ["runlog._expectations"])],
)
def test_a_script_that_records_imports_nothing_of_the_alerts(database, run_script, expects, loaded):
    """Neither rules nor channels nor cron; who declares, the check of what is declared."""
    done = run_script(NOTHING_OF_IT.replace("EXPECTS", expects), env={"RUNLOG_DSN": database})
    assert (done.exit_code, done.stdout.strip()) == (0, str(loaded)), done.stderr


def test_import_runlog_imports_nothing_of_it():
    """Not even the check."""
    code = "import sys, runlog; print([n for n in sys.modules if 'alerts' in n or 'expect' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_tells_what_was_not_delivered(here, connection):
    """Dead letters of its process stand in the row, so that watchers tell of the host."""
    connection.execute("alter table logs add constraint picky check (message <> 'bad')")
    with RunContext("sync", lifecycle_logs=False) as run:
        run.alert("bad")
        assert runlog.flush(10)
    assert runlog.flush(10)
    backlog = connection.execute("select metadata #> '{runlog,backlog}' from runs").fetchone()
    assert backlog == ({"dead_letters": 1},)
