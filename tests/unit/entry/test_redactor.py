"""Secrets: none of the corpus gets through, and what only looks like one stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.secret_corpus import LEAKS, LOOKALIKES, OPEN, SECRETS

from runlog._entry.redaction import redactor as _redact
from runlog._entry.redaction.redactor import Redactor
from runlog.errors import SettingError

REDACTOR = Redactor()


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("text", LEAKS)
def test_no_secret_gets_through(text):
    """Each form of a secret becomes the marker, alone and inside a sentence."""
    for whole in (text, f"said: {text} and went on", f"line\n{text}\nline", f'{{"a": "{text}"}}'):
        shown = REDACTOR.redact_text(whole)
        assert LEAKS[text] not in shown
        assert "[redacted]" in shown


@pytest.mark.parametrize("text", LOOKALIKES)
def test_lookalikes_stay(text):
    """What only looks like a secret is the very same object afterwards."""
    assert REDACTOR.redact_text(text) is text


@pytest.mark.parametrize("text", LEAKS)
def test_redaction_is_done_once(text):
    """Redacting again finds nothing more."""
    shown = REDACTOR.redact_text(text)
    assert REDACTOR.redact_text(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://bob:s3cr3t@db:5432/app", "postgres://bob:[redacted]@db:5432/app"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer [redacted]"),
        ('{"password":"a","user":"bob"}', '{"password":"[redacted]","user":"bob"}'),
        ('{"password":1,"user":"bob"}', '{"password":[redacted],"user":"bob"}'),
        ("Server=x;Password=y;Database=z", "Server=x;Password=[redacted];Database=z"),
        ("?token=abc123&page=2", "?token=[redacted]&page=2"),
        ("f(password='x', user='bob')", "f(password='[redacted]', user='bob')"),
        ("--token abc123 --page 2", "--token [redacted] --page 2"),
    ],
)
def test_what_stands_around_a_secret_stays(text, shown):
    """Scheme, user, host, quotes and neighbours are kept."""
    assert REDACTOR.redact_text(text) == shown


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("key", SECRETS.split())
def test_secret_keys_are_known(key):
    """A name that means a secret is one, in every spelling."""
    assert REDACTOR.is_secret_key(key)


@pytest.mark.parametrize("key", OPEN.split())
def test_open_keys_are_known(key):
    """A name that only holds the letters of one, or is about one, is none."""
    assert not REDACTOR.is_secret_key(key)


@given(st.text(st.characters(codec=None)))
def test_any_text_passes(text):
    """Redaction takes any text, and what it leaves alone is the same object."""
    shown = REDACTOR.redact_text(text)
    assert type(shown) is str
    assert shown is text or "[redacted]" in shown


PIECES = st.sampled_from("=:-_'\"\\/@ .,;&<>[](){}\n") | st.sampled_from(sorted(LEAKS))


@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_mixture_passes(text):
    """Pieces of secrets in any mixture never raise, and a change always shows its marker."""
    shown = Redactor().redact_text(text)
    assert shown is text or "[redacted]" in shown


def test_disabled_redaction_changes_nothing():
    """Switched off, everything passes."""
    redactor = Redactor(enabled=False, patterns=["a"], callback=str.upper)
    assert redactor.redact_text("password=a") == "password=a"
    assert not redactor.is_secret_key("password")
    assert redactor.redact_argv(["--token", "a", "-u", "b:c"]) == ["--token", "a", "-u", "b:c"]


def test_own_keys_count_in_every_spelling():
    """A key of the user's matches as words, in text too."""
    redactor = Redactor(keys=["customer_iban", "Tax ID"])
    assert all(map(redactor.is_secret_key, ("customerIban", "x-customer-iban", "tax_id", "TaxId")))
    assert not redactor.is_secret_key("customer")
    assert redactor.redact_text("customer-iban: DE1234") == "customer-iban: [redacted]"


def test_own_patterns_count():
    """Patterns, as text or compiled, are replaced by the marker."""
    redactor = Redactor(patterns=[r"DE\d+", re.compile("ann", re.IGNORECASE)])
    assert redactor.redact_text("Ann DE12") == "[redacted] [redacted]"


def test_the_callback_comes_last():
    """The callback sees what is left, and its word is final."""
    redactor = Redactor(callback=lambda text: text.replace("Ann", "A."))
    assert redactor.redact_text("Ann password=x") == "A. password=[redacted]"


@pytest.mark.parametrize("broken", [int, print, len])
def test_a_broken_callback_leaks_nothing(broken):
    """A callback that raises or returns no text leaves the marker alone."""
    assert Redactor(callback=broken).redact_text("Ann") == "[redacted]"


def test_running_out_of_memory_leaks_nothing(monkeypatch):
    """When redaction itself fails, the marker stands for the whole text."""

    def fail(_):
        raise MemoryError

    monkeypatch.setattr(_redact, "hide_named", lambda *_: fail(_))
    assert REDACTOR.redact_text("password=hunter2") == "[redacted]"


@pytest.mark.parametrize("pattern", ["(", re.compile(b"x"), 5, "x*", ""])
def test_bad_patterns_are_refused_at_once(pattern):
    """A pattern that cannot work is an error of the setting, not of a log call."""
    with pytest.raises(SettingError, match="redact pattern"):
        Redactor(patterns=[pattern])


@pytest.mark.parametrize("key", ["", "123", None])
def test_bad_keys_are_refused_at_once(key):
    """A key without letters matches nothing and is refused."""
    with pytest.raises(SettingError, match="redact key"):
        Redactor(keys=[key])


def test_remembered_keys_are_bounded():
    """A program that makes up keys does not fill the memory."""
    redactor = Redactor()
    for number in range(20_000):
        redactor.is_secret_key(f"key{number}")
    redactor.is_secret_key("x" * 10_000)
    assert len(redactor._secrecy) <= 4096
    assert all(len(key) <= 200 for key in redactor._secrecy)


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (
            ["sync.py", "--token", "abc", "--page", "2"],
            ["sync.py", "--token", "[redacted]", "--page", "2"],
        ),
        (["--password=abc"], ["--password=[redacted]"]),
        (["--token", "--page", "2"], ["--token", "--page", "2"]),
        (["--token", "-abc"], ["--token", "[redacted]"]),
        (["-u", "bob:pw"], ["-u", "bob:[redacted]"]),
        (["--user=bob:pw"], ["--user=bob:[redacted]"]),
        (["--user", "bob"], ["--user", "bob"]),
        (
            ["postgres://u:pw@h/db", "DB_PASSWORD=x"],
            ["postgres://u:[redacted]@h/db", "DB_PASSWORD=[redacted]"],
        ),
        (["-H", "Authorization: Bearer abc"], ["-H", "Authorization: Bearer [redacted]"]),
        (["--max-tokens", "100", "-v"], ["--max-tokens", "100", "-v"]),
    ],
)
def test_command_lines_are_shown_without_secrets(argv, shown):
    """Options that mean a secret lose their value, in one word or two."""
    assert REDACTOR.redact_argv(argv) == shown
