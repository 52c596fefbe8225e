"""Where the time of one log call goes: each part of its way alone, in a process of its own.

The smallest of many repeats: what a part costs when nothing disturbs it. Parts overlap and their sum
is less than the whole, for each is called in a tight loop whose data is in the processor's cache.
"""

from __future__ import annotations

import logging
import os
import tempfile
import timeit
from pathlib import Path

from child import in_child

_REPEATS = 15
_CALLS = 20_000
_TEXT = "Fetched 12345 contacts from page 3"
_META = {"count": 12345, "page": 3, "email": "anna.petrova@example.com"}
_CREATED = 1_763_923_412.123456


def measure_parts() -> list[tuple[str, float]]:
    """Return what each part takes, in microseconds."""
    parts: list[tuple[str, float]] = in_child("anatomy", "time_parts")
    return parts


def time_parts() -> list[tuple[str, float]]:
    """In the child: time the parts, and nothing at all, which is taken off."""
    import orjson

    from runlog._capture import calls, log_record
    from runlog._capture.once import Claims
    from runlog._entry import ids
    from runlog._entry.encoder import Encoder
    from runlog._entry.json_writer import JsonWriter
    from runlog._entry.redaction.redactor import Redactor
    from runlog._run.context import RunContext
    from runlog._spool.spool import Spool

    redactor = Redactor()
    encoder, writer = Encoder(redactor=redactor), JsonWriter(redactor)
    record = logging.LogRecord("bench", 20, "x.py", 1, "Fetched %d contacts from page %d",
                               (12345, 3), None)  # fmt: skip
    record.step, record.meta = "FETCH", _META
    plain, claims = record.processName, Claims()
    run_id = ids.new_id()
    spool = Spool(Path(tempfile.mkdtemp()), 2**34)

    def encode() -> bytes:
        return encoder.encode(
            run_id, _CREATED, 20, "INFO", "FETCH", _TEXT, _META, "bench"
        )  # fmt: skip

    def claim() -> None:
        record.processName = plain
        calls.claim(record, claims)

    line = encode()
    plain_file = os.open(tempfile.mkstemp()[1], os.O_WRONLY | os.O_APPEND)
    with RunContext("bench", lifecycle_logs=False):
        nothing = _time(lambda: None)
        return [
            (name, _time(part) - nothing)
            for name, part in {
                "whose run and step it is, and that it is stored once": claim,
                "what the record says, its message formatted": lambda: log_record.read_fields(
                    record
                ),
                "the whole line": encode,
                "of that: the id": ids.new_id_bytes,
                "of that: looking for secrets in the message": lambda: redactor.redact_text(_TEXT),
                "of that: meta, looked through and written as JSON": lambda: writer.dumps(_META),
                "of that: the JSON alone (orjson)": lambda: orjson.dumps(_META),
                "append to the spool": lambda: spool.append(line, 20, run_id),
                "of that: os.write to a file": lambda: os.write(plain_file, line),
            }.items()
        ]


def _time(part: object) -> float:
    return min(timeit.repeat(part, number=_CALLS, repeat=_REPEATS)) / _CALLS * 1e6  # type: ignore[arg-type]
