"""Settings: arguments raise with the name and the remedy, variables never stop a script."""

from __future__ import annotations

import logging

import pytest

from runlog import _settings
from runlog._settings import resolve
from runlog.errors import SettingError

DATABASE = {"DATABASE_URL": "postgresql://h/d"}


def test_argument_before_variable_before_default():
    """An argument wins over its variable, a variable over the default."""
    environ = {**DATABASE, "RUNLOG_FLUSH_INTERVAL": "3", "RUNLOG_EXIT_TIMEOUT": "7"}
    settings = resolve({"flush_interval": 2}, environ=environ)
    assert (settings.flush_interval, settings.exit_timeout) == (2.0, 7.0)
    assert settings.default_step == "LOG"


@pytest.mark.parametrize(
    ("name", "value", "parsed"),
    [
        ("spool_max_bytes", "64M", 64 * 2**20),
        ("spool_max_bytes", "1.5GiB", int(1.5 * 2**30)),
        ("spool_max_bytes", 2**21, 2**21),
        ("level", "warning", logging.WARNING),
        ("level", 15, 15),
        ("level", "15", 15),
        ("redact", "off", False),
        ("enabled", True, True),
        ("redact_keys", "a, b,", ("a", "b")),
        ("redact_keys", ["a"], ("a",)),
        ("exit_timeout", 0, 0.0),
    ],
)
def test_what_is_understood(name, value, parsed):
    """Values come as Python objects or as the text of a variable."""
    assert getattr(resolve({name: value}, environ=DATABASE), name) == parsed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flush_interval", "soon"),
        ("flush_interval", 0),
        ("flush_interval", float("nan")),
        ("exit_timeout", -1),
        ("spool_max_bytes", "10"),
        ("spool_max_bytes", "many"),
        ("level", "LOUD"),
        ("redact", "perhaps"),
        ("default_step", " "),
        ("schema", ""),
        ("redact_callback", "no function"),
    ],
)
def test_a_bad_argument_raises_with_its_name_and_value(name, value):
    """The message names the argument and the value, and says what would do."""
    with pytest.raises(SettingError) as caught:
        resolve({name: value}, environ=DATABASE)
    assert caught.value.name == name
    assert f"argument {name}={value!r} cannot be used; " in str(caught.value)


def test_an_empty_variable_is_not_given(capsys):
    """So CI and Compose pass on what nobody has set: nothing is switched off by it, or told."""
    for text in ("", " "):
        empty = {_settings.variable(name): text for name in _settings.TABLE}
        assert resolve(environ={**empty, **DATABASE}, strict=True) == resolve(environ=DATABASE)
    assert capsys.readouterr().err == ""


def test_a_bad_variable_is_told_and_the_default_used(capsys):
    """A variable with a bad value is named on stderr; the script goes on with the default."""
    environ = {**DATABASE, "RUNLOG_FLUSH_INTERVAL": "soon"}
    assert resolve(environ=environ).flush_interval == 1.0
    assert "RUNLOG_FLUSH_INTERVAL='soon' cannot be used" in capsys.readouterr().err


def test_a_bad_variable_raises_for_the_command_line():
    """A command is there to be told what is wrong."""
    with pytest.raises(SettingError, match="RUNLOG_LEVEL='LOUD'"):
        resolve(environ={**DATABASE, "RUNLOG_LEVEL": "LOUD"}, strict=True)


def test_an_unknown_argument_gets_a_hint():
    """A mistyped name is answered with the one that was meant."""
    with pytest.raises(SettingError, match='did you mean "flush_interval"'):
        resolve({"flush_intervall": 1}, environ=DATABASE)


def test_a_dsn_is_never_shown():
    """Not even a DSN that cannot be used appears in the error."""

    class Unprintable:
        def __str__(self):
            raise ValueError("no text")

    with pytest.raises(SettingError) as caught:
        resolve({"dsn": Unprintable()}, environ=DATABASE)
    assert "=" not in str(caught.value).split(";")[0]


def test_every_setting_is_described():
    """Each row of the table says what it is for."""
    assert all(setting.about for setting in _settings.TABLE.values())
    assert _settings.variable("flush_interval") == "RUNLOG_FLUSH_INTERVAL"
