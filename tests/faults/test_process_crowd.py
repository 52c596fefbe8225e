"""Many short scripts at the same moment, and fewer connections than scripts."""

from __future__ import annotations

import pytest
from kit.aftermath import Aftermath

SCRIPT = """
    import logging, pathlib, sys, time
    import runlog

    gate = pathlib.Path(sys.argv[2])
    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())
    print("ready", flush=True)
    while not gate.exists():
        time.sleep(0.005)
    with runlog.RunContext(f"script {sys.argv[1]}", lifecycle_logs=False):
        for number in range(20):
            log.info("line %02d", number)
            time.sleep(0.01)
"""


@pytest.mark.guarantee("outage", "exactly-once", "true-run")
@pytest.mark.storm(short=24, long=200)
def test_more_scripts_than_connections(
    start_script, server, own_environment, tmp_path, rounds, evidence
):
    """All begin in the same moment at a server with ten connections for them: no word of it on stderr but what waits at an exit, each line once, each run true."""
    gate = tmp_path / "gate"
    env = {"RUNLOG_DSN": server.dsn}
    scripts = [start_script(SCRIPT, number, gate, env=env) for number in range(rounds)]
    for script in scripts:
        script.wait_for_line("ready", within=120)
    gate.touch()
    assert [script.wait(timeout=120) for script in scripts] == [0] * rounds
    said = [line for script in scripts for line in script.stderr.splitlines()]
    assert [line for line in said if " wait in " not in line and " waits in " not in line] == []
    with server.connect() as connection:
        aftermath = Aftermath(server.dsn, str(own_environment), connection)
        aftermath.deliver_all(60)
        rows = connection.execute(
            "select script_name, status, array_agg(message order by logs.id) from runs"
            " join logs on run_id = runs.id group by runs.id, script_name, status"
        ).fetchall()
        lines = [f"line {number:02d}" for number in range(20)]
        assert sorted(rows) == sorted(
            (f"script {number}", "success", lines) for number in range(rounds)
        )
        aftermath.is_clean()
    evidence(scripts=rounds, left_waiting=len(said), entries=20 * len(rows))
