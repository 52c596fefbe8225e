"""One log call → one line: every column as documented, whatever the caller hands in."""

import datetime as dt
import json
import math
import threading
import time
import uuid
from collections.abc import Mapping

import odd_values
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog import _entry
from runlog._entry import COLUMNS, Encoder, decode_lines, level_name, merge_meta
from runlog._meta import add_fields
from runlog._redact import Redactor
from runlog.errors import SettingError

RUN = "01930000-0000-7000-8000-000000000001"
CREATED = 1_763_923_412.123456
ENCODER = Encoder(redactor=Redactor())
SMALL = Encoder(redactor=Redactor(), max_entry_bytes=4096)
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


any_level = st.one_of(st.integers(-5, 60), st.none(), st.floats(), odd_values.texts, st.just([]))
any_call = {
    "created": st.one_of(st.floats(), st.none(), st.integers(), odd_values.texts, st.just(1e9)),
    "levelno": any_level,
    "levelname": st.one_of(st.none(), st.sampled_from(sorted(LEVELS)), odd_values.values),
    "step": odd_values.values,
    "message": odd_values.values,
    "meta": st.one_of(odd_values.metas, odd_values.values),
}


@given(**any_call)
def test_any_call_becomes_one_whole_row(**call):
    """Whatever the arguments, there is exactly one row with seven storable fields."""
    row = row_of(**call)
    assert row["level"] in LEVELS
    assert 0 < len(row["step"]) <= 200
    assert type(row["meta"]) is dict
    assert not any("\0" in text for text in row.values() if type(text) is str)


@given(**any_call)
def test_any_call_fits(**call):
    """No line is longer than allowed."""
    line = SMALL.encode(RUN, *call.values())
    assert len(line) <= 4096
    assert len(decode_lines(line)[0]) == 1


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
        (50, "CRITICAL", {"levelname": "CRITICAL"}),
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


def test_own_fields_lose_no_field_of_the_user():
    """A user's field keeps its name; runlog's own gets another."""
    row = row_of(meta={"levelname": "mine"}, levelno=50, levelname="CRITICAL")
    assert row["meta"] == {"levelname": "mine", "runlog.levelname": "CRITICAL"}


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


def test_remembered_steps_are_bounded():
    """Steps that are all different do not fill the memory."""
    encoder = Encoder(redactor=Redactor())
    for number in range(2000):
        encoder.encode(RUN, CREATED, 20, "INFO", f"step {number}", "m", None)
    assert len(encoder._steps) <= 256


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


@pytest.mark.parametrize("size", [100, 300_000, 3_000_000])
@pytest.mark.parametrize("unit", ["a", "\\", "\n", "é", "😀", "\0"])
def test_huge_messages_keep_head_and_tail(size, unit):
    """A message beyond the limit is cut to it, with its full size told."""
    line = ENCODER.encode(RUN, CREATED, 20, "INFO", "LOG", "head" + unit * size + "tail", {"a": 1})
    message = decode_lines(line)[0][0][5]
    assert (message[:4], message[-4:]) == ("head", "tail")
    assert len(line) <= 262_144
    if size * len(unit.encode()) > 262_144:
        assert "…[cut; " in message
        assert len(line) > 180_000, "as much as fits is kept"


def test_the_full_size_is_told_even_when_cut_twice():
    """The marker names the length of the text that was handed in."""
    message = row_of("x" * 1_000_000, {"y": "y" * 2_000_000})
    assert "…[cut; 1000000 characters in all]…" in message["message"]
    assert "…[cut; 2000000 characters in all]…" in message["meta"]["y"]


@given(st.integers(0, 5000), st.integers(0, 5000), st.sampled_from('a\\\n\x01é😀"'))
def test_large_entries_fit_exactly(message_size, value_size, unit):
    """Whatever is large, the line fits, and small parts stay whole."""
    meta = {"small": 1, "large": unit * value_size}
    line = SMALL.encode(RUN, CREATED, 20, "INFO", "LOG", unit * message_size, meta)
    assert len(line) <= 4096
    row = decode_lines(line)[0][0]
    assert json.loads(row[6])["small"] == 1
    if message_size < 100:
        assert row[5] == unit * message_size


@pytest.mark.parametrize(
    "meta",
    [
        {str(n): n for n in range(9000)},
        {"rows": [{"id": n, "name": "x" * 50} for n in range(3000)]},
        {"k" * 5000: 1},
        {f"{n}" * 3000: "v" for n in range(9)},
        {"deep": odd_values.deep()},
        {str(n): "\x01" * 70 for n in range(500)},
    ],
    ids=["keys", "rows", "long key", "long keys", "deep", "escapes"],
)
def test_large_meta_fits(meta):
    """Meta of any shape is cut to what is allowed, and stays an object."""
    line = SMALL.encode(RUN, CREATED, 20, "INFO", "LOG", "kept", meta)
    assert len(line) <= 4096
    row = decode_lines(line)[0][0]
    assert row[5] == "kept"
    assert type(json.loads(row[6])) is dict


def test_a_limit_that_no_entry_fits_is_refused():
    """A limit too small is an error of the setting."""
    with pytest.raises(SettingError, match="max_entry_bytes is 100"):
        Encoder(redactor=Redactor(), max_entry_bytes=100)


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
    assert row_of(meta=broken)["meta"] == {
        "meta": "<unrepresentable BrokenMapping: reading it raised ValueError>"
    }
