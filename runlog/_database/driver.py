"""The import of the driver, made where a fork cannot catch it half-way."""

from __future__ import annotations

import contextlib

from runlog._process import fork


def preload() -> None:
    """Import what the shipper needs; a fork waits until it is done.

    What cannot be imported now (no memory, no descriptor) is told by the first pass that needs it.
    """
    with fork.without_fork(), contextlib.suppress(Exception):
        import orjson  # noqa: F401 - loaded for later
        import psycopg  # noqa: F401 - as above

        from runlog._database import connection  # noqa: F401 - as above
