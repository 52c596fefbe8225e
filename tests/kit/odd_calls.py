"""Odd calls of logging: texts, values and fields that are plain in most respects, and odd in some.

For tests that compare two ways of taking the same call.
"""

from __future__ import annotations

import random

from kit import odd_values
from kit.secret_corpus import LEAKS, LOOKALIKES


class Lines:
    """Takes lines as a spool does, and keeps them."""

    lowest_level = 0
    is_sealed = False

    def __init__(self):
        self.lines = []

    def take(self, line):
        self.lines.append(line)
        return True


class Run:
    id_text = "0192f0c0-0000-7000-8000-000000000000"


def without_id(line):
    fields = line.split(b"\t")
    # A moment that is none becomes now, and is kept in meta.
    return fields[3:] if b'"created":' in line.lower() else fields[1:]


KINDS = {
    "plain": {},
    "own keys": {"redact_keys": ["customer_iban"]},
    "patterns": {"redact_patterns": [r"DE\d+"]},
    "callback": {"redact_callback": str.upper},
    "no redaction": {"redact": False},
    "small entries": {"max_entry_bytes": 4096},
}
PIECES = (
    *(
        *LEAKS,
        *LOOKALIKES,
        "Fetched %d from page %d",
        "%s -> %s",
        "ya%d.abcdefghijklmnop",
        "%d:AA%s",
    ),
    *(
        "a b",
        "%",
        "%%",
        "%d",
        "%s",
        "%x",
        "%(a)s",
        "\\",
        "\n",
        "\t",
        "\0",
        "\ud800",
        "é",
        "token: %s",
    ),
    *(
        "sk_%s",
        "page %d, then %d)",
        " - ",
        ":",
        "=",
        "customer_iban: DE1",
        "",
        "plain words",
        "x" * 300,
    ),
)
ODD = (
    *(odd_values.RaisingRepr(), odd_values.WrongText(), odd_values.OddItems(a=1), object, len),
    *(odd_values.EqualToAll(), odd_values.Colour.RED, odd_values.Level.LOW, odd_values.circular()),
    *(10**30, -(2**63), 2**64, float("nan"), float("inf"), 1.5, -0.0, True, None, b"\xff", b"text"),
    *(
        {1: 2},
        {"a": [1, {"b": "token=abc123"}]},
        [1, "two", None],
        (1, 2),
        {3},
        "y" * 5000,
        "\ud800",
    ),
    *(
        "0192f0c0-0000-7000-8000-000000000000",
        "2026-01-02T03:04:05.123+00:00",
        "2026-01-02",
        "10:00",
    ),
)
KEYS = ("count", "page", "url", "id", "token", "logger", "a b", "customer_iban", 5, "k" * 300)
STEPS = (None, None, "FETCH", " a\tb ", "", 5, "token=abc123", odd_values.Colour.RED, "s" * 300)


class Dice:
    """Draws records; the same ones for the same seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        pieces = self.random.choices(PIECES, k=self.random.randint(1, 3))
        return self.random.choice((" ", "")).join(pieces)

    def value(self):
        kind = self.random.random()
        if kind < 0.4:
            return self.random.randint(-5, 10**6)
        return self.text() if kind < 0.7 else self.random.choice(ODD)

    def fields(self, names, most):
        chosen = self.random.sample(names, self.random.randint(0, most))
        return {name: self.value() for name in chosen}
