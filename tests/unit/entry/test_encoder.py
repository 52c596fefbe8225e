"""One log call → one line: every column as documented, whatever the caller hands in."""

import datetime as dt
import json
import math
import threading
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import odd_values

from runlog._entry import encoder as _entry
from runlog._entry.copy_text import decode_lines
from runlog._entry.encoder import COLUMNS, Encoder
from runlog._entry.fingerprint import fingerprint_of
from runlog._entry.levels import level_name
from runlog._entry.redaction.redactor import Redactor

RUN = "01930000-0000-7000-8000-000000000001"
CREATED = 1_763_923_412.123456
ENCODER = Encoder(redactor=Redactor())
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR"}


def row_of(
    message="m",
    meta=None,
    step="LOG",
    levelno=20,
    levelname="INFO",
    created=CREATED,
    encoder=ENCODER,
):
    line = encoder.encode(RUN, created, levelno, levelname, step, message, meta)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    rows, damaged = decode_lines(line)
    assert not damaged
    row = dict(zip(COLUMNS, rows[0], strict=True))
    row["meta"] = json.loads(row["meta"])
    return row


def test_a_plain_call_becomes_its_row():
    """Each argument stands in its column."""
    row = row_of("Fetched 150", {"count": 150, "page": 1}, "FETCH")
    assert uuid.UUID(row.pop("id")).version == 7
    assert row == {
        "run_id": RUN,
        "timestamp": "2025-11-23 18:43:32.123456+00",
        "level": "INFO",
        "step": "FETCH",
        "message": "Fetched 150",
        "meta": {"count": 150, "page": 1},
    }


@given(**odd_values.any_call)
def test_any_call_becomes_one_whole_row(**call):
    """Whatever the arguments, there is exactly one row with seven storable fields."""
    row = row_of(**call)
    assert row["level"] in LEVELS
    assert 0 < len(row["step"]) <= 200
    assert type(row["meta"]) is dict
    assert not any("\0" in text for text in row.values() if type(text) is str)


@given(odd_values.texts)
def test_a_message_comes_back(message):
    """A message is stored as it is, but for visible marks and redaction."""
    encoder = Encoder(redactor=Redactor(enabled=False))
    marked = message.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    assert row_of(message, encoder=encoder)["message"] == marked


@pytest.mark.parametrize(
    ("levelno", "level"),
    [(0, "DEBUG"), (5, "DEBUG"), (10, "DEBUG"), (19, "DEBUG"), (20, "INFO"), (25, "INFO"),
     (30, "WARNING"), (39, "WARNING"), (40, "ERROR"), (50, "ERROR"), (99, "ERROR"), (None, "INFO")],
)  # fmt: skip
def test_levels_fold_into_four(levelno, level):
    """Every number has one of the four levels."""
    assert level_name(levelno) == level
    assert row_of(levelno=levelno, levelname=None)["level"] == level


@pytest.mark.parametrize(
    ("levelno", "levelname", "meta"),
    [
        (35, "LOUD", {"levelname": "LOUD"}),
        (25, "NOTICE", {"levelname": "NOTICE"}),
        (20, "INFO", {}),
        (20, "WARNING", {}),
        (20, None, {}),
        (20, "", {}),
        (20, ["odd"], {"levelname": ["odd"]}),
    ],
)
def test_levels_of_another_name_keep_it(levelno, levelname, meta):
    """A name that is none of the four is told in meta."""
    assert row_of(levelno=levelno, levelname=levelname)["meta"] == meta


@pytest.mark.parametrize("levelno", [40, 50])
def test_an_error_carries_its_fingerprint(levelno):
    """That of the message and the class as they are stored, and only at ERROR."""
    message, meta = "item 12 of \0 password=hush failed\nand more", {"error_type": "a.b.Error"}
    row = row_of(message, meta, levelno=levelno, levelname="ERROR")
    carried = fingerprint_of("a.b.Error", row["message"])
    assert row["meta"] == {"error_type": "a.b.Error", "error_fingerprint": carried}
    assert meta == {"error_type": "a.b.Error"}
    assert row_of(message, meta, levelno=30)["meta"] == meta


@pytest.mark.parametrize(
    "meta", [{"error_fingerprint": "mine"}, {"error_type": 5}, {"error_type": "Error: two words"}]
)
def test_a_fingerprint_that_is_not_sure_is_not_carried(meta):
    """The program's own field stays, and a class that may be stored as another text says nothing."""
    assert row_of("failed", meta, levelno=40, levelname="ERROR")["meta"] == meta


def test_own_fields_lose_no_field_of_the_user():
    """A user's field keeps its name; runlog's own gets another."""
    row = row_of(meta={"levelname": "mine"}, levelno=35, levelname="LOUD")
    assert row["meta"] == {"levelname": "mine", "runlog.levelname": "LOUD"}


@pytest.mark.parametrize(
    ("step", "column"),
    [
        (None, "LOG"),
        ("", "LOG"),
        ("  ", "LOG"),
        ("FETCH", "FETCH"),
        (odd_values.Colour.RED, "red"),
        (5, "5"),
        ("a\tb\\", "a\tb\\"),
        ("s" * 200, "s" * 200),
        ("s" * 201, "s" * 199 + "…"),
        ("a\0", "a\\x00"),
        (odd_values.RaisingRepr(), "<unrepresentable RaisingRepr: str raised ValueError>"),
        ("password=x", "password=[redacted]"),
    ],
)
def test_steps(step, column):
    """A step is text of at most 200 characters; none means the default."""
    assert row_of(step=step)["step"] == column
    assert row_of(step=step)["step"] == column, "the same when it is remembered"


def test_the_default_step_is_a_setting():
    """Entries without a step get the one that was set."""
    assert row_of(step=None, encoder=Encoder(redactor=Redactor(), default_step="X"))["step"] == "X"


def test_a_text_that_its_class_does_not_tell():
    """Methods of a class of texts that raise cost nothing of what the text is."""
    row = row_of(odd_values.HostileText("found"), step=odd_values.HostileText("FETCH"))
    assert (row["message"], row["step"]) == ("found", "FETCH")


def test_remembered_steps_are_bounded():
    """Steps that are all different do not fill the memory."""
    encoder = Encoder(redactor=Redactor())
    for number in range(2000):
        encoder.encode(RUN, CREATED, 20, "INFO", f"step {number}", "m", None)
    assert len(encoder.steps) <= 256


@given(st.floats(0, 253_402_300_799))
def test_timestamps_are_exact_to_the_microsecond(created):
    """The text says the same instant, to the rounding of a float."""
    text = row_of(created=created)["timestamp"]
    told = dt.datetime.fromisoformat(text).timestamp()
    assert math.isclose(told, created, rel_tol=1e-15, abs_tol=0.6e-6)


@pytest.mark.parametrize(
    "created", [None, math.nan, math.inf, -math.inf, -1.0, 1e12, 1e300, "x", 1j]
)
def test_insane_times_become_now_and_are_told(created):
    """What cannot be a time is kept in meta, and the entry is of now."""
    before = time.time()
    row = row_of(created=created, meta={"a": 1})
    told = dt.datetime.fromisoformat(row["timestamp"]).timestamp()
    assert before - 1 <= told <= time.time() + 1
    assert list(row["meta"]) == ["a", "created"]


def test_the_remembered_second_is_not_mixed_up_by_threads():
    """Threads that log at different seconds never get each other's."""
    wrong = []

    def call(second):
        for _ in range(300):
            line = ENCODER.encode(RUN, second + 0.5, 20, "INFO", "LOG", "m", None)
            if line.split(b"\t")[2] != f"1970-01-01 00:00:{second:02d}.500000+00".encode():
                wrong.append(line)

    threads = [threading.Thread(target=call, args=(second,)) for second in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_secrets_are_hidden_everywhere():
    """Message, meta and its stack lose their secrets."""
    row = row_of(
        "dsn postgres://u:hunter2@h/db",
        {
            "password": "hunter2",
            "stack": "File x\n  connect(password='hunter2')",
            "a": ["Bearer hunter2"],
        },
    )
    assert "hunter2" not in json.dumps(row)
    assert row["message"] == "dsn postgres://u:[redacted]@h/db"


def test_a_message_of_any_kind_is_its_text():
    """What is no text is told by str."""
    assert row_of(5)["message"] == "5"
    assert row_of(None)["message"] == "None"
    assert row_of(b"abc")["message"] == "abc"
    assert row_of(odd_values.RaisingRepr())["message"].startswith("<unrepresentable RaisingRepr")


def test_meta_that_is_no_dict_is_kept():
    """A mapping becomes the fields, anything else a field of its own."""
    assert row_of(meta=odd_values.OddItems(a=1))["meta"] == {"a": 1}
    assert row_of(meta=[1])["meta"] == {"meta": [1]}
    assert row_of(meta={})["meta"] == {}


def test_even_a_broken_encoder_writes_a_line(monkeypatch):
    """When nothing works, the line still says that there was an entry."""

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(_entry, "as_dict", fail)
    row = row_of(meta=[1])
    assert row["message"] == "<entry not encoded: MemoryError>"


def test_ids_of_calls_increase():
    """Lines made one after the other have increasing ids."""
    ids = [ENCODER.encode(RUN, CREATED, 20, "INFO", None, "m", None)[:36] for _ in range(1000)]
    assert ids == sorted(set(ids))


@given(odd_values.values)
def test_json_of_anything_can_be_had(value):
    """Run events take any value through the same rules."""
    assert "\0" not in ENCODER.to_json(value)
    json.loads(ENCODER.to_json(value))
