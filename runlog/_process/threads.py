"""Threads of our own: daemons, each with a name by which a person finds it.

Any thread. Nobody waits for a thread that never begins, and none dies, and the program with it, for
want of a stack.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STACK_BYTES = 2**20
"""Enough for libpq, OpenSSL and imports: what Python asks for where the system's own are small."""


@contextmanager
def roomy_stacks() -> Iterator[None]:
    """Give threads that are started here a stack of their own, where the program has small ones."""
    chosen = threading.stack_size()
    if not 0 < chosen < _STACK_BYTES:
        yield
        return
    threading.stack_size(_STACK_BYTES)
    try:
        yield
    finally:
        threading.stack_size(chosen)


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
    with roomy_stacks():
        thread.start()
    return thread
