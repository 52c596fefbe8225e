"""``exec --watch``, ``run --watch``: the same command in a process of its own, and a look after it.

So a failure is told at once, however the program ended, and the command ends as it would without.
The look is another process with a time limit: nothing of it can change the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from runlog._exec.child import Child, ProgramError, die_by
from runlog._exec.relay import Relay
from runlog._process.notices import say


def run_and_look(words: list[str], seconds: float) -> int:
    """Run ``runlog words…`` to its end, look once, and end as that did.

    Args:
        words: the command line without ``--watch``.
        seconds: how long the look may take.

    Returns:
        The exit code.
    """
    child = Child()
    relay = Relay([])
    try:
        child.start([*_RUNLOG, *words], os.environ, {})
    except ProgramError as error:
        say(str(error))
        return error.exit_code
    status = child.wait(relay)
    child.release_signals()
    until = time.monotonic() + seconds
    if status < 0 and not _run(["flush"], seconds):
        # A script that was killed could not tell its end: what it left behind does.
        return die_by(-status)
    _run(["watch", "--once", *_named()], until - time.monotonic())
    return status if status >= 0 else die_by(-status)


def without_watch(words: list[str]) -> list[str]:
    """Return a command line without its ``--watch`` and ``--watch-timeout``, its first ones."""
    left = list(words)
    if "--watch" in left:
        left.remove("--watch")
    for place, word in enumerate(left):
        option, equals, _ = word.partition("=")
        if option == "--watch-timeout":
            del left[place : place + (1 if equals else 2)]
            break
    return left


_RUNLOG = (sys.executable, "-m", "runlog")


def _named() -> list[str]:
    """Return a name of its own: under that of a watcher that stays, nobody would see it die."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return []
    from runlog._delivery.sweep import closer

    return ["--name", f"{closer()} exec"]


def _run(command: list[str], seconds: float) -> bool:
    """Run another command of ours; tell whether it came to its end in time."""
    try:
        # stdout is the program's; what the look says is for people.
        subprocess.run([*_RUNLOG, *command], stdout=2, check=False, timeout=max(1, seconds))
    except subprocess.TimeoutExpired:
        say(f"the look took longer than {seconds:.0f} s; the next watcher goes on")
        return False
    except OSError as error:
        say(f"nobody could look: {error}")
        return False
    return True
