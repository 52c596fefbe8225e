"""Dead letters: kept whole, bounded, and put back without losing one."""

from __future__ import annotations

import errno
import json
import os
import threading

import pytest
from kit.adopting import adopt_orphans

from runlog._entry.copy_text import decode_lines
from runlog._spool import retry, whole
from runlog._spool.dead_letter_file import find_dead_letters
from runlog._spool.dead_letters import (
    NAME,
    DeadLetter,
    DeadLetters,
    NoPlaceError,
)
from runlog._spool.retry import PutBack, put_back

ROW = ["id", "run", "2026-01-01", "INFO", "A\tB", "tabs\tand\\slashes\nand lines", '{"a": "\\t"}']


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "db"
    folder.mkdir()
    return folder


def letter(number=0, row=ROW):
    return DeadLetter.of_row([f"{row[0]}{number:06d}", *row[1:]], "23514", "refused")


def rows_put_back(place):
    """The entries of every orphan, which is removed."""
    rows = []
    for orphan in adopt_orphans(place, None):
        while block := orphan.entries.read(2**20):
            found, damaged = decode_lines(block.data)
            assert not damaged
            rows += found
            orphan.entries.acknowledge(block.end)
        orphan.close(remove=True)
    return rows


def letters_in(place):
    path = place / NAME
    return [json.loads(it) for it in path.read_text().splitlines()] if path.exists() else []


def test_an_entry_comes_back_as_it_was(place):
    """Tabs in the step, backslashes, line ends: what is put back is what was refused."""
    DeadLetters(place).keep([letter()])
    assert put_back(place) == PutBack(letters=1, unreadable=0)
    assert rows_put_back(place) == [["id000000", *ROW[1:]]]
    assert letters_in(place) == []


def test_a_letter_of_an_earlier_version_comes_back(place):
    """Its fields stand as they are; a tab in its message makes more of them."""
    fields = [*ROW[:4], "STEP", "tab\there", "{}"]
    old = {"at": "", "sqlstate": None, "reason": "x", "content": "\t".join(fields)}
    (place / NAME).write_text(json.dumps(old) + "\n")
    (place / f"{NAME}.retrying").write_text(json.dumps(old) + "\n")
    assert put_back(place) == PutBack(letters=2, unreadable=0)
    assert rows_put_back(place) == [fields, fields]


def test_what_is_no_letter_stays(place):
    """Lines that cannot be read are left, and nothing else is."""
    DeadLetters(place).keep([letter(1)])
    with (place / NAME).open("ab") as file:
        file.write(b"garbage\n[1]\n{}\n")
    DeadLetters(place).keep([letter(2)])
    assert put_back(place) == PutBack(letters=2, unreadable=3)
    assert (place / NAME).read_bytes() == b"garbage\n[1]\n{}\n"
    assert len(rows_put_back(place)) == 2


@pytest.mark.guarantee("disk", "conservation")
def test_a_full_disk_leaves_every_letter_where_it_is(place, monkeypatch):
    """Whatever is not written whole is not begun: no spool, and the file as it was."""
    DeadLetters(place).keep([letter(number) for number in range(50)])
    before = (place / NAME).read_bytes()

    def refuse(path, data):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(retry, "append_whole", refuse)
        with pytest.raises(OSError, match="full"):
            put_back(place)
    assert (place / NAME).read_bytes() == before
    assert [path.name for path in place.iterdir()] == [NAME]


@pytest.mark.guarantee("conservation")
def test_retries_and_shippers_at_the_same_time_lose_nothing(place):
    """Four retries beside four that append: every letter is put back once, or still there."""
    stop = threading.Event()
    failures = []

    def keep(thread):
        letters = DeadLetters(place)
        for number in range(100):
            letters.keep([letter(1000 * thread + number)])

    def retry_again():
        while not stop.is_set():
            try:
                put_back(place)
            except OSError as error:
                failures.append(error)

    writers = [threading.Thread(target=keep, args=(t,)) for t in range(4)]
    retries = [threading.Thread(target=retry_again) for _ in range(4)]
    for thread in (*writers, *retries):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in retries:
        thread.join()
    assert failures == []
    put_back(place)
    assert sorted(row[0] for row in rows_put_back(place)) == [
        f"id{1000 * t + n:06d}" for t in range(4) for n in range(100)
    ]


@pytest.mark.guarantee("bounded")
def test_the_file_has_a_limit(place, capsys):
    """What is refused beyond it is counted and told, again at ten times as many."""
    letters = DeadLetters(place, max_bytes=1000)
    for number in range(30):
        letters.keep([letter(number)])
    assert (place / NAME).stat().st_size <= 1000
    assert letters.kept == len(letters_in(place)) > 2
    assert letters.kept + letters.dropped == 30
    told = [it for it in capsys.readouterr().err.splitlines() if "is full" in it]
    assert ["1 refused" in it for it in told] == [True, False]


@pytest.mark.guarantee("conservation")
def test_without_a_folder_letters_are_held_until_there_is_one(tmp_path):
    """A spool in memory has no file for them; they are written as soon as there can be one."""
    place = tmp_path / "later"
    letters = DeadLetters(place)
    letters.keep([letter(1)])
    letters.keep([])
    place.mkdir()
    letters.keep([])
    letters.keep([letter(2)])
    assert [it["content"][:8] for it in letters_in(place)] == ["id000001", "id000002"]
    assert (letters.kept, letters.dropped) == (2, 0)


@pytest.mark.guarantee("disk")
def test_half_a_letter_is_none(place, monkeypatch):
    """A line that the disk takes in part only is taken back, and the entry stays in the spool."""
    letters = DeadLetters(place)
    letters.keep([letter(1)])
    real_write = os.write
    monkeypatch.setattr(whole.os, "write", lambda fd, data: real_write(fd, data[: len(data) // 2]))
    with pytest.raises(NoPlaceError):
        letters.keep([letter(2)])
    monkeypatch.undo()
    assert find_dead_letters(place).letters == 1
