"""Meta is put together with nothing lost and nothing of the caller's changed."""

from collections.abc import Mapping

import pytest
from kit import odd_values

from runlog._entry.jsonable import jsonable
from runlog._entry.meta import add_fields, merge_meta
from runlog._entry.redaction.redactor import Redactor


@pytest.mark.parametrize(
    ("meta", "extras", "merged"),
    [
        (None, {}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 1, "extra.a": 2}),
        ({"a": 1, "extra.a": 3}, {"a": 2}, {"a": 1, "extra.a": 3, "extra.a #2": 2}),
        ("text", {"a": 1}, {"meta": "text", "a": 1}),
        ([1], {}, {"meta": [1]}),
        (odd_values.OddItems(a=1), {"b": 2}, {"a": 1, "b": 2}),
        (None, {"a": 1}, {"a": 1}),
    ],
)
def test_meta_and_extras_merge_without_loss(meta, extras, merged):
    """The fields of meta keep their names; an extra of the same name gets another."""
    before = dict(extras)
    assert list(merge_meta(meta, extras).items()) == list(merged.items())
    assert extras == before


def test_merging_leaves_the_callers_dict_alone():
    """The result can be added to without changing what the caller handed in."""
    meta = {"a": 1}
    merge_meta(meta, {})["b"] = 2
    add_fields(meta, {"c": 3})["d"] = 4
    assert meta == {"a": 1}


def test_a_mapping_that_raises_is_kept_as_it_is():
    """A broken mapping becomes a field, which the encoder marks."""

    class BrokenMapping(Mapping):
        def __getitem__(self, key):
            raise ValueError

        def __iter__(self):
            raise ValueError

        def __len__(self):
            return 1

    broken = BrokenMapping()
    assert merge_meta(broken, {"a": 1}) == {"meta": broken, "a": 1}
    assert jsonable({"meta": broken}, Redactor()) == {
        "meta": "<unrepresentable BrokenMapping: reading it raised ValueError>"
    }
