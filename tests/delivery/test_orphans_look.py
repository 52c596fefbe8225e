"""When orphans are looked for."""

from __future__ import annotations

from runlog._delivery import orphans as _orphans
from runlog._delivery.orphans import Orphans


def test_who_asks_while_it_looks_is_heard(tmp_path, monkeypatch):
    """What is mended during a look is found by the next pass, not half a minute later."""
    looks = []

    def list_orphans(*_):
        looks.append(1)
        if len(looks) == 1:
            orphans.look_again()
        return []

    monkeypatch.setattr(_orphans, "list_orphans", list_orphans)
    orphans = Orphans(
        database_folders=[tmp_path],
        own_folder=lambda: None,
        store=None,
        runs=None,
        belongs_here=lambda _: True,
    )
    for _ in range(4):
        orphans.bury_all(lambda *_: True)
    assert len(looks) == 2
