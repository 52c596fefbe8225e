"""JSON bytes without orjson are those with it, and orjson is used as soon as it can be loaded."""

from __future__ import annotations

import sys
from types import ModuleType
from uuid import UUID

import orjson
import pytest

from runlog._entry.pack import pack, packer

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
