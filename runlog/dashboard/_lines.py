"""Log lines as HTML and as the tail sends them. Pure.

In Python and not in a template: a page may have thousands of them. Everything that a script wrote
passes ``escape``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from runlog._readable import plural
from runlog.dashboard import _words as words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlog.dashboard._viewer import Viewer
    from runlog.queries import Entry, Line

LOOKS: Final = {"ERROR": "e", "WARNING": "w", "INFO": "i", "DEBUG": "d"}
CHUNK: Final = 100
LONGEST: Final = 4000
# The newest lines carry their ids, so that the browser knows them when the tail sends them again.
_KNOWN: Final = 200


def chunks(lines: Sequence[Line], viewer: Viewer, *, is_live: bool) -> Markup:
    """Return the lines as HTML, in blocks that the browser lays out when they come into view."""
    first_known = len(lines) - _KNOWN if is_live else len(lines)
    html = []
    for begin in range(0, len(lines), CHUNK):
        html.append('<div class="chunk">')
        block = lines[begin : begin + CHUNK]
        for place, line in enumerate(block, begin):
            mark = f' data-id="{line.id.hex}"' if place >= first_known else ""
            html.append(_html(line, viewer, mark))
        html.append("</div>")
    # Everything in it was escaped one by one above.
    return Markup("".join(html))  # noqa: S704


def _html(line: Line, viewer: Viewer, mark: str) -> str:
    look, level, step, message = _parts(line)
    n = line.number
    more = '<a class="x">…</a>' if line.meta else ""
    return (
        f'<div class="ln {look}" id="L{n}"{mark}><a href="#L{n}">{n}</a>'
        f"<time>{viewer.clock(line.timestamp)}</time><b>{escape(level)}</b><i>{escape(step)}</i>"
        f"<p>{escape(message)}{more}</p></div>"
    )


def _parts(entry: Entry) -> tuple[str, str, str, str]:
    message = entry.message
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]}… ({plural(len(message) - LONGEST, 'letter')} more)"
    return (
        LOOKS.get(entry.level.upper(), "o"),
        words.shown(words.cut(entry.level, 12)),
        words.shown(words.cut(entry.step, 40)),
        words.shown(message),
    )


def as_sent(entry: Entry, viewer: Viewer) -> dict[str, Any]:
    """Return an entry as the tail sends it: texts, which the browser puts in as texts."""
    look, level, step, message = _parts(entry)
    return {
        "id": entry.id.hex,
        "look": look,
        "time": viewer.clock(entry.timestamp),
        "level": level,
        "step": step,
        "message": message,
        "more": bool(entry.meta),
        "script": words.shown(getattr(entry, "script_name", "")),
        "run": str(entry.run_id),
    }


def first_known(lines: Sequence[Line]) -> Line | None:
    """Return the first line that carries its id."""
    return lines[-_KNOWN:][0] if lines else None
