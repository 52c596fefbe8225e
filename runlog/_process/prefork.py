"""Servers that fork in C, unseen by Python: a worker would write into its parent's spool for ever.

Only told: the hooks of ``fork`` run in no such worker, and nothing else tells it what it is.
"""

from __future__ import annotations

import contextlib
import sys

from runlog._process.notices import notices

_SEEN_BY = {"lazy-apps", "lazy", "py-call-osafterfork"}
"""With one of these of uWSGI's options Python hears of its forks, or there is nothing to fork."""


def tell_unseen_forks() -> None:
    """Say what to do where uWSGI is about to fork this process; asked before anything is opened."""
    uwsgi = sys.modules.get("uwsgi")
    # Another module of that name has none of it.
    with contextlib.suppress(AttributeError, TypeError):
        options = set(uwsgi.opt)  # type: ignore[union-attr]
        if uwsgi.worker_id() == 0 and "master" in options and not options & _SEEN_BY:  # type: ignore[union-attr]
            told = (
                "uWSGI forks its workers without telling Python, and what they log can be lost; "
                "set py-call-osafterfork = true, or lazy-apps = true"
            )
            notices.change("uwsgi", "unseen", told)
