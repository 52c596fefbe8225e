"""``runlog dashboard`` where it cannot serve: one line with the remedy."""

import sys


def test_without_the_extra_it_names_it(runlog, monkeypatch):
    """Where the packages are missing, the command says how to get them."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = runlog("dashboard", "--port", "0")
    assert said.code == 3
    assert "pip install" in said.err
    assert "[dashboard]" in said.err
    assert "Traceback" not in said.err


def test_an_open_address_is_refused_on_the_command_line(runlog):
    """Without a word on who may look, an address that others reach is one line with the remedy."""
    said = runlog("dashboard", "--host", "0.0.0.0", "--port", "0")
    assert said.code == 3
    assert "--token" in said.err
