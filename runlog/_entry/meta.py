"""Meta: one dict from what the caller gave and what runlog adds, with nothing lost.

Lives here: which name wins when two fields have the same. Not here: making it storable
(``jsonable``). Pure; runs on the caller's thread; never raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlog._process.interrupts import is_interrupt


def merge_meta(meta: object, extras: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of ``extra["meta"]`` followed by the other extras.

    The fields of ``meta`` keep their names. An extra of the same name and another value is kept
    as ``extra.<name>``. A ``meta`` that is no mapping is kept under ``meta``.

    Args:
        meta: the value of ``extra["meta"]``; None when there is none.
        extras: all other extras.
    """
    if not extras:
        # A copy: more fields are added to the result, and the caller's dict is not ours.
        return as_dict(meta)
    return _joined(as_dict(meta), extras, "extra.")


def add_fields(meta: object, fields: dict[str, Any]) -> dict[str, Any]:
    """Return ``meta`` with runlog's own ``fields``; a name that is taken becomes ``runlog.<name>``.

    Args:
        meta: the user's fields, left as they are.
        fields: what runlog adds: ``logger``, ``error``, ``stack`` …
    """
    return _joined(as_dict(meta), fields, "runlog.")


def as_dict(meta: object) -> dict[str, Any]:
    """Return a dict of its own from a mapping; anything else but None under ``meta``."""
    if meta is None:
        return {}
    if type(meta) is dict:
        return meta.copy()
    try:
        if issubclass(type(meta), dict):
            # The items as they are stored, whatever the subclass makes of items().
            return dict(dict.items(meta))  # type: ignore[arg-type] # a dict, the line above
        if issubclass(type(meta), Mapping):
            return dict(meta)  # type: ignore[call-overload,no-any-return] # a mapping
    except Exception as error:
        if is_interrupt(error):
            raise
        # The mapping's own code failed; the encoder tells what it can of the object.
        return {"meta": meta}
    return {"meta": meta}


def _joined(first: dict[str, Any], second: dict[str, Any], prefix: str) -> dict[str, Any]:
    for name, value in second.items():
        free = name
        if name in first:
            if first[name] is value:
                continue
            free = f"{prefix}{name}"
            number = 2
            while free in first:
                free = f"{prefix}{name} #{number}"
                number += 1
        first[free] = value
    return first
