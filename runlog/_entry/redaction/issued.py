"""Keys that services issue: what each kind begins with, and what follows.

Lives here: the table, and the look made from it that finds almost all ordinary text innocent. Not
here: forms that are more than a beginning (``forms``). Pure; runs on the caller's thread.

A beginning is the hint of its kind: a text without it cannot hold such a key. Where it ends in one
of ``_-.`` the look asks for the letters before one of these; so a kind more costs an ordinary text
nothing.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from runlog._entry.redaction.marker import MARKER
from runlog._entry.redaction.signs import sign_of

if TYPE_CHECKING:
    from collections.abc import Callable

# Not within a word, but after an escape of URLs or of quoted text: %20ghp_…, \nghp_…
START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtb]))"

_JOINTS = "_-."
# Every kind goes on for so long behind its joint.
_SHORTEST_REST = 10
_REST = r"[\w.+/=~-]"


class Kind(NamedTuple):
    """A kind of issued keys."""

    hints: tuple[str, ...]
    """What they begin with."""
    rest: str
    """A pattern of what follows: ten characters and more, in linear time.

    Where the hints have no joint, it is also true of what ``shape.fold`` makes of such a text.
    """
    is_loose: bool = False
    """Whether ordinary names begin so too; then the rest must look random."""

    @property
    def body(self) -> str:
        """Return the pattern of a key."""
        return f"(?:{'|'.join(map(re.escape, self.hints))})(?:{self.rest})"

    @property
    def pattern(self) -> str:
        """Return the same where a key can begin."""
        return START + self.body


def _kind(rest: str, begins: str, *, is_loose: bool = False) -> Kind:
    return Kind(tuple(begins.split()), rest, is_loose)


KINDS: tuple[Kind, ...] = (
    _kind(
        "[A-Za-z0-9]{20,}+",
        """ghp_ gho_ ghu_ ghs_ ghr_ hf_ gsk_ ntn_ nfp_ rnd_ r8_ fw_ pplx- xai- snyk_ npm_ napi_
        phx_ tfp_ bkua_ pnu_ rubygems_""",
    ),
    _kind(
        r"[\w-]{20,}+",
        """github_pat_ glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- gloas- vcp_
        lin_api_ lin_oauth_ sbp_ figd_ figo_ dckr_pat_ dckr_oat_ pcsk_ tvly- sntrys_ sntryu_
        lsv2_pt_ lsv2_sk_ glc_ xkeysib- xsmtpsib- CFPAT- CCIPAT_ pul- sq0atp- sq0csp- hvs. hvb.
        hvr. pscale_tkn_ pscale_pw_ pscale_oauth_ HRKU- FLWSECK- FLWSECK_TEST- api_org_ fm2_
        shippo_live_ duffel_live_""",
    ),
    _kind(r"[\w-]{30,}+", "vk1.a. y0_ sl. dp.pt. dp.st. dp.sa. dp.ct. dp.scim. dp.audit."),
    _kind(
        r"[\w-]{10,}+",
        "sb_secret_ xapp- npg_ glsa_ squ_ sqp_ sqa_ sk_live_ sk_test_ rk_live_ rk_test_",
    ),
    _kind(r"[\w.-]{10,}+", "xoxb- xoxp- xoxa- xoxo- xoxr- xoxs- xoxc- xoxd- xoxe- xoxe.xoxp-"),
    _kind(r"[\w.-]{16,}+", "ya29. GOCSPX- dt0c01."),
    _kind(r"[\w+/=-]{16,}+", "whsec_"),
    _kind("eyJ[A-Za-z0-9]{20,}+", "ops_"),
    _kind("[0-9a-f]{40,}+", "dop_v1_ doo_v1_ dor_v1_"),
    _kind("[0-9A-Fa-f]{32,}+", "shpat_ shpca_ shppa_ shpss_ sk_ hcaik_"),
    _kind("[0-9a-f]{32}(?![A-Za-z0-9])", "key-"),
    _kind("[A-Za-z0-9]{8}_[A-Za-z0-9]{16,}+", "re_", is_loose=True),
    _kind("[A-Z0-9]{20,}+", "NRAK- NRII- NRRA- NRIQ- NRSP-"),
    _kind("[0-9a-f]{12,}+", "NRJS-"),
    _kind("[0-9a-f]{24}-[0-9a-f]{30,}+", "PMAK- PMAT-"),
    _kind(r"[a-z]{2,3}\d-[\w-]{20,}+", "pat-"),
    _kind(r"[\w-]{16,}+\.[\w-]{16,}+", "SG."),
    _kind("1[0-9A-Z]{20,}+", "AGE-SECRET-KEY-"),
    _kind("(?:sandbox|production|development)-[0-9a-f-]{30,}+", "access-"),
    _kind("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", "sdk-"),
    _kind(r"[\w-]{12,}+", "sk- pypi-", is_loose=True),
    # Without a joint.
    _kind("[A-Z0-9]{16}(?![A-Za-z0-9])", "AKIA ASIA ABIA ACCA"),
    _kind(r"[\w-]{30,}+", "AIza"),
    _kind("[0-9a-f]{32}(?![A-Za-z0-9])", "SK"),
    _kind(r"[0-9a-f]{32}(?:-\d)?", "dapi"),
    _kind("[A-Za-z0-9]{28,}+", "ATBB"),
    _kind(r"[\w=+/-]{20,}+", "ATATT3 ATCTT3"),
    _kind("[A-Za-z0-9]{50,}+", "EAA"),
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Not at import: most programs never log one of them.
    return re.compile(pattern)


def tests(as_shown: Callable[[str], str]) -> tuple[list[tuple[str, str]], dict[str, object]]:
    """Return the look: tests of ``text`` behind their signs, of which one is true for each key.

    Beside them what they call.

    Args:
        as_shown: what a hint looks like in the text that is asked.
    """
    found: list[tuple[str, str]] = []
    called: dict[str, object] = {}
    hints = [hint for kind in KINDS for hint in kind.hints]
    for at, joint in enumerate(_JOINTS):
        tails = sorted({as_shown(hint[-3:-1]) for hint in hints if hint[-1] == joint})
        # Letter by letter first, which is faster; together they are few.
        letters = "".join(
            f"[{re.escape(''.join({it[place] for it in tails}))}]" for place in (0, 1)
        )
        whole = "|".join(map(re.escape, tails))
        called[f"joint_{at}"] = re.compile(
            rf"\{joint}(?<={letters}\{joint})(?<=(?:{whole})\{joint}){_REST}{{{_SHORTEST_REST}}}"
        ).search
        found.append((joint, f"joint_{at}(text)"))
    for at, kind in enumerate(KINDS):
        if kind.hints[0][-1] in _JOINTS:
            continue
        shown = tuple(map(as_shown, kind.hints))
        called[f"kind_{at}"] = partial(_is_in, kind._replace(hints=shown))
        for hint, as_hint in zip(kind.hints, shown, strict=True):
            found.append((sign_of(hint), f"{as_hint!r} in text and kind_{at}(text)"))
    return found, called


def _is_in(kind: Kind, text: str) -> bool:
    # Wherever it begins: what may stand before it is not the same in every text that is asked.
    return _compiled(kind.body).search(text) is not None


def hide_issued(text: str) -> str:
    """Return ``text`` with every issued key replaced by the marker."""
    for kind in KINDS:
        if any(hint in text for hint in kind.hints):
            text = _compiled(kind.pattern).sub(_hide_random if kind.is_loose else MARKER, text)
    return text


def _hide_random(found: re.Match[str]) -> str:
    return MARKER if any(map(_is_random, re.split("[-_]", found[0]))) else found[0]


def _is_random(part: str) -> bool:
    if len(part) >= 24:  # noqa: PLR2004 - longer than words are
        return True
    return len(part) >= 12 and not part.isdigit() and not part.isalpha()  # noqa: PLR2004 - as above
