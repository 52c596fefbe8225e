"""The fixture ``scene``: a database with a clock of its own, and a watcher."""

from __future__ import annotations

import pytest
from kit.scenes import Scene, at


@pytest.fixture
def scene(connection):
    """An empty database in which a watcher has looked once, the day before."""
    made = Scene(connection)
    made.look(at("01:00", day=1))
    return made
