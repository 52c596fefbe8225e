"""Where a run comes from: what triggered it, on which machine, from which commit.

Looks at the environment and at /proc; starts no program. Never raises. Runs once per run on the
caller's thread (about a tenth of a millisecond).
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CRON_NAMES = frozenset({"cron", "crond", "anacron", "fcron", "supercronic", "busybox crond"})
_ANCESTORS_MAX = 12
_ARGUMENTS_MAX = 50


def triggered_by(environ: Mapping[str, str]) -> str:
    """Return ``github-actions``, ``kubernetes``, ``cron``, ``systemd`` or ``manual``.

    cron leaves no mark in the environment, so the parents are looked at; systemd's INVOCATION_ID is
    also inherited by what cron, itself a service, starts, so cron is asked first.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        return "github-actions"
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "kubernetes"
    if _has_terminal():
        return "manual"
    if any(name in _CRON_NAMES for name in _ancestors()):
        return "cron"
    return "systemd" if _is_service(environ) else "manual"


def _has_terminal() -> bool:
    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    os.close(fd)
    return True


def _is_service(environ: Mapping[str, str]) -> bool:
    # Since systemd 248 the service's own process finds its pid here; a shell's children do not.
    return "INVOCATION_ID" in environ and (
        environ.get("SYSTEMD_EXEC_PID") in {None, str(os.getpid()), str(os.getppid())}
    )


def _ancestors() -> Iterator[str]:
    pid = os.getppid()
    for _ in range(_ANCESTORS_MAX):
        try:
            # The name stands in brackets and may hold brackets itself. The kernel cuts it after 15
            # bytes, so it need not be a whole text.
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "surrogateescape")
            name, _, rest = stat.partition("(")[2].rpartition(")")
        except OSError:
            return
        yield name.lower()
        pid = int(rest.split()[1])
        if pid < 1:
            return


def about(environ: Mapping[str, str], argv: list[str]) -> dict[str, Any]:
    """Return what becomes ``metadata.runlog``: host, pid, python, argv, commit, GitHub."""
    facts: dict[str, Any] = {
        "host": host(),
        "pid": os.getpid(),
        "python": sys.version.split()[0],
        "argv": argv[:_ARGUMENTS_MAX],
    }
    if commit := environ.get("GITHUB_SHA") or git_commit(Path(argv[0]).parent if argv else Path()):
        facts["git_commit"] = commit
    if environ.get("GITHUB_ACTIONS") == "true":
        facts["github"] = _github(environ)
    return facts


def _github(environ: Mapping[str, str]) -> dict[str, str]:
    names = {
        "attempt": "GITHUB_RUN_ATTEMPT",
        "event": "GITHUB_EVENT_NAME",
        "actor": "GITHUB_ACTOR",
        "repository": "GITHUB_REPOSITORY",
        "workflow": "GITHUB_WORKFLOW",
        "ref": "GITHUB_REF_NAME",
    }
    facts = {key: environ[name] for key, name in names.items() if environ.get(name)}
    if "repository" in facts and environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        facts["url"] = f"{server}/{facts['repository']}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return facts


def host() -> str:
    """Return this machine's name."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


def git_commit(folder: Path) -> str | None:
    """Return the commit checked out where ``folder`` lies, read from git's files."""
    with contextlib.suppress(OSError, ValueError):
        for place in (folder.resolve(), *folder.resolve().parents):
            git = place / ".git"
            if git.is_file():
                git = place / git.read_text().removeprefix("gitdir:").strip()
            if (git / "HEAD").is_file():
                return _head(git)
    return None


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head or None
    ref = head.removeprefix("ref:").strip()
    common = git / "commondir"
    base = git / common.read_text().strip() if common.is_file() else git
    for path in (git / ref, base / ref):
        if path.is_file():
            return path.read_text().strip()
    packed = base / "packed-refs"
    if packed.is_file():
        for line in packed.read_text().splitlines():
            commit, _, name = line.partition(" ")
            if name == ref:
                return commit
    return None


_NO_SCRIPT = frozenset({"", "-", "-c", "-m"})
_UNNAMED = "python"


def script_name() -> str:
    """Return what the main program is called: its file without the ending, or its module.

    ``python`` where it is no file: typed in, piped in, or handed over with ``-c``.
    """
    name = _name_of_program() or _UNNAMED
    return name.encode("utf-8", "backslashreplace").decode()


def _name_of_program() -> str:
    arguments = script_arguments()
    script = str(arguments[0]) if arguments else ""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    module = str(getattr(spec, "name", None) or "")
    # A folder or zip file is a module named __main__, which says nothing. A runner (cProfile,
    # coverage) puts the script that it runs in the place of its own file.
    is_runner = script != getattr(spec, "origin", None) and Path(script).is_file()
    if module not in {"", "__main__"} and not is_runner:
        # python -m package.module
        return module.removesuffix(".__main__")
    if script in _NO_SCRIPT or script.startswith(("/dev/fd/", "/proc/self/fd/")):
        return ""
    path = Path(script)
    return path.absolute().parent.name if path.name == "__main__.py" else path.stem


def script_arguments() -> list[str]:
    """Return ``sys.argv``, or an empty list where there is none (embedded interpreters)."""
    return list(getattr(sys, "argv", None) or [])
