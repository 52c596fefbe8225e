"""Secrets inside running text that are recognised by the name beside them: ``password=…``.

Lives here: ``hide_named``, and its part of the look that lets ordinary text pass. Not here: which
names are secret (``keys``), which values are not (``harmless``), secrets that show by their form
(``forms``). Pure; runs on the caller's thread, in linear time: every repeat is possessive or short,
and a value that is looked at and stays is short.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runlog._entry.redaction.harmless import LONGEST_HARMLESS, is_harmless
from runlog._entry.redaction.keys import STEMS, Secrecy
from runlog._entry.redaction.marker import MARKER
from runlog._entry.redaction.signs import is_in

if TYPE_CHECKING:
    from collections.abc import Callable

# Possessive repeats (``++``) only of single characters: around a group they match wrongly up to
# Python 3.11.4 (https://github.com/python/cpython/issues/101955, 106052).
# A name and what stands between it and its value. The value is not consumed here: of
# ``url: https://host/?token=x`` the name ``url`` must not swallow the token.
_NAME = re.compile(
    r"""(?<![\w.-])([\w.-]++)[\\"'\])]{0,8}[ \t]*+
    (?: :[ \t]*+(?:str|bytes|SecretStr|str[ ]?\|[ ]?None|Optional\[str\])[ \t]*+=
      | => | := | -> | ={1,3} | : (?!//) | %3[DdAa](?:%22)? )[ \t]*+""",
    re.VERBOSE,
)
_OPTION = re.compile(r"(?<![\w-])--?([A-Za-z][\w-]*+)[ \t]++(?=[^\s-])")
_PAIR = re.compile(
    r"""\([ ]?b?["']([\w.-]{1,80})["'],[ ]?(?=b?(?:"[^"\n]{0,500}+"|'[^'\n]{0,500}+')[ ]?\))"""
)
_SQL = re.compile(r"(?i)\b(password|identified by)[ \t]++(?=')")
_XML = re.compile(r"<([\w:.-]++)(?:[ \t][^<>]*+)?>(?=[^<\s])")
_VALUE = re.compile(
    r"""(?P<escaped>\\{1,3}["'])(?:(?!(?P=escaped))[^\n])*(?P<end>(?P=escaped))?
    | [bBuUrRfF]{0,2}(?P<triple>"{3}|'{3})(?:(?!(?P=triple))[\s\S])*(?:(?P=triple))?
    | [bBuUrRfF]{0,2}(?:"(?:[^"\\\n]|\\.)*"? | '(?:[^'\\\n]|\\.|'')*'?)
    | (?i:(?P<scheme>bearer|basic|token|apikey|negotiate))[ \t]++[^\s"',;]++
    | (?i:digest|aws4-hmac-sha256)[ \t][^\n]*+
    | (?: [^\s&"'<>,;)\]}] | [,;](?=\S)(?![\w .'"\\-]{1,40}[=:])
        | [)\]}](?=[^\s,;)\]}"']) | ["'](?=\w) | [<>](?=[^\s<>/]) | &(?![\w.%-]{1,64}=) )+""",
    re.VERBOSE,
)
_COOKIES = re.compile(r"""[^\s"'=]{1,256}+=[^\n"']++""")
_REST_OF_WORD = re.compile(r"""[^\s,;&"'<>)\]}]*+""")
_CLOSERS = {"[": "]", "{": "}", "(": ")"}
_BRACKET = re.compile(r"[\[\](){}]")
# ``API key: x``, ``connection string: x``: these words need the one before them.
_NEEDS_WORD_BEFORE = frozenset({"key", "keys", "string", "phrase"})
_WORD_BEFORE = re.compile(r"(?<![\w.-])([A-Za-z]{2,20})[ ]$")
_ESCAPED_BYTE = re.compile(r"[0-9A-Fa-f]{2}")
_LONGEST_WORD_BEFORE = 22


def separator_tests(as_shown: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return tests behind their signs; one is true for each text that ``hide_named`` changes.

    Args:
        as_shown: what a hint looks like in the text that is asked.
    """
    return [
        ("=", "True"),
        (":", "text.count(':') != text.count('://')"),
        ("-", "dash(text)"),
        ("<", "'</' in text"),
        ("'", '" \'" in text'),
        ("(", "',' in text"),
        ("%", f"{as_shown('%3')!r} in text"),
    ]


def called(as_shown: Callable[[str], str]) -> dict[str, object]:
    """Return what these tests call."""
    # An option or an arrow, and none of the dashes of dates, ids and words.
    letters = "".join(sorted(set(as_shown("abcdefghijklmnopqrstuvwxyz"))))
    return {"dash": re.compile(rf"-(?:>|(?<![\w-]-)[A-Z{letters}-])").search}


def stem_test(as_shown: Callable[[str], str]) -> str:
    """Return the test of ``low``, the text in small letters, which is true for each of them too.

    Args:
        as_shown: what a stem looks like in the text that is asked.
    """
    stems = sorted(STEMS | {"identified by"}, key=len)
    return is_in(map(as_shown, stems), "low", gates=("k", "ss", "cre", "w"))


def hide_named(text: str, judge: Callable[[str], Secrecy]) -> str:
    """Return ``text`` with the value after each secret name replaced by the marker."""
    text = _hide_after(_NAME, text, judge)
    if "-" in text:
        text = _hide_after(_OPTION, text, judge)
    if "</" in text:
        text = _hide_after(_XML, text, judge)
    if " '" in text:
        text = _hide_after(_SQL, text, lambda _: Secrecy.STRONG)
    if "(" in text:
        text = _hide_after(_PAIR, text, judge)
    return text


def _hide_after(names: re.Pattern[str], text: str, judge: Callable[[str], Secrecy]) -> str:
    pieces: list[str] = []
    closings: dict[int, int] | None = None
    done = 0
    for found in names.finditer(text):
        start = found.end()
        if found.start() < done:
            continue
        name = _name_of(found, text)
        if not (secrecy := judge(name)):
            continue
        if text[start : start + 1] in _CLOSERS:
            closings = _find_closings(text) if closings is None else closings
            end = _end_of_word(text, closings.get(start) or _end_of_line(text, start))
        else:
            end = _end_of_value(text, start, name)
        if end - start > LONGEST_HARMLESS or not is_harmless(name, text[start:end], secrecy):
            pieces += (text[done:start], _marked(text[start:end]))
            done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _name_of(found: re.Match[str], text: str) -> str:
    """Return the whole name: without what is left of an escape, with the word that it needs."""
    name, start = found[1], found.start(1)
    if text[start - 1 : start] == "%" and _ESCAPED_BYTE.match(name):
        return name[2:]
    if name.lower() in _NEEDS_WORD_BEFORE:
        before = _WORD_BEFORE.search(text, max(0, start - _LONGEST_WORD_BEFORE), start)
        return f"{before[1]}_{name}" if before else name
    return name


def _find_closings(text: str) -> dict[int, int]:
    """Return where each bracket's content ends, by where it begins, in one pass over the text."""
    closings: dict[int, int] = {}
    waiting: list[re.Match[str]] = []
    for found in _BRACKET.finditer(text):
        if found[0] in _CLOSERS:
            waiting.append(found)
        elif waiting and _CLOSERS[waiting[-1][0]] == found[0]:
            closings[waiting.pop().start()] = found.end()
    return closings


def _end_of_value(text: str, start: int, name: str) -> int:
    # A cookie header holds many named values; all of the line is secret.
    pattern = _COOKIES if name.lower().endswith(("cookie", "cookies")) else _VALUE
    found = pattern.match(text, start) or _VALUE.match(text, start)
    return found.end() if found else start


def _end_of_word(text: str, start: int) -> int:
    found = _REST_OF_WORD.match(text, start)
    return found.end() if found else start


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _marked(value: str) -> str:
    """Return the marker between the value's own quotes, so that quoted text stays well-formed."""
    found = _VALUE.match(value)
    if not found:
        return MARKER
    if found["scheme"]:
        return f"{found['scheme']} {MARKER}"
    quote = found["escaped"] or found["triple"] or value.lstrip("bBuUrRfF")[:1]
    is_quoted = quote and quote[-1] in "\"'" and value.endswith(quote) and len(value) > len(quote)
    return f"{quote}{MARKER}{quote}" if is_quoted else MARKER
