"""What lines of any program's output say; no process, no database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog._exec.lines import Line, read_line
from runlog._exec.tracebacks import LineReader

INFO, WARNING, ERROR = (20, "INFO"), (30, "WARNING"), (40, "ERROR")
TRACEBACK = """Traceback (most recent call last):
  File "etl.py", line 3, in <module>
    main()
    ^^^^^^
ValueError: no such customer"""

GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "x.py", line 1, in <module>
  | ExceptionGroup: two things (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +---------------- 2 ----------------
    | ValueError: 2
    +------------------------------------"""


def read(text):
    reader = LineReader()
    lines = [line for one in text.split("\n") for line in reader.feed(one)]
    return lines + reader.flush()


@pytest.mark.parametrize(
    ("text", "level", "step", "message", "meta"),
    [
        ("Fetched 150", INFO, None, "Fetched 150", None),
        ("[FETCH] Fetched 150", INFO, "FETCH", "Fetched 150", None),
        ("[LOAD DATA] go", INFO, "LOAD DATA", "go", None),
        ("[main] not a step", INFO, None, "[main] not a step", None),
        ("[ERROR] broken", ERROR, None, "broken", None),
        ("[WARN] [FETCH] slow", WARNING, "FETCH", "slow", None),
        ("[FETCH] ERROR: broken", ERROR, "FETCH", "broken", None),
        ("ERROR: broken", ERROR, None, "broken", None),
        ("error: broken", ERROR, None, "broken", None),
        ("Warning: slow", WARNING, None, "slow", None),
        ("fatal: not a git repository", (50, "FATAL"), None, "not a git repository", None),
        ("ERROR reading the file", INFO, None, "ERROR reading the file", None),
        ("Information: none", INFO, None, "Information: none", None),
        ("INFO:app.sync:Fetched", INFO, None, "Fetched", {"logger": "app.sync"}),
        ("INFO: http://x is up", INFO, None, "http://x is up", None),
        ("INFO:http://x is up", INFO, None, "http://x is up", None),
        ("12 files", INFO, None, "12 files", None),
        ("2026-01-31 without a level", INFO, None, "2026-01-31 without a level", None),
        ("[FETCH]", INFO, None, "[FETCH]", None),
        ("ERROR:", INFO, None, "ERROR:", None),
        ("{not json}", INFO, None, "{not json}", None),
    ],
)
def test_a_line_of_text(text, level, step, message, meta):
    """Level and step are taken from where programs put them; what is no such mark stays."""
    assert read_line(text) == Line(message, *level, step, meta)


@pytest.mark.parametrize(
    ("text", "level", "message", "logger"),
    [
        ("2026-01-31 12:00:00,123 ERROR broken", ERROR, "broken", None),
        ("2026-01-31T12:00:00.123Z [error] broken", ERROR, "broken", None),
        ("2026-01-31 12:00:00 [warning  ] slow", WARNING, "slow", None),
        ("[2026-01-31 12:00:00] WARN: slow", WARNING, "slow", None),
        ("2026-01-31 12:00:00.123 | INFO     | app:main:3 - up", INFO, "app:main:3 - up", None),
        ("2026-01-31 12:00:00,123 - app.x - ERROR - broken", ERROR, "broken", "app.x"),
        ("2026-01-31 12:00:00+01:00 INFO app: up", INFO, "app: up", None),
    ],
)
def test_a_line_with_a_time(text, level, message, logger):
    """Behind a time a bare word is a level; the time as the program wrote it is kept."""
    line = read_line(text)
    assert (line.message, line.levelno, line.levelname) == (message, *level)
    assert line.meta["time"].startswith("2026-01-31")
    assert line.meta.get("logger") == logger


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"msg": "up", "level": "warn", "n": 1}', Line("up", *WARNING, None, {"n": 1})),
        ('{"message": "up"}', Line("up", *INFO, None, None)),
        ('{"event": "up", "step": "LOAD", "n": 1}', Line("up", *INFO, "LOAD", {"n": 1})),
        ('{"message": "up", "severity": "ERROR"}', Line("up", *ERROR, None, None)),
        ('{"message": "up", "level": 40}', Line("up", *ERROR, None, None)),
        (
            '{"level":40,"time":1,"pid":7,"hostname":"h","msg":"slow"}',
            Line("slow", *WARNING, None, {"time": 1, "pid": 7, "hostname": "h"}),
        ),
        ('{"msg": {"a": 1}}', Line('{"a":1}', *INFO, None, None)),
        ('{"count": 1}', Line('{"count": 1}', *INFO, None, None)),
        ('{"msg": "up", "level": "odd"}', Line("up", *INFO, None, {"level": "odd"})),
    ],
)
def test_a_line_of_json(text, expected):
    """The usual keys become message, level and step; every other key is kept in meta."""
    assert read_line(text) == expected


def test_a_traceback_is_one_entry():
    """What stands before and after it stays by itself; the stack is whole."""
    before, told, after = read(f"starting\n{TRACEBACK}\ndone")
    assert (before.message, after.message) == ("starting", "done")
    assert told == Line(
        "ValueError: no such customer",
        *ERROR,
        None,
        {"error": "no such customer", "error_type": "ValueError", "stack": TRACEBACK},
    )


@pytest.mark.parametrize(
    "link",
    [
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    ],
)
def test_chained_tracebacks_are_one_entry(link):
    """The last exception is the message, as Python prints it last."""
    second = TRACEBACK.replace("ValueError: no such customer", "app.SyncError")
    (told,) = read(f"{TRACEBACK}\n\n{link}\n\n{second}")
    assert told.message == "app.SyncError"
    assert told.meta["error_type"] == "app.SyncError"
    assert told.meta["stack"] == f"{TRACEBACK}\n\n{link}\n\n{second}"


def test_two_tracebacks_one_after_the_other_are_two():
    """Without the sentence that links them they have nothing to do with each other."""
    first, second = read(f"{TRACEBACK}\n\n{TRACEBACK}")
    assert first.message == second.message == "ValueError: no such customer"


def test_an_exception_group_is_one_entry():
    """The group's own exception is the message."""
    told, after = read(f"{GROUP}\nafter")
    assert told.message == "ExceptionGroup: two things (2 sub-exceptions)"
    assert told.meta["stack"] == GROUP
    assert after.message == "after"


def test_a_traceback_that_is_cut_off_is_told_as_it_is():
    """A process that dies while it prints one leaves an ERROR entry with what there was."""
    (told,) = read('Traceback (most recent call last):\n  File "etl.py", line 3')
    assert told.levelname == "ERROR"
    assert told.meta == {"stack": 'Traceback (most recent call last):\n  File "etl.py", line 3'}


def test_an_endless_traceback_is_let_go():
    """What is held back is bounded; nothing is lost."""
    frames = [f'  File "x.py", line {number}' for number in range(10_000)]
    lines = read("\n".join(["Traceback (most recent call last):", *frames]))
    told = "\n".join(line.meta["stack"] if line.meta else line.message for line in lines)
    assert told.split("\n")[1:] == frames


def test_the_reader_knows_what_came_last():
    """The reason in the run's row is the last message; whether it was a traceback is known too."""
    reader = LineReader()
    for line in TRACEBACK.split("\n"):
        reader.feed(line)
    reader.flush()
    assert (reader.last_message, reader.ended_in_traceback) == (
        "ValueError: no such customer",
        True,
    )
    reader.feed("cleaning up")
    assert (reader.last_message, reader.ended_in_traceback) == ("cleaning up", False)


@given(st.lists(st.text(st.characters(exclude_characters="\n"))))
def test_no_line_is_lost_and_none_raises(texts):
    """Whatever a program prints: each line that is not blank is in an entry."""
    told = read("\n".join(texts))
    stored = "\n".join(f"{line.message} {line.meta}" for line in told)
    assert len(told) <= len(texts)
    assert all(word in stored for text in texts for word in text.split() if word.isalpha())


@given(st.from_regex(r"\A[\[{]?(ERROR|info|FETCH|2026-01-31 12:00)[\]: {}\"a-z0-9,]*\Z"))
def test_no_mark_raises(text):
    """Whatever looks like a mark is read, and something of it is the message."""
    assert read_line(text).message


@pytest.mark.parametrize(
    ("text", "meta"),
    [
        ('{"level": "error", "msg": "m", "loss": NaN}', {"loss": "nan"}),
        ('{"level": "error", "msg": "m", "loss": -Infinity}', {"loss": "-inf"}),
        (r'{"level": "error", "msg": "m", "half": "\ud83d"}', {"half": "\ud83d"}),
        ('{"level": "error", "msg": "m", "id": 12345678901234567890123}',
         {"id": "12345678901234567890123"}),
        ('{"level": "error", "msg": "m", "id": -12345678901234567890123}',
         {"id": "-12345678901234567890123"}),
        ('{"level": "error", "msg": "m", "id": ' + "9" * 5000 + "}", {"id": "9" * 5000}),
        ('{"level": "error", "msg": "m", "paid": 1234567890123456.75}',
         {"paid": "1234567890123456.75"}),
        ('{"level": "error", "msg": "m", "paid": -0.30000000000000004}',
         {"paid": "-0.30000000000000004"}),
        ('{"level": "error", "msg": "m", "list": [{"id": 18446744073709551616}]}',
         {"list": "[{'id': 18446744073709551616}]"}),
    ],
    ids=["nan", "infinity", "half a letter", "long", "long and negative", "very long", "decimal", "double", "nested"],
)  # fmt: skip
def test_json_as_programs_write_it(text, meta):
    """What strict readers refuse or round keeps its level, its message and all its digits."""
    line = read_line(text)
    assert (line.levelno, line.message) == (40, "m")
    assert {key: str(value) for key, value in (line.meta or {}).items()} == meta


def test_a_message_that_is_no_text_is_shown_as_json():
    """Also with numbers that JSON does not have."""
    assert read_line('{"msg": {"a": [1, NaN]}}').message == '{"a":[1,NaN]}'
