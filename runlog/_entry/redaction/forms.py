"""Secrets that are recognised by their own form: JWTs, private keys, URLs, headers, commands.

Lives here: the table, and ``hide_forms``. Not here: issued keys (``issued``) and ``password=…``,
which is recognised by its name (``named``). Pure; runs on the caller's thread, so every pattern
takes linear time: repeats are possessive or short, and where a run of characters is no secret
after all, it is consumed all the same.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from runlog._entry.redaction.marker import MARKER
from runlog._entry.redaction.signs import any_of, is_in, sign_of

if TYPE_CHECKING:
    from collections.abc import Callable

_HOST_AND_PORT = r"(?:[^:@]*+:[0-9]{1,5}|\[[0-9A-Fa-f:.]*+\](?::[0-9]{1,5})?)(?:[/?#,]|$)"
_UP_TO_LAST_AT = r"(?s).*[^/](?=@)"
# A user name of this many characters before a host is a token: https://<token>@github.com.
_LONG_USER = r"[\w.-]{20,}+$"
# Shorter ones that happen to decode are no JSON of a token.
_SHORTEST_JSON = 40


class Form(NamedTuple):
    """A form of secrets, and how to see quickly that a text has none of it."""

    hints: tuple[str, ...]
    """One of these is in every text with such a secret."""
    pattern: str
    hide: str | Callable[[re.Match[str]], str] = MARKER
    needs: str = ""
    """And this too; asked first, for it is in few texts."""
    is_folded: bool = False
    """Whether the hints are meant in any case; they are written in small letters."""

    def may_be_in(self, text: str) -> bool:
        """Tell whether ``text`` has a hint of it."""
        shown = text.lower() if self.is_folded else text
        return self.needs in text and any(hint in shown for hint in self.hints)

    def look(self, as_shown: Callable[[str], str]) -> str:
        """Return the same as an expression of ``text``, and of ``low``, it in small letters."""
        found = is_in(map(as_shown, self.hints), "low" if self.is_folded else "text")
        return f"{as_shown(self.needs)!r} in text and {found}" if self.needs else found


def _hide_in_url(found: re.Match[str]) -> str:
    return found[1] + hide_url_password(found[2])


def _hide_jwt(found: re.Match[str]) -> str:
    # The run may begin with a name that ends in eyJ…, so every part but the last is looked at.
    parts = found[0].split(".")
    if len(parts) == 1 and len(found[0]) >= _SHORTEST_JSON:
        parts.append("")
    return MARKER if any(b":" in _decode(part) for part in parts[:-1]) else found[0]


def _hide_authorization(found: re.Match[str]) -> str:
    scheme, space, value = found.groups()
    if scheme.lower() == "basic":
        is_secret = b":" in _decode(value) or ":" in value[:-1]
    else:
        # "Bearer authentication failed" is prose: a token has a digit, or mixed case, or length.
        is_secret = (
            any(letter.isdigit() for letter in value)
            or not (value[1:].islower() or value.isupper())
            or len(value) >= 20  # noqa: PLR2004 - longer than the words that follow "bearer"
        )
    return f"{scheme}{space}{MARKER}" if is_secret else found[0]


FORMS: tuple[Form, ...] = (
    Form(
        ("-----BEGIN",),
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^-]|-(?!----))*"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    # Up to the next URL, for people put lists of them and URLs within URLs into one word.
    Form(("@",), r"(://)((?:[^\s\"'<>`:]|:(?!//))+)", _hide_in_url, needs="://"),
    Form(
        ("sig=", "signature="),
        r"(?ai)([?&](?:sig|signature)=)[^&\s\"'<>]++", rf"\1{MARKER}", needs="=", is_folded=True,
    ),
    Form(
        ("hook",),
        r"(hooks\.slack\.com/(?:services|workflows|triggers)/"
        r"|discord(?:app)?\.com/api/webhooks/|office(?:365)?\.com/webhook(?:b2)?/)[\w/@.-]++",
        rf"\1{MARKER}", needs=".com/",
    ),
    Form(("eyJ",), r"eyJ[\w-]*+(?:\.[\w-]*+)*", _hide_jwt),
    # Letters may stand before it: in the URLs of Telegram it follows "bot".
    Form((":AA",), r"(?<![0-9])[0-9]{8,10}:AA[\w-]{30,}+"),
    Form(("AC",), r"(?<![A-Za-z0-9])(AC[0-9a-f]{32}:)[0-9a-f]{32}", rf"\1{MARKER}", needs=":"),
    Form(
        ("Q~",), r"(?<![\w~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[\w~.-]{31,34}(?![\w~-])", needs="~"
    ),
    Form(("==",), r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?!=)"),
    Form(
        ("bearer", "basic"),
        r"(?ai)\b(bearer|basic)((?:[ \t]|%20)++)([\w.~+/=:-]{6,}+)", _hide_authorization,
        is_folded=True,
    ),
    Form(
        ("curl", "wget"),
        r"(\b(?:curl|wget)\b(?s:.{0,500}?)(?<!\S)(?:-u|--user|--proxy-user)"
        r"[ =]?[\"']?[^\s:\"']{1,200}+:(?!//))[^\s\"']++",
        rf"\1{MARKER}", needs="-u",
    ),
    # Commands that take the password as an option without a telling name.
    Form(
        ("sshpass",), r"(\bsshpass[ ]++-p[ ]*+[\"']?)[^\s\"']++", rf"\1{MARKER}", needs="-p",
    ),
    Form(
        ("mysql", "mariadb"),
        r"(\b(?:mysql|mariadb)[a-z_-]{0,20}+ [^\n]{0,200}?"
        r"(?<=\s)-p(?!ort\b|rotocol\b)[\"']?)[^\s\"']++",
        rf"\1{MARKER}", needs=" -p",
    ),
    Form(
        ("redis-cli",), r"(\bredis-cli\b[^\n]{0,200}? -a [\"']?)[^\s\"'-][^\s\"']*+",
        rf"\1{MARKER}", needs=" -a ",
    ),
    Form(
        ("ldap",), r"(\bldap[a-z]{3,10}\b[^\n]{0,200}? -w [\"']?)[^\s\"'-][^\s\"']*+",
        rf"\1{MARKER}", needs=" -w ",
    ),
    Form(
        (" login",),
        r"(\b(?:docker|podman|registry|az) login\b[^\n]{0,200}? -p [\"']?)[^\s\"'-][^\s\"']*+",
        rf"\1{MARKER}", needs=" -p ",
    ),
)  # fmt: skip


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Not at import: most programs never log what the pattern is for.
    return re.compile(pattern)


def tests(as_shown: Callable[[str], str], *, is_folded: bool) -> list[tuple[str, str]]:
    """Return the look for the folded forms or for the others: tests behind their signs.

    Args:
        as_shown: what a hint looks like in the text that is asked.
        is_folded: which of them.
    """
    # Several forms of commands need an option; what these have in common few texts have.
    behind: dict[str, list[Form]] = {}
    for form in FORMS:
        if form.is_folded is is_folded:
            behind.setdefault(form.needs[:2] or form.hints[0], []).append(form)
    found = []
    for piece, forms in behind.items():
        sign = sign_of(*(form.needs + hint for form in forms for hint in form.hints))
        look = any_of(form.look(as_shown) for form in forms)
        found.append((sign, f"{as_shown(piece)!r} in text and {look}" if len(forms) > 1 else look))
    return found


def hide_forms(text: str) -> str:
    """Return ``text`` with every secret that shows by its form replaced by the marker."""
    for form in FORMS:
        if form.may_be_in(text):
            text = _compiled(form.pattern).sub(form.hide, text)
    return text


def hide_url_password(rest: str) -> str:
    """Return what follows ``://`` with the password hidden; scheme, user and host stay."""
    if "@" not in rest or _compiled(_HOST_AND_PORT).match(rest):
        return rest
    # People paste passwords with unescaped @, / and # in them: take up to the last @, but not
    # one that begins a part of a path, as in /@scope/package.
    found = _compiled(_UP_TO_LAST_AT).match(rest)
    end = found.end() if found else rest.rfind("@")
    user, colon, _ = rest[:end].partition(":")
    if _compiled(_LONG_USER).match(user) and (colon or user == rest[:end]):
        # Before a colon too: https://<token>:x-oauth-basic@github.com
        is_token = not colon or any(letter.isdigit() for letter in user)
        if is_token:
            return MARKER + rest[end:]
    if colon and not re.search(r"[/?#]", user):
        return f"{user}:{MARKER}{rest[end:]}"
    return rest


def _decode(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet, or nothing."""
    text = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
