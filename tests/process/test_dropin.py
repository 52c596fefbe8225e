"""Every way in which programs configure logging, in processes of their own: the same rows."""

from __future__ import annotations

import textwrap

import pytest
from kit.recording import stored

CALL = """
def work():
    with runlog.RunContext("dropin"):
        log = logging.getLogger("app")
        log.info("Fetched %d", 150, extra={"step": "FETCH", "meta": {"page": 1}, "count": 150})
        with runlog.step("LOAD"):
            log.warning("slow", extra={"ms": 1200})
        log.debug("not stored")
"""
ROWS = [
    ("INFO", "START", "Starting dropin", {"triggered_by": "manual"}),
    ("INFO", "FETCH", "Fetched 150", {"page": 1, "count": 150, "logger": "app"}),
    ("WARNING", "LOAD", "slow", {"ms": 1200, "logger": "app"}),
    ("INFO", "END", "dropin completed successfully", {}),
]
IMPORTS = """
import logging, logging.config, logging.handlers
import runlog
"""
DICT = """
CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "console": {"class": "logging.StreamHandler"},
        "runlog": {"class": "runlog.RunLogHandler", "level": "INFO"},
    },
    "root": {"handlers": ["console", "runlog"], "level": "DEBUG"},
}
"""
FILE = """
open("logging.ini", "w").write('''
[loggers]
keys = root
[handlers]
keys = console,runlog
[formatters]
keys = plain
[logger_root]
level = DEBUG
handlers = console,runlog
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[handler_runlog]
class = runlog.RunLogHandler
level = INFO
args = ()
[formatter_plain]
format = %(message)s
''')
"""
YAML = """
import yaml
CONFIG = yaml.safe_load('''
version: 1
disable_existing_loggers: false
handlers:
  runlog: {class: runlog.RunLogHandler, level: INFO, exit_timeout: 3}
loggers:
  app: {handlers: [runlog], level: DEBUG}
root: {handlers: [runlog], level: DEBUG}
''')
logging.config.dictConfig(CONFIG)
"""
WAYS = {
    "basicConfig": "logging.basicConfig(level='INFO', handlers=[runlog.RunLogHandler()])",
    "basicConfig, force": """
    logging.basicConfig(level="WARNING")
    logging.basicConfig(level="INFO", handlers=[runlog.RunLogHandler()], force=True)
    """,
    "basicConfig, force, twice": """
    handler = runlog.RunLogHandler()
    logging.basicConfig(level="INFO", handlers=[handler])
    logging.basicConfig(level="INFO", handlers=[handler, logging.StreamHandler()], force=True)
    """,
    "addHandler": """
    logging.getLogger().addHandler(runlog.RunLogHandler(level="INFO"))
    logging.getLogger("app").setLevel("DEBUG")
    """,
    "two handlers": """
    logging.getLogger().addHandler(runlog.RunLogHandler())
    logging.getLogger("app").addHandler(runlog.RunLogHandler())
    logging.getLogger("app").setLevel("INFO")
    """,
    "dictConfig": DICT + "logging.config.dictConfig(CONFIG)",
    "dictConfig, three times": DICT + "[logging.config.dictConfig(CONFIG) for _ in range(3)]",
    "fileConfig": FILE + "logging.config.fileConfig('logging.ini')",
    "YAML": YAML,
    "QueueHandler": """
    import queue
    records = queue.Queue()
    listener = logging.handlers.QueueListener(records, runlog.RunLogHandler())
    listener.start()
    logging.basicConfig(level="INFO", handlers=[logging.handlers.QueueHandler(records)])
    import atexit
    atexit.register(listener.stop)
    """,
    "MemoryHandler": """
    handler = runlog.RunLogHandler()
    memory = logging.handlers.MemoryHandler(100, target=handler)
    logging.basicConfig(level="INFO", handlers=[memory])
    """,
    "logger class of its own": """
    class Logger(logging.Logger):
        def makeRecord(self, *args, **keywords):
            return super().makeRecord(*args, **keywords)
    logging.setLoggerClass(Logger)
    logging.basicConfig(level="INFO", handlers=[runlog.RunLogHandler()])
    """,
    "record factory of its own": """
    logging.basicConfig(level="INFO", handlers=[runlog.RunLogHandler()])
    class Record(logging.LogRecord):
        pass
    logging.setLogRecordFactory(Record)
    """,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_the_rows_are_the_same_however_logging_is_configured(run_script, database, connection, way):
    """One or two lines in the program, and its records are rows; each once."""
    source = "\n".join(textwrap.dedent(part) for part in (IMPORTS, way, CALL, "work()"))
    script = run_script(source, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    in_order = sorted(stored(connection), key=lambda row: ROWS.index(row) if row in ROWS else -1)
    assert in_order == ROWS


def test_captured_warnings_are_entries(run_script, database, connection):
    """`logging.captureWarnings` brings `warnings.warn` of the program and of its libraries."""
    script = run_script(
        """
    import logging, warnings
    import runlog
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[runlog.RunLogHandler()])
    with runlog.RunContext("warnings", lifecycle_logs=False):
        warnings.warn("old way", DeprecationWarning)
    """,
        env={"RUNLOG_DSN": database, "PYTHONWARNINGS": "always"},
    )
    assert script.exit_code == 0, script.stderr
    ((level, step, message, meta),) = stored(connection)
    assert (level, step, meta) == ("WARNING", "LOG", {"logger": "py.warnings"})
    assert "DeprecationWarning: old way" in message


def test_caplog_and_the_rows_both_see_a_record(run_script, database, connection, tmp_path):
    """Under pytest nothing is taken from caplog, and what the tested code logs is stored."""
    (tmp_path / "test_it.py").write_text(
        "import logging, runlog\n"
        "def test_it(caplog):\n"
        "    logging.getLogger('app').addHandler(runlog.RunLogHandler())\n"
        "    with caplog.at_level('INFO'), runlog.RunContext('caplog', lifecycle_logs=False):\n"
        "        logging.getLogger('app').info('seen', extra={'step': 'S'})\n"
        "    assert [(r.message, r.step) for r in caplog.records] == [('seen', 'S')]\n"
        "    assert 'runlog' not in caplog.text\n"
    )
    script = run_script(
        "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:randomly', 'test_it.py']))",
        env={"RUNLOG_DSN": database},
    )
    assert script.exit_code == 0, script.stdout + script.stderr
    assert stored(connection) == [("INFO", "S", "seen", {"logger": "app"})]
