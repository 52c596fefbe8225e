"""``runlog run``: an unmodified Python script, in this process, with a run around it.

The script gets what ``python script.py`` or ``python -m module`` would give it: a module
``__main__`` of its own that stays until the end (multiprocessing and pickle look for it),
``sys.argv``, ``sys.path[0]``, and tracebacks that begin with its own first line. Records are taken
as ``install`` takes them; how it ends is known here, on every version of Python.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import pkgutil
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlog._capture.install import install
from runlog._exec.children import record_children
from runlog._process.ending import FINISHED, Ending, ending_of
from runlog._process.main_program import process_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, ModuleType, TracebackType

_NOT_FOUND = 2


class ScriptError(Exception):
    """There is no such script or module.

    Attributes:
        exit_code: what Python returns then: 2 for a file that cannot be opened, else 1.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_script(
    target: str,
    arguments: list[str],
    *,
    is_module: bool = False,
    script_name: str | None = None,
    expects: Mapping[str, Any] | None = None,
) -> None:
    """Run a script or module to its end, as the main program; what it raises goes on.

    To be called where nothing catches that: Python itself then prints it and ends accordingly.

    Args:
        target: path of the script, or of a folder or zip file with ``__main__.py``; or a module.
        arguments: what the script finds in ``sys.argv`` after its own name.
        is_module: ``target`` is a module's name, as after ``python -m``.
        script_name: what the run is called; default: the name of the file or module.
        expects: what is expected of it, for alerts.
    """
    prepare = _module if is_module else _package if _is_package(target) else _file
    sys.argv = [target, *arguments]
    install(script_name or (target if is_module else Path(target).stem), expects=expects)
    record_children()
    try:
        main, code = prepare(target)
    except ScriptError as error:
        print(f"runlog: {error}", file=sys.stderr)
        process_end.know(Ending("error", "failed", str(error)))
        sys.exit(error.exit_code)
    except SyntaxError as error:
        _end_with(error, script={})
        raise
    # The old one is still running; this keeps its variables.
    _Replaced.main = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        exec(code, main.__dict__)  # noqa: S102 - the script is the point
    except BaseException as error:
        _end_with(error, script=main.__dict__)
        raise
    process_end.know(FINISHED)


class _Replaced:
    """What ``__main__`` was before."""

    main: ModuleType | None = None


def _end_with(error: BaseException, *, script: dict[str, Any]) -> None:
    """Note the ending, and let it be shown as if runlog were not there."""
    error.__traceback__ = _without_us(error.__traceback__, script)
    ending = ending_of(error)
    if isinstance(error, SystemExit):
        # A copy: the original gets our frames again on its way.
        shown = SystemExit(*error.args).with_traceback(error.__traceback__)
        ending = Ending(ending.status, ending.outcome, ending.error_message, shown)
    process_end.know(ending)
    sys.excepthook = _showing(sys.excepthook, script)


def _showing(hook: Callable[..., Any], script: dict[str, Any]) -> Callable[..., Any]:
    def excepthook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        error.__traceback__ = sys.last_traceback = _without_us(traceback, script)
        hook(kind, error, error.__traceback__)

    return excepthook


def _without_us(traceback: TracebackType | None, script: dict[str, Any]) -> TracebackType | None:
    """Return the part from the script's own first frame on; nothing if it had not begun."""
    while traceback is not None and traceback.tb_frame.f_globals is not script:
        traceback = traceback.tb_next
    return traceback


def _file(target: str) -> tuple[ModuleType, CodeType]:
    path = os.path.abspath(target)  # noqa: PTH100 - as Python does: links are not followed
    kind = (
        importlib.machinery.SourcelessFileLoader
        if path.endswith(".pyc")
        else importlib.machinery.SourceFileLoader
    )
    loader: Any = kind("__main__", path)
    try:
        content = loader.get_data(path)
    except OSError as error:
        message = f"can't open file {path!r}: {error.strerror}"
        raise ScriptError(message, _NOT_FOUND) from None
    _set_first_path(os.path.dirname(os.path.realpath(target)))  # noqa: PTH120 - as above
    main = _new_main(file=path, loader=loader)
    if not path.endswith(".pyc"):
        return main, compile(content, path, "exec", dont_inherit=True)
    try:
        return main, loader.get_code("__main__")
    except (ImportError, EOFError) as error:
        raise ScriptError(f"{path!r} is not of this version of Python: {error}") from None


def _is_package(target: str) -> bool:
    """Tell whether it is a folder or zip file: what Python finds an importer for."""
    importer = pkgutil.get_importer(os.path.abspath(target))  # noqa: PTH100 - as Python does
    return importer is not None and not (
        isinstance(importer, importlib.machinery.FileFinder) and not Path(target).is_dir()
    )


def _package(target: str) -> tuple[ModuleType, CodeType]:
    folder = os.path.abspath(target)  # noqa: PTH100 - as Python does
    importer: Any = pkgutil.get_importer(folder)
    spec = importer.find_spec("__main__")
    if spec is None or spec.loader is None:
        raise ScriptError(f"can't find '__main__' module in {target!r}")
    if sys.flags.safe_path:
        sys.path.insert(0, folder)
    _set_first_path(folder)
    return _of_spec(spec, argv0=target)


def _module(target: str) -> tuple[ModuleType, CodeType]:
    _set_first_path(os.getcwd())  # noqa: PTH109 - a string, as in sys.path
    try:
        spec = importlib.util.find_spec(target)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{target}.__main__")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ScriptError(f"error while finding the module {target!r}: {error}") from error
    if spec is None or spec.loader is None:
        raise ScriptError(f"no module named {target!r} that could be run")
    return _of_spec(spec, argv0=spec.origin or target)


def _of_spec(spec: importlib.machinery.ModuleSpec, *, argv0: str) -> tuple[ModuleType, CodeType]:
    loader: Any = spec.loader
    code = loader.get_code(spec.name)
    if code is None:
        raise ScriptError(f"no code object available for {spec.name!r}")
    sys.argv[0] = argv0
    return _new_main(file=spec.origin, loader=loader, spec=spec), code


def _new_main(
    *, file: str | None, loader: Any, spec: importlib.machinery.ModuleSpec | None = None
) -> ModuleType:
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __annotations__={},
        __builtins__=sys.modules["builtins"],
        __cached__=spec.cached if spec else None,
        __file__=file,
        __loader__=loader,
        __package__=spec.parent if spec else None,
        __spec__=spec,
    )
    return main


def _set_first_path(folder: str) -> None:
    """Replace the folder of the ``runlog`` command, which Python has put in front."""
    if not sys.flags.safe_path:
        sys.path[:1] = [folder]
