"""What runlog says of itself is no entry, also where the program's stderr is a logger."""

from __future__ import annotations

import pytest
from kit.recording import messages

SCRIPT = """
    import logging, sys
    import runlog
    {imports}

    class ToLogger:
        def write(self, text):
            for line in text.strip().splitlines():
                {log}

        def flush(self):
            pass

    sys.stderr = ToLogger()
    with runlog.RunContext("redirected", lifecycle_logs=False):
        print("printed", file=sys.stderr)
        logging.getLogger("app").warning("bad %d", "x")
        print("again", file=sys.stderr)
        assert runlog.flush(20)
    print("ended")
"""
STDLIB = {
    "imports": "logging.basicConfig(handlers=[runlog.RunLogHandler()])",
    "log": "logging.getLogger('stderr').error(line)",
}
STRUCTLOG = {
    "imports": """import structlog
    logging.basicConfig(handlers=[runlog.RunLogHandler()])
    structlog.configure([runlog.RunLogProcessor(), structlog.processors.KeyValueRenderer()],
                        logger_factory=structlog.PrintLoggerFactory())""",
    "log": "structlog.get_logger().error(line)",
}


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("way", [STDLIB, STRUCTLOG], ids=["stdlib", "structlog"])
def test_stderr_is_a_logger(run_script, database, connection, way):
    """Each line that the program prints there is an entry; runlog's own notice is none."""
    script = run_script(SCRIPT.format(**way), env={"RUNLOG_DSN": database})
    assert (script.exit_code, script.stdout.split()[-1]) == (0, "ended"), script.stderr
    assert messages(connection) == ["printed", "bad %d", "again"]
