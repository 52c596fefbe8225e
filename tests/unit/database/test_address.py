"""Addresses are read as libpq reads them, and what is shown of one holds no piece of its password."""

from __future__ import annotations

import re

import psycopg
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from runlog._database import address as _address
from runlog._database import dsn as _dsn

WORD = st.text("abAB01.-_", min_size=1, max_size=6)
ODD = st.text("aB1@:/?#&=%+ '\\é[],", max_size=8)
PLACES = ("host", "hostaddr", "port", "dbname", "user", "options", "password")
SECRET = "Zq7Xw9Vk"


@st.composite
def urls(draw):
    """Addresses as people write them: any part may be missing, the password holds anything."""
    user = draw(st.one_of(st.just(""), WORD, WORD.map(lambda word: f"{word}@corp")))
    password = draw(ODD).replace(" ", "")
    userinfo = draw(st.sampled_from(["", f"{user}@", f"{user}:{password}@"]))
    host = draw(st.sampled_from(["h", "db.example", "[::1]", "h1,h2:6543", "%2Frun%2Fpg", ""]))
    port = draw(st.sampled_from(["", ":5433"]))
    path = draw(st.one_of(st.just(""), st.just("/"), WORD.map(lambda word: f"/{word}")))
    pairs = draw(
        st.lists(
            st.sampled_from(
                ["application_name=job@web1", "user=me@corp", "sslmode=require", "options=-c%20a%3Db",
                 f"password={password}", "sslcert=/home/me@corp/c.crt", "connect_timeout=3", "pool=5"]
            ),
            max_size=3,
        )
    )  # fmt: skip
    query = f"?{'&'.join(pairs)}" if pairs else ""
    return f"postgresql://{userinfo}{host}{port}{path}{query}"


def _by_libpq(text):
    try:
        return conninfo_to_dict(text)
    except (psycopg.ProgrammingError, UnicodeDecodeError):
        return None


def _is_possible(words):
    """Tell whether a host and a port can be what libpq reads for them."""
    host, port = str(words.get("host", "")), str(words.get("port", ""))
    return re.fullmatch(r"[^\s@:?#\[\]'\\\\&=]*|::1", host) and re.fullmatch(r"[\d,]*", port)


@given(urls())
def test_what_libpq_can_read_is_left_alone(text):
    """Host, port, user, database and password are those that libpq reads in the address itself."""
    meant = _by_libpq(text)
    if meant is None or not _is_possible(meant):
        return
    given_to_libpq = _dsn.for_libpq(text)
    made = _by_libpq(given_to_libpq)
    assert made is not None
    assert {name: made.get(name) for name in PLACES} == {name: meant.get(name) for name in PLACES}
    front = text.partition("://")[2].partition("?")[0]
    assert front.removeprefix("@") in given_to_libpq


@given(
    st.one_of(
        urls(),
        st.lists(ODD, max_size=4)
        .map(lambda texts: "".join(texts).replace(" ", ""))
        .map("postgresql://{}".format),
    )
)
def test_the_folder_and_libpq_mean_the_same_database(text):
    """What is read here for the spool's folder is what libpq gets: otherwise entries of one database wait for another."""
    if not _dsn.is_address(text):
        return
    made = _by_libpq(_dsn.for_libpq(text))
    if made is None:
        return
    read = _address.read(text)
    assert {name: read.get(name) or None for name in PLACES} == {
        name: made.get(name) or None for name in PLACES
    }


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), ODD), max_size=5), st.sampled_from(["", " ", "  "])
)
def test_words_are_read_as_libpq_reads_them(words, space):
    """Quotes, backslashes and spaces mean what they mean to libpq."""
    text = " ".join(
        "{}{}={}{}".format(
            name, space, space, "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        )
        for name, value in words
    )
    assert _address.read(text) == conninfo_to_dict(text) == dict(words)


SHAPES = (
    "postgresql://u:{}@h/d", "postgresql://u:{}@h:5433/d?sslmode=require", "postgresql://u:{}",
    "postgresql://{}@h/d", "postgresql://u:{}/d", "postgresql://u@h/d?password={}",
    "postgresql://h/d?user=u&password={}", "jdbc:postgresql://h/d?user=u&password={}",
    "host=h password={}", "host=h password='{}' dbname=d", "host=h password = {} dbname=d",
    "u:{}@h/d", "https://u:{}@h/d", "postgresql:/u:{}@h/d", "postgres//u:{}@h/d", "{}",
    "postgresql://u:{}@h/d?pasword=x", "mysql://u:{}@h/d", "postgresql://u:{}@/d?host=/run",
    "postgresql://u:{}@[::1]/d", "postgresql:///d?user=u&password={}", "password={}",
)  # fmt: skip


def _before(text):
    """Leave out what makes libpq read the rest as a host or a port: then it is one."""
    return text.replace("@", "").lstrip("0123456789,/")


@given(
    st.sampled_from(SHAPES),
    st.tuples(ODD, ODD).map(lambda ends: f"{_before(ends[0])}{SECRET}{ends[1]}"),
)
def test_nothing_that_is_shown_holds_a_piece_of_the_password(shape, password):
    """Folder names, places, errors and remedies of any address, also one that nobody can read."""
    text = shape.format(password)
    told = _dsn.shown(text, {}) + _dsn.not_understood(text)
    if _dsn.is_address(text):
        told += _dsn.folder_name(text, "public", {})
    try:
        conninfo_to_dict(_dsn.for_libpq(text))
    except (psycopg.ProgrammingError, UnicodeDecodeError) as error:
        told += _dsn.without_password(str(error), text, {})
    assert SECRET not in told
