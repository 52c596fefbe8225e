"""Where this runlog was installed from, so that a remedy names a command that works.

For error messages, on whatever thread; reads the metadata of the installed distribution.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

NAME = "runlog-pg"


def version() -> str:
    """Return the version of this runlog; of a checkout that is not installed ``0+unknown``."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of(NAME)
    except PackageNotFoundError:
        return "0+unknown"


def pip_line(extra: str = "", *, upgrade: bool = False) -> str:
    """Return the pip command that installs runlog, with ``extra``, from where it came.

    That is the index by default; a folder, an archive or a repository where pip noted one
    (https://packaging.python.org/en/latest/specifications/direct-url/).
    """
    extras = f"[{extra}]" if extra else ""
    source = _direct_url()
    options = "--upgrade " if upgrade else ""
    url = str(source.get("url", ""))
    if "dir_info" in source:
        editable = "--editable " if source["dir_info"].get("editable") else ""
        return f'pip install {options}{editable}"{_path(url)}{extras}"'
    vcs = source.get("vcs_info")
    if vcs:
        revision = vcs.get("requested_revision")
        url = f"{vcs.get('vcs', 'git')}+{url}" + (f"@{revision}" if revision else "")
    name = f"{NAME}{extras} @ {url}" if url else f"{NAME}{extras}"
    return f"pip install {options}{name}" if name == NAME else f'pip install {options}"{name}"'


def _direct_url() -> dict[str, Any]:
    with contextlib.suppress(Exception):
        # Whatever the metadata are: a remedy is told, and with the usual source at the worst.
        from importlib.metadata import distribution

        found = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
        if isinstance(found, dict):
            return found
    return {}


def _path(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path)
