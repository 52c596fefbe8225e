"""Redaction: secrets become a marker before anything reaches the disk.

Lives here: the Redactor, which puts together the quick look (``look``), the named values in text
(``named``), the well-known forms (``forms``, ``issued``), and the user's own keys, patterns and
callback. Pure; runs on the caller's thread; never raises once it is built.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from runlog._entry.redaction.forms import hide_forms
from runlog._entry.redaction.issued import hide_issued
from runlog._entry.redaction.keys import Secrecy, judge_key, split_words
from runlog._entry.redaction.look import looks
from runlog._entry.redaction.marker import MARKER
from runlog._entry.redaction.named import hide_named
from runlog._entry.redaction.shape import by_shape
from runlog._process.interrupts import is_interrupt
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

    __slots__ = (
        "_callback",
        "_keys",
        "_patterns",
        "_secrecy",
        "enabled",
        "has_own_rules",
        "may_hold_secret",
    )

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
        self.may_hold_secret = self._look()
        """Whether a text may change; what this finds innocent stays as it is."""

    def _look(self) -> Callable[[str], Any]:
        if not self.enabled:
            return lambda _: False
        if self.has_own_rules:
            return lambda _: True
        # The looks are made when the first text comes, and not in a script that logs none.
        return by_shape(self._ask, partial(self._ask, folded=True))

    def _ask(self, text: str, *, folded: bool = False) -> Any:
        ask = looks(folded=folded)
        return ask.any(text) or (self._keys and ask.separated(text))

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
        try:
            return self.redact_or_raise(text) if self.may_hold_secret(text) else text
        except Exception as error:
            if is_interrupt(error):
                raise
            # Out of memory or of stack, or the user's own code failed on this text, so nobody knows
            # whether a secret is in it: rather the marker than a secret.
            return MARKER

    def redact_or_raise(self, text: str) -> str:
        """Return the same, or raise what came in between; for what is remembered."""
        if not self.enabled:
            return text
        shown, ask = text, looks()
        if ask.forms(shown):
            shown = hide_issued(hide_forms(shown))
        if ask.named(shown) or (self._keys and ask.separated(shown)):
            shown = hide_named(shown, self.secrecy_of)
        for pattern in self._patterns:
            shown = pattern.sub(MARKER, shown)
        if self._callback is not None:
            # Raises for what is no text, such as the None of a forgotten return.
            shown = str.__str__(self._callback(shown))
        return text if shown == text else shown

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
