"""The file of what was acknowledged, damaged: nothing is skipped, what comes twice changes nothing."""

from __future__ import annotations

import os

import pytest
from kit.recording import messages, run_row
from kit.waiting import eventually

from runlog._process.descriptor import Descriptor
from runlog._spool.backlog import Position, _ack, _read_ack


def deliver(recording, database):
    """Be the next process, until a whole pass is made: its flush waits for its own entries only."""
    made = recording(database)

    def is_delivered():
        assert made.recorder.catch_up(20)

    eventually(is_delivered)


POSITIONS = [
    b"", b"\0" * 64, b"garbage", os.urandom(24), b"000009 000000000000000\n",
    b"000001 000000000000050\n", b"999999 999999999999999 00000000\n", b"-00001 000000000000000\n",
    b"9" * 5000, _ack(Position(1, 10**12)), _ack(Position(7, 0)), _ack(Position(1, 17)),
    _ack(Position(1, 700))[:-3], bytes([_ack(Position(1, 700))[0] ^ 1]) + _ack(Position(1, 700))[1:],
    None,
]  # fmt: skip


@pytest.mark.guarantee("disk", "exactly-once")
@pytest.mark.parametrize("content", POSITIONS, ids=range(len(POSITIONS)))
@pytest.mark.parametrize("name", ["logs.ack", "runs.ack"])
def test_a_damaged_position_loses_nothing(
    leave_orphan, recording, database, connection, content, name, evidence
):
    """The file of what was acknowledged is gone, garbage, or points anywhere: all is sent again, which changes nothing."""
    orphan = leave_orphan(database, 50)
    path = orphan.folder / name
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    deliver(recording, database)
    stored = messages(connection, orphan.run_id)
    assert stored == orphan.messages
    assert run_row(connection, orphan.run_id, "status") == "error"
    assert not orphan.folder.exists()
    evidence(
        entries=len(stored), lost=50 - len(set(stored)), doubled=len(stored) - len(set(stored))
    )


@pytest.mark.guarantee("disk")
def test_any_flip_in_a_position_is_noticed(tmp_path):
    """A position with one bit flipped is never believed."""
    true = _ack(Position(3, 4_567))
    path = tmp_path / "logs.ack"
    believed = 0
    for place in range(len(true)):
        for bit in range(8):
            flipped = bytearray(true)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            opened = Descriptor(os.open(path, os.O_RDONLY))
            believed += _read_ack(opened) != Position(0, 0)
            opened.close()
    assert believed == 0
