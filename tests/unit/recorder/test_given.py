"""The types of what may be given tell the same names as the table that checks them."""

from __future__ import annotations

import inspect

import runlog
from runlog._capture import install
from runlog._recorder.given import AllSettings, InstallSettings, OtherSettings
from runlog._run.use import Use
from runlog._settings import TABLE


def names(kind):
    """The keys of a TypedDict; its annotations are never evaluated."""
    return kind.__optional_keys__ | kind.__required_keys__


def test_configure_takes_every_setting():
    """No more and no less; handlers and processors name two of them themselves."""
    assert names(AllSettings) == set(TABLE)
    assert names(OtherSettings) == set(TABLE) - {"dsn", "level"}


def test_install_takes_the_arguments_of_a_run_too():
    """Whatever ``RunContext`` takes but the name."""
    arguments = set(inspect.signature(runlog.RunContext).parameters) - {"script_name"}
    assert arguments == install._CONTEXT_ARGUMENTS == Use.SETTINGS - {"script_name"}
    assert names(InstallSettings) == set(TABLE) | arguments


def test_the_version_is_told():
    """Of the installed distribution."""
    from importlib.metadata import version

    assert runlog.__version__ == version("runlog-pg")
