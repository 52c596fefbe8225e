"""What signals do to this process, and so to the scripts that the tests start.

A shell starts a background job with some signals ignored, as `nohup` does, and a program inherits
that. Scripts whose end by a signal is tested would then not end. Put back once, at the start.
"""

from __future__ import annotations

import signal

DEFAULTS = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}


def pytest_configure() -> None:
    """Put the defaults back where a signal is ignored; a handler of somebody's stays."""
    for number, default in DEFAULTS.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, default)
