"""Values that are no secret although their name says so: ``authorization: granted``.

Lives here: the one rule, for texts (``named``) and for meta. Not here: which names are secret
(``keys``). Pure; runs on the caller's thread, and takes constant time for each value.
"""

from __future__ import annotations

import re

from runlog._entry.redaction.keys import Secrecy, split_words
from runlog._entry.redaction.marker import MARKER


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A value that is longer tells something, or is a secret; nothing longer is looked at.
LONGEST_HARMLESS = 200

_NOTHING = frozenset(
    {"none", "null", "nil", "true", "false", "undefined", "nan", "...", "n/a", "-"}
    | {MARKER, "[filtered]", "[hidden]", "<redacted>", "<hidden>", "<not", "<unset>"}
    | {"*" * stars for stars in range(2, 17)}
    | {"x" * letters for letters in range(3, 17)}
)
# What people say of a secret; whoever has one of these as a password has told it already.
_STATES = _words(
    """absent accepted allowed available configured denied disabled empty enabled exists expired
    failed found granted incorrect invalid loaded missing no not ok okay optional passed present
    provided refreshed rejected required revoked rotated set skipped stored unauthorized unchanged
    unset updated used valid verified wrong yes"""
)
# Of these names a word in small letters may be the secret itself.
_NAMES_OF_WORDS = _words(
    "password passwords passwd passphrase passcode pwd pass pw secret secrets пароль"
)
# Under these there may be a word as well, though they are strong.
_TOLD_IN_WORDS = _words("authorization credential credentials key keys")
# Letters alone, up to this many, after ``token:``, are a word about it: rotating, unused.
_LONGEST_WORD = 12
_FOLDER = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w./\\ -]*+|~")
_KEY_FILE = re.compile(
    r"(?:(?:~|\.{1,2}|[A-Za-z]:)?[/\\])?[\w./\\ -]{1,150}\."
    r"(?:pem|key|json|crt|cer|der|p8|p12|pfx|pub|asc|gpg|jks|ya?ml|toml|env|txt)"
)
_PLACE = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,30}://)?[\w.-]{1,100}:[0-9]{1,5}(?:/[\w.-]{0,60})?"
    r"|[a-z][a-z0-9+.-]{1,30}://[\w.-]{0,100}(?:/[\w./-]{0,100})?"
)
_FIGURES = re.compile(r"(?:[\s\[({]*+[\"']?[A-Za-z_][\w.-]*+[\"']?\s*+:)*[\d.,_\s\[\](){}+-]*+")
_SENTENCE = re.compile(r"([a-z]{2,12})(?: [a-z/]{1,20}){1,8}")
_SCHEME_AND_MARKER = re.compile(r"(?i)[a-z]+ \[redacted\]")


def is_harmless(name: str, value: str, secrecy: Secrecy) -> bool:
    """Tell whether ``value``, at most ``LONGEST_HARMLESS`` long, may stay under ``name``."""
    bare = value.strip("\\\"'")
    low = bare.lower()
    if not low.strip("{}[]() ") or low in _NOTHING or low in _STATES:
        return True
    if _SCHEME_AND_MARKER.fullmatch(value):
        return True
    words = split_words(name)
    if _is_place(words, bare):
        return True
    if bare.isalpha() and bare.islower() and len(bare) <= _LONGEST_WORD and value == bare:
        # In text only: what is quoted is a value, and no word of a sentence.
        return secrecy is Secrecy.WEAK or (
            words[-1:] != [] and _NAMES_OF_WORDS.isdisjoint(words) and words[-1] in _TOLD_IN_WORDS
        )
    return secrecy is Secrecy.WEAK and all(map(_FIGURES.fullmatch, value.split(",")))


def is_state(text: str) -> bool:
    """Tell whether ``text`` only says how it stands with a secret."""
    low = text.lower()
    return low in _STATES or low in _NOTHING


def _is_place(words: list[str], value: str) -> bool:
    """Tell whether the name is one of places too: a folder, a file, a host."""
    last = words[-1] if words else ""
    if words in (["pwd"], ["oldpwd"]):
        return _FOLDER.fullmatch(value) is not None
    if last == "dsn" or words[-2:] == ["connection", "string"]:
        return _PLACE.fullmatch(value) is not None
    is_file = last in {"key", "keys", "credential", "credentials"}
    return is_file and _KEY_FILE.fullmatch(value) is not None


def is_harmless_in_meta(name: str, value: str) -> bool:
    """Tell whether the text ``value`` may stay in meta under the secret key ``name``."""
    if len(value) > LONGEST_HARMLESS:
        return False
    words = split_words(name)
    return is_state(value) or _is_sentence(words, value) or _is_place(words, value)


def _is_sentence(words: list[str], value: str) -> bool:
    """Tell whether ``value`` says in words how it stands: ``loaded from vault``."""
    found = _SENTENCE.fullmatch(value)
    if found is None or found[1] not in _STATES:
        return False
    return _NAMES_OF_WORDS.isdisjoint(words) or found[1] == "not"
