"""JSON bytes without orjson are those with it, and orjson is used as soon as it can be loaded."""

from __future__ import annotations

import sys
from types import ModuleType
from uuid import UUID

import orjson
import pytest

from runlog._entry.pack import pack, packer, unpack_event

PLAIN = {
    "text": 'ä "\\\n\x01\u2028',
    "numbers": [0, -1, 2**63, 1.5, -0.25],
    "none": [None, True, {}],
}


def test_both_ways_agree(monkeypatch):
    """What is plain is written byte for byte as orjson writes it."""
    with_it = pack(PLAIN)
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert packer() is not orjson.dumps
    assert pack(PLAIN) == with_it == orjson.dumps(PLAIN)


def test_half_of_orjson_is_none(monkeypatch):
    """Another thread's import of it has failed meanwhile: what that leaves has nothing to write with."""
    monkeypatch.setitem(sys.modules, "orjson", ModuleType("orjson"))
    assert pack({"a": 1}) == b'{"a":1}'


def test_orjson_takes_over(monkeypatch):
    """What was made without orjson writes with it once it can be loaded."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "orjson", None)
        write = packer()
        with pytest.raises(TypeError):
            write({1, 2})
    # The standard library knows no UUID.
    known = {"id": UUID(int=1)}
    assert write(known) == orjson.dumps(known)


def test_it_is_orjsons():
    """Where orjson is there, nothing stands in between."""
    assert packer() is orjson.dumps


@pytest.mark.parametrize("length", range(1, 60, 7))
def test_an_event_that_ran_into_what_was_torn_is_found(length):
    """Whatever stands of the one before it is left out; an event inside of an event is none."""
    event = {"event": "finish", "id": "1", "metadata": '{"event": 1, "inner": {"event":"start"}}'}
    assert unpack_event(pack(event)[:length] * 2 + pack(event)) == event
    for cut in [*(pack(event)[:-n] for n in range(1, 20)), pack(event)[1:], b"", b"{}{"]:
        with pytest.raises(ValueError, match=r"."):
            unpack_event(cut)
