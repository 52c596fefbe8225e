"""What the thread that delivers imports, it imports while no fork can happen.

A module whose import a fork catches half-way stays locked in the child: whoever asks for it there,
at the latest its last delivery, would wait for ever.
"""

import psycopg
import pytest
from kit.recording import messages

SCRIPT = """
    import sys, threading
    from runlog._process import fork

    def note(event, arguments):
        # Python tells it of each module that is not there yet.
        thread = threading.current_thread().name if event == "import" else ""
        if thread == "runlog-shipper" and not fork._gate._is_owned():
            sys.stderr.write(f"imported beside the gate: {arguments[0]}\\n")

    sys.addaudithook(note)
    import logging, runlog

    runlog.install("forks", retention_days=1)
    log = logging.getLogger("app")
    log.info("first €", extra={"step": "FETCH", "meta": {"count": 1}})
    assert runlog.flush(20)
    for number in range(1500):
        log.info("line %d", number)
    try:
        {}["x"]
    except KeyError:
        log.exception("it failed")
    log.info("REFUSED")
    log.info("last")
    assert runlog.flush(20)
    print("done")
"""


@pytest.mark.guarantee("survives-death")
@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1"])
def test_the_delivering_thread_imports_only_where_a_fork_waits(encoding, make_database, run_script):
    """Also what odd addresses, other encodings, refused rows and retention take."""
    dsn = make_database(encoding)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("alter table logs add check (message not like '%REFUSED%')")
        info = connection.info
        place = f"{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"
        address = f"postgresql://{place}?pgbouncer=true"
        script = run_script(SCRIPT, env={"RUNLOG_DSN": address})
        assert (script.exit_code, script.stdout) == (0, "done\n"), script.stderr
        assert "beside the gate" not in script.stderr
        # START, the first, 1,500, the error and the last; END.
        assert len(messages(connection)) == 1505
