"""The settings' reference page is made from the table in the code, and is current."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from runlog._settings import TABLE, variable

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"
HEAD = """# Settings

Made from the table in `runlog/_settings.py`; do not edit.

Each can be given as an argument of `runlog.configure`, `install`, `RunLogHandler` or `RunLogProcessor`,
or as the environment variable; an argument wins. A bad argument raises `SettingError`; a bad variable
is told on stderr and the default is used, so that it never stops a script. An empty variable is as good as none.

Which database: the argument `dsn`, `RUNLOG_DSN`, `DATABASE_URL`, libpq's own variables (`PGHOST`,
`PGSERVICE` …), else the embedded server where the extra `runlog-pg[embedded]` is installed.

| setting | variable | default | |
|---|---|---|---|
"""


def shown(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return _size(value) if value != logging.NOTSET else "everything"
    if isinstance(value, float):
        return f"{value:g} s"
    return f"`{value}`" if value else ""


def _size(value):
    return f"{value // 2**20} MiB" if value >= 2**20 else f"{value // 2**10} KiB"


def page():
    rows = [
        f"| `{name}` | `{variable(name)}` | {shown(setting.default)} | {setting.about} |"
        for name, setting in TABLE.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def test_the_page_is_current():
    """The page lists every setting with its variable and default (WRITE_DOCS=1 writes it)."""
    if "WRITE_DOCS" in os.environ:
        PAGE.write_text(page())
    assert PAGE.read_text() == page()
