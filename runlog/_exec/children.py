"""Children of a script under ``runlog run`` that multiprocessing starts anew: spawn, forkserver.

A forked child is recorded as it is; one that starts anew has nothing of runlog in it, since nobody
in the script calls ``install``. What multiprocessing sends to it first is told to do so. On the
thread that starts a child; undone never: the process is the script's own.
"""

from __future__ import annotations

from typing import Any

# Text, and not a function of ours: a child that cannot find runlog must begin all the same.
_JOIN = """
try:
    from runlog._capture.install import install
    install()
except Exception:
    pass
"""


class _Joining:
    """What a child unpickles before anything of the script."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (_JOIN, {})


def record_children() -> None:
    """Have children that start anew log into this process's run."""
    from multiprocessing import spawn

    # Also the fork server's way; the only thing that both send to a child before the script.
    original = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        return {"runlog": _Joining(), **original(name)}

    spawn.get_preparation_data = get_preparation_data
