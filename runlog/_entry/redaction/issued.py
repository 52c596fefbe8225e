"""Keys that services issue: what each kind begins with, and what follows.

Lives here: the table, and the look made from it that finds almost all ordinary text innocent. Not
here: forms that are more than a beginning (``forms``). Pure; runs on the caller's thread.

A beginning is the hint of its kind: a text without it cannot hold such a key. Where it ends in one
of ``_-.`` the look asks for one of these first, which most texts have not, and then for the letters
before it; so a kind more costs an ordinary text nothing.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import NamedTuple

from runlog._entry.redaction.marker import MARKER

# Not within a word, but after an escape of URLs or of quoted text: %20ghp_…, \nghp_…
START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtb]))"

_JOINTS = "_-"
# Every kind goes on for so long behind its joint.
_SHORTEST_REST = 10
_REST = r"[\w.+/=~-]"


class Kind(NamedTuple):
    """A kind of issued keys."""

    hints: tuple[str, ...]
    """What they begin with."""
    rest: str
    """A pattern of what follows: ten characters and more, in linear time."""
    is_loose: bool = False
    """Whether ordinary names begin so too; then the rest must look random."""

    @property
    def pattern(self) -> str:
        """Return the whole pattern."""
        return f"{START}(?:{'|'.join(map(re.escape, self.hints))})(?:{self.rest})"


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


def _hints() -> list[str]:
    return [hint for kind in KINDS for hint in kind.hints]


@cache
def _compiled(kind: Kind) -> re.Pattern[str]:
    # Not at import: most programs never log one of them.
    return re.compile(kind.pattern)


def tests() -> tuple[list[str], dict[str, object]]:
    """Return the look: expressions of ``text``, of which one is true for each issued key.

    Beside them what they call.
    """
    found: list[str] = []
    called: dict[str, object] = {}
    for at, joint in enumerate(_JOINTS):
        tails = {hint[-3:-1] for hint in _hints() if hint[-1] == joint}
        before = "".join(
            rf"[{re.escape(''.join({tail[place] for tail in tails}))}]" for place in (0, 1)
        )
        called[f"joint_{at}"] = re.compile(
            rf"\{joint}(?<={before}\{joint}){_REST}{{{_SHORTEST_REST}}}"
        ).search
        found.append(f"{joint!r} in text and joint_{at}(text)")
    # So few that looking for each is faster.
    dotted = sorted({hint.partition(".")[0] + "." for hint in _hints() if hint[-1] == "."})
    found.append(f"'.' in text and ({' or '.join(f'{hint!r} in text' for hint in dotted)})")
    for at, kind in enumerate(KINDS):
        if kind.hints[0][-1] in "_-.":
            continue
        called[f"kind_{at}"] = partial(_is_in, kind)
        found += [f"{it!r} in text and kind_{at}(text)" for it in kind.hints]
    return found, called


def _is_in(kind: Kind, text: str) -> bool:
    return _compiled(kind).search(text) is not None


def hide_issued(text: str) -> str:
    """Return ``text`` with every issued key replaced by the marker."""
    for kind in KINDS:
        if any(hint in text for hint in kind.hints):
            text = _compiled(kind).sub(_hide_random if kind.is_loose else MARKER, text)
    return text


def _hide_random(found: re.Match[str]) -> str:
    return MARKER if any(map(_is_random, re.split("[-_]", found[0]))) else found[0]


def _is_random(part: str) -> bool:
    if len(part) >= 24:  # noqa: PLR2004 - longer than words are
        return True
    return len(part) >= 12 and not part.isdigit() and not part.isalpha()  # noqa: PLR2004 - as above
