"""Threads of our own: daemons, each with a name by which a person finds it.

Any thread. Nobody waits for a thread that never begins.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def start_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread that does ``work``.

    Raises:
        RuntimeError: none can be started, as Python says it from 3.12 on: also when the interpreter
            lets no thread run any more. Before, ``Thread.start`` waited for such a one for ever,
            in a ``__del__`` or a weak reference's callback that logs while modules are torn down.
    """
    if sys.is_finalizing():
        raise RuntimeError("can't create new thread at interpreter shutdown")
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
