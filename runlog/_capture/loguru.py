"""A message of loguru → the LogRecord that the standard library would have made of the call.

loguru hands its messages to anything with a method ``write``: text, formatted for people, with the
call itself in the attribute ``record``. That is taken; the text depends on the sink's ``format``.
loguru is not imported here. Runs on the caller's thread.
https://loguru.readthedocs.io/en/stable/api/logger.html#sink
"""

from __future__ import annotations

import logging
from typing import Any

from runlog._entry.meta import merge_meta


def to_log_record(text: str) -> logging.LogRecord:
    """Return the record of a message that loguru, or anything else that writes text, wrote."""
    told = getattr(text, "record", None)
    if not isinstance(told, dict):
        plain = {"name": "root", "levelno": logging.INFO, "levelname": "INFO"}
        return logging.makeLogRecord({**plain, "msg": text.rstrip("\n")})
    extra = dict(told["extra"])
    step = extra.pop("step", None)
    moment = told["time"].timestamp()
    values: dict[str, Any] = {
        "name": told["name"] or "root",
        "msg": told["message"],
        "levelno": told["level"].no,
        "levelname": told["level"].name,
        "pathname": told["file"].path,
        "filename": told["file"].name,
        "module": told["module"],
        "lineno": told["line"],
        "funcName": told["function"],
        "created": moment,
        "msecs": moment % 1 * 1000,
        "exc_info": tuple(told["exception"]) if told["exception"] else None,
        # Under meta, and not each by its name: a bound value may be called like an attribute.
        "meta": merge_meta(extra.pop("meta", None), extra),
    }
    if step is not None:
        values["step"] = step
    return logging.makeLogRecord(values)
