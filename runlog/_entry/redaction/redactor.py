"""Redaction: secrets become a marker before anything reaches the disk.

Lives here: the Redactor, which puts together the names (``keys``), the named values in text
(``named``), the well-known forms (``forms``), and the user's own keys, patterns and
callback. Pure; runs on the caller's thread; never raises once it is built.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runlog._entry.redaction.forms import MARKER, hide_forms
from runlog._entry.redaction.keys import Secrecy, judge_key, split_words
from runlog._entry.redaction.named import hide_named, may_name_secret
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Keys seen; a program that makes up keys without end must not fill the memory.
_MOST_KEYS = 4096
_LONGEST_KEPT_KEY = 200
_USER_OPTION = re.compile(r"(-u|--user|--proxy-user)(=|$)")
_FLAG = re.compile(r"--[A-Za-z]|-[A-Za-z]$")


class Redactor:
    """Replaces secrets by ``[redacted]``, by the name of a value or by its form.

    Thread-safe. What the user's pattern or callback breaks becomes the marker as a whole: nothing
    leaks and nothing raises.

    Args:
        enabled: False lets everything pass as it is. Default: True.
        keys: further names whose values are secret, in any spelling: ``internal_iban`` means
            ``internalIban`` and ``x-internal-iban`` too. Default: none.
        patterns: further regular expressions; what they match becomes the marker. Default: none.
        callback: called last with each text; returns what to keep of it. Default: none.

    Raises:
        SettingError: a key has no letters, or a pattern does not compile or matches no text at all.
    """

    __slots__ = ("_callback", "_keys", "_patterns", "_secrecy", "enabled", "has_own_rules")

    def __init__(
        self,
        *,
        enabled: bool = True,
        keys: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        callback: Callable[[str], str] | None = None,
    ) -> None:
        self.enabled = enabled
        self._keys = frozenset(_words_of(key) for key in keys)
        self._patterns = tuple(_compiled(pattern) for pattern in patterns)
        self._callback = callback
        self.has_own_rules = bool(self._patterns) or callback is not None
        """Whether any text, however short and plain, may be secret to the user."""
        self._secrecy: dict[str, Secrecy] = {}

    def is_secret_key(self, key: str) -> bool:
        """Say whether a text under ``key`` is hidden."""
        return self.secrecy_of(key) is not Secrecy.OPEN

    def secrecy_of(self, key: str) -> Secrecy:
        """Return how secret a value under ``key`` is; remembered for the next time."""
        known = self._secrecy.get(key)
        if known is not None:
            return known
        secrecy = judge_key(key, self._keys) if self.enabled else Secrecy.OPEN
        if len(key) <= _LONGEST_KEPT_KEY:
            if len(self._secrecy) >= _MOST_KEYS:
                self._secrecy.clear()
            self._secrecy[key] = secrecy
        return secrecy

    def redact_text(self, text: str) -> str:
        """Return ``text`` without the secrets in it; the very same object when there are none."""
        if not self.enabled:
            return text
        # Every form and every named value has one of these; a scan for each takes about 15 ns.
        if (
            ":" in text
            or "=" in text
            or "-" in text
            or "_" in text
            or "eyJ" in text
            or "AKIA" in text
            or "ASIA" in text
            or "AIza" in text
            or "SG." in text
            or "SK" in text
            or "ya29." in text
            or "arer " in text
            or "asic " in text
            or "</" in text
            or " '" in text
        ):
            text = self._redact_closely(text)
        return self._redact_own(text) if self.has_own_rules else text

    def redact_argv(self, argv: list[str]) -> list[str]:
        """Return the words of a command line without the secrets in them."""
        shown: list[str] = []
        expects_secret = expects_user = False
        for word in argv:
            if expects_secret and not _FLAG.match(word):
                shown.append(MARKER)
                expects_secret = expects_user = False
                continue
            option = _USER_OPTION.match(word) if self.enabled else None
            hide = _hide_user_password if option or expects_user else self.redact_text
            shown.append(hide(word))
            expects_user = bool(option) and "=" not in word
            is_option = word.startswith("-") and "=" not in word
            expects_secret = is_option and self.is_secret_key(word)
        return shown

    def _redact_closely(self, text: str) -> str:
        before = text
        try:
            text = hide_forms(text)
            if self._keys or may_name_secret(text):
                text = hide_named(text, self.secrecy_of)
        except Exception:
            # Out of memory or of stack: rather the marker than a secret.
            return MARKER
        return before if text == before else text

    def _redact_own(self, text: str) -> str:
        before = text
        try:
            for pattern in self._patterns:
                text = pattern.sub(MARKER, text)
            if self._callback is not None:
                # Raises for what is no text, such as the None of a forgotten return.
                text = str.__str__(self._callback(text))
        except Exception:
            # The user's code failed on this text, so nobody knows whether a secret is in it.
            return MARKER
        return before if text == before else text


def _hide_user_password(word: str) -> str:
    user, colon, _ = word.partition(":")
    return f"{user}:{MARKER}" if colon else word


def _words_of(key: str) -> tuple[str, ...]:
    words = tuple(split_words(key)) if isinstance(key, str) else ()
    if not words:
        raise SettingError(
            f"redact key {key!r} has no letters; name keys as they are written", name="redact_keys"
        )
    return words


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SettingError(
            f"redact pattern {pattern!r} does not compile: {error}; correct it",
            name="redact_patterns",
        ) from None
    if not isinstance(compiled.pattern, str):
        raise SettingError(
            f"redact pattern {pattern!r} is for bytes; write it as text", name="redact_patterns"
        )
    if compiled.search(""):
        raise SettingError(
            f"redact pattern {pattern!r} matches the empty text; make it need a character",
            name="redact_patterns",
        )
    return compiled
