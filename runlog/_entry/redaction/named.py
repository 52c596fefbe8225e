"""Secrets inside running text that are recognised by the name beside them: ``password=…``.

Lives here: the cheap look that lets ordinary text pass, and ``hide_named``. Not here: which names
are secret (``keys``), keys that show by their form (``forms``). Pure; runs on the
caller's thread, in linear time: every repeat is possessive or short.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runlog._entry.redaction.forms import MARKER
from runlog._entry.redaction.keys import Secrecy

if TYPE_CHECKING:
    from collections.abc import Callable

# Possessive repeats (``++``) only of single characters: around a group they match wrongly up to
# Python 3.11.4 (https://github.com/python/cpython/issues/101955, 106052).
# A name and what stands between it and its value. The value is not consumed here: of
# ``url: https://host/?token=x`` the name ``url`` must not swallow the token.
_NAME = re.compile(
    r"""(?<![\w.-])([\w.-]++)[\\"'\])]{0,8}[ \t]*+
    (?: :[ \t]*+(?:str|bytes|SecretStr|str[ ]?\|[ ]?None|Optional\[str\])[ \t]*+=
      | => | := | -> | ={1,3} | : (?!//) )[ \t]*+""",
    re.VERBOSE,
)
_OPTION = re.compile(r"(?<![\w-])--?([A-Za-z][\w-]*+)[ \t]++(?=[^\s-])")
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
_COOKIES = re.compile(r"""[^\s"'=]++=[^\n"']++""")
_REST_OF_WORD = re.compile(r"""[^\s,;&"'<>)\]}]*+""")
_CLOSERS = {"[": "]", "{": "}", "(": ")"}
_BRACKET = re.compile(r"[\[\](){}]")
_FIGURES = re.compile(r"""(?:[\s\[({]*+["']?[A-Za-z_][\w.-]*+["']?\s*+:)*[\d.,_\s\[\](){}+-]*+""")
_SCHEME_AND_MARKER = re.compile(r"(?i)[a-z]+ \[redacted\]")
_NOTHING = frozenset(
    {"none", "null", "nil", "true", "false", "undefined", "nan", "..."}
    | {"[redacted]", "[filtered]", "[hidden]"}
    | {"*" * stars for stars in range(2, 17)}
)
# Letters alone, up to this many, after ``token:``, are a word about it: expired, missing.
_LONGEST_WORD = 12
# A value that stays is looked through again for names; this bounds how often.
_LONGEST_HARMLESS = 200


def may_name_secret(text: str) -> bool:
    """Look for the stems of secret names; a scan for each is cheaper than one pattern for all."""
    if not ("=" in text or ":" in text or "--" in text or "</" in text or " '" in text):
        return False
    low = text.lower()
    return (
        "pass" in low
        or "token" in low
        or "key" in low
        or "secret" in low
        or "auth" in low
        or "pwd" in low
        or "cred" in low
        or "cookie" in low
        or "dsn" in low
        or "conn" in low
        or "jwt" in low
        or "otp" in low
        or "bearer" in low
        or "identified by" in low
        or "-signature" in low
        or "-credential" in low
        or (not low.isascii() and ("парол" in low or "секрет" in low or "токен" in low))
    )


def hide_named(text: str, judge: Callable[[str], Secrecy]) -> str:
    """Return ``text`` with the value after each secret name replaced by the marker."""
    text = _hide_after(_NAME, text, judge)
    if "-" in text:
        text = _hide_after(_OPTION, text, judge)
    if "</" in text:
        text = _hide_after(_XML, text, judge)
    if " '" in text:
        text = _hide_after(_SQL, text, lambda _: Secrecy.STRONG)
    return text


def _hide_after(name: re.Pattern[str], text: str, judge: Callable[[str], Secrecy]) -> str:
    pieces: list[str] = []
    closings: dict[int, int] | None = None
    done = 0
    for found in name.finditer(text):
        start = found.end()
        if found.start() < done or not (secrecy := judge(found[1])):
            continue
        if text[start : start + 1] in _CLOSERS:
            closings = _find_closings(text) if closings is None else closings
            end = _end_of_word(text, closings.get(start) or _end_of_line(text, start))
        else:
            end = _end_of_value(text, start, found[1])
        if end - start > _LONGEST_HARMLESS or not _is_harmless(text[start:end], secrecy):
            pieces += (text[done:start], _marked(text[start:end]))
            done = end
    return "".join((*pieces, text[done:])) if pieces else text


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


def _is_harmless(value: str, secrecy: Secrecy) -> bool:
    bare = value.strip("\\\"'").lower()
    if not bare or bare in _NOTHING or _SCHEME_AND_MARKER.fullmatch(value):
        return True
    if secrecy is Secrecy.STRONG:
        return False
    is_word = value.isalpha() and value.islower() and len(value) <= _LONGEST_WORD
    return is_word or all(map(_FIGURES.fullmatch, value.split(",")))


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
