"""Figures, spans and names as the pages write them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog._readable import plural
from runlog.dashboard import _words as words
from runlog.dashboard._viewer import Viewer, find_zone, viewer_of

NOTHING = "\u2013"


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (None, NOTHING),
        (-5, "0 ms"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (59_900, "59.9 s"),
        (60_000, "1 min"),
        (61_500, "1 min 1 s"),
        (3_600_000, "1 h"),
        (90_000_000, "1 d 1 h"),
        (2**31 - 1, "24 d 20 h"),
    ],
)
def test_durations(milliseconds, told):
    """A duration has at most two units."""
    assert words.duration(milliseconds) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, NOTHING),
        (0, "0 %"),
        (0.0001, "<0.1 %"),
        (0.5, "50.0 %"),
        (0.99999, "99.9 %"),
        (1, "100 %"),
    ],
)
def test_shares(value, told):
    """Nothing and all are said only when it is nothing and all."""
    assert words.share(value) == told


@pytest.mark.parametrize(
    ("value", "usual", "told"),
    [
        (10, None, NOTHING),
        (None, 5, NOTHING),
        (10, 0, NOTHING),
        (110, 100, "+10 %"),
        (39, 100, "\u221261 %"),
        (100, 100, "±0 %"),
        (5_000, 100, "\u00d750"),
    ],
)
def test_changes(value, usual, told):
    """A change is against what is usual; where that is nothing, there is none."""
    assert words.change(value, usual) == told


def test_plurals():
    """One is one; nothing and several are many."""
    told = [plural(count, "run") for count in (0, 1, 2, 1000)]
    assert told == ["0 runs", "1 run", "2 runs", "1,000 runs"]
    assert plural(2, "success", "successes") == "2 successes"


def test_sizes():
    """Three digits are enough, in the units of the command line."""
    told = [words.size(n) for n in (None, 0, 999, 1024, 34_800_000, 2**29, 2**30 - 1, 5 * 2**40)]
    assert told == [NOTHING, "0 B", "999 B", "1.0 KiB", "33.2 MiB", "512 MiB", "1.0 GiB", "5.0 TiB"]


@given(st.text())
def test_nothing_unseen_is_left(text):
    """No control character and no mark of direction reaches a page as itself."""
    shown = words.shown(text)
    hidden = set("\x00\x1b\x07\r\x7f\x9b\u202e\u2066\ufeff")
    assert hidden.isdisjoint(shown)
    assert words.shown(shown) == shown


@given(st.text())
def test_every_name_has_a_path_of_its_own(name):
    """A script's path is one that no browser changes, and tells exactly the name."""
    path = words.script_path(name.encode("utf-8", "replace").decode())
    split = urlsplit(f"http://127.0.0.1{path}")
    assert path.startswith(("/scripts/", "/scripts?name="))
    assert "/.." not in path
    found = split.path.removeprefix("/scripts/") if not split.query else None
    if found is None:
        found = parse_qs(split.query, keep_blank_values=True)["name"][0]
    assert unquote(found) == name.encode("utf-8", "replace").decode()


def test_queries_are_changed():
    """A parameter is set, changed or taken out, the others stay."""
    base = {"state": "error", "q": "a b"}
    assert words.with_query("/runs", {"state": None}, base) == "/runs?q=a+b"
    assert words.with_query("/runs?x=1", {"q": ""}, base) == "/runs?x=1&state=error"
    assert words.with_query("/runs", {}) == "/runs"


def test_json_of_anything():
    """What JSON cannot hold is told as text, never raised."""
    deep = value = []
    for _ in range(2000):
        value.append([])
        value = value[0]
    assert words.to_json({"a": 1}) == '{"a":1}'
    assert words.to_json(2**70) == str(2**70)
    assert words.to_json(deep)


def viewer(timezone="Europe/Rome"):
    return Viewer(timezone=timezone, theme="auto", has_keys=True)


def test_moments_are_the_viewers():
    """Under a day a moment is an age, later it is a date and time of the viewer's zone."""
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    at = lambda **span: viewer().short(now - timedelta(**span), now)  # noqa: E731
    assert at(seconds=2) == "just now"
    assert at(seconds=75) == "1 min ago"
    assert at(hours=23) == "23 h ago"
    assert at(days=2) == "2026-11-24 13:00"
    assert viewer().short(None, now) == NOTHING
    assert viewer().full(now) == "2026-11-26 13:00:00 CET · 2026-11-26 12:00:00 UTC"
    assert viewer().moment(datetime(2026, 1, 1)) == "2026-01-01 01:00:00"  # noqa: DTZ001 - other programs'


@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_the_calendar(year):
    """A moment that no other zone can hold is told as it is."""
    for day in (datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, 23, 59, tzinfo=UTC)):
        for timezone in ("Pacific/Auckland", "America/Los_Angeles"):
            assert viewer(timezone).moment(day)


def test_cookies_are_believed_as_far_as_they_can_be_meant():
    """A zone, colours or keys that there are not are those of who has told nothing."""
    cookies = {"runlog_tz": "../../etc", "runlog_theme": "pink", "runlog_keys": "off"}
    assert viewer_of(cookies, "UTC") == Viewer(timezone="UTC", theme="auto", has_keys=False)
    for name in ("", "/etc/passwd", "x" * 100, "Europe", "\0", "Mars/Base"):
        assert find_zone(name) is None
