"""Secrets that are recognised by their own form: issued keys, JWTs, private keys, URLs, headers.

Lives here: one function, ``hide_forms``. Not here: ``password=…``, which is recognised by its name
(``named``). Pure; runs on the caller's thread, so every pattern takes linear time: repeats
are possessive, and where a run of characters is no secret after all, it is consumed all the same.
"""

from __future__ import annotations

import base64
import binascii
import re

MARKER = "[redacted]"

_ISSUED = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      gh[pousr]_[A-Za-z0-9]{20,}+ | github_pat_\w{20,}+ | gl(?:pat|dt|rt|cbt|ptt)-[\w.-]{16,}+
    | (?:sk|rk)_(?:live|test)_\w{10,}+ | whsec_[\w+/=-]{16,}+
    | A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])
    | xox[a-z]-[\w.-]{10,}+ | xapp-[\w-]{10,}+
    | AIza[\w-]{30,}+ | ya29\.[\w-]{16,}+ | GOCSPX-[\w-]{16,}+
    | npm_[A-Za-z0-9]{30,}+ | SG\.[\w-]{16,}+\.[\w-]{16,}+ | pat-[a-z]{2,3}\d-[\w-]{20,}+
    | sbp_\w{20,}+ | sb_secret_[\w-]{10,}+ | npg_[A-Za-z0-9]{10,}+
    | SK[0-9a-f]{32}(?![A-Za-z0-9]) | key-[0-9a-f]{32}(?![A-Za-z0-9])
    | (?:hf|gsk|ntn)_[A-Za-z0-9]{30,}+ | xai-[A-Za-z0-9]{30,}+ | lin_api_\w{30,}+
    | dop_v1_[0-9a-f]{40,}+ | shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32} | dckr_pat_[\w-]{20,}+
    | AGE-SECRET-KEY-1[0-9A-Z]{20,}+ | [0-9]{8,10}:AA[\w-]{30,}+
    )""",
    re.VERBOSE,
)
# Also the beginning of ordinary names (``sk-learn-…``, ``pypi-publish-…``).
_PERHAPS_ISSUED = re.compile(r"(?<![A-Za-z0-9])(?:sk|pypi)-[\w-]{12,}+")
_JWT = re.compile(r"eyJ[\w-]*+(?:\.[\w-]*+)*")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-(?!----))*"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)([ \t]++)([\w.~+/=:-]{6,}+)")
_WEBHOOK = re.compile(r"(hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/)[\w/-]++")
# Up to the next URL, for people put lists of them and URLs within URLs into one word.
_URL = re.compile(r"(://)((?:[^\s\"'<>`:]|:(?!//))+)")
_HOST_AND_PORT = re.compile(
    r"(?:[^:@]*+:[0-9]{1,5}|\[[0-9A-Fa-f:.]*+\](?::[0-9]{1,5})?)(?:[/?#,]|$)"
)
_UP_TO_LAST_AT = re.compile(r"(?s).*[^/](?=@)")
_SIGNED_URL = re.compile(r"(?i)([?&](?:sig|signature)=)[^&\s\"'<>]++")
_CURL_USER = re.compile(
    r"(?<!\S)((?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:\"']{1,200}+:)[^\s\"']++"
)
# A user name of this many characters before a host is a token: https://<token>@github.com.
_TOKEN_AS_USER = re.compile(r"[\w.-]{20,}+$")


def hide_forms(text: str) -> str:
    """Return ``text`` with every secret that shows by its form replaced by the marker."""
    has_dash = "-" in text
    if has_dash and "-----BEGIN" in text:
        text = _PRIVATE_KEY.sub(MARKER, text)
    if "://" in text:
        text = _hide_in_urls(text)
    if "eyJ" in text:
        text = _JWT.sub(_hide_jwt, text)
    if _may_be_issued(text):
        text = _ISSUED.sub(MARKER, text)
    if has_dash and ("sk-" in text or "pypi-" in text):
        text = _PERHAPS_ISSUED.sub(_hide_random, text)
    if "arer" in text or "asic" in text or "ARER" in text or "ASIC" in text:
        text = _AUTHORIZATION.sub(_hide_authorization, text)
    if has_dash and "curl" in text:
        text = _CURL_USER.sub(rf"\1{MARKER}", text)
    return text


def hide_url_password(rest: str) -> str:
    """Return what follows ``://`` with the password hidden; scheme, user and host stay."""
    if "@" not in rest or _HOST_AND_PORT.match(rest):
        return rest
    # People paste passwords with unescaped @, / and # in them: take up to the last @, but not
    # one that begins a part of a path, as in /@scope/package.
    found = _UP_TO_LAST_AT.match(rest)
    end = found.end() if found else rest.rfind("@")
    user, colon, _ = rest[:end].partition(":")
    if colon and not re.search(r"[/?#]", user):
        return f"{user}:{MARKER}{rest[end:]}"
    if _TOKEN_AS_USER.match(rest[:end]):
        return MARKER + rest[end:]
    return rest


def _hide_in_urls(text: str) -> str:
    if "@" in text:
        text = _URL.sub(lambda found: found[1] + hide_url_password(found[2]), text)
    if "sig" in text or "Sig" in text:
        text = _SIGNED_URL.sub(rf"\1{MARKER}", text)
    if "/services/" in text or "/webhooks/" in text:
        text = _WEBHOOK.sub(rf"\1{MARKER}", text)
    return text


def _may_be_issued(text: str) -> bool:
    """Look for the beginnings of issued keys, which is far faster than the pattern."""
    if "_" in text and (
        "gh" in text
        or "_live_" in text
        or "_test_" in text
        or "sec_" in text
        or "npm_" in text
        or "sb_secret_" in text
        or "sbp_" in text
        or "npg_" in text
        or "hf_" in text
        or "gsk_" in text
        or "ntn_" in text
        or "lin_api_" in text
        or "dop_v1_" in text
        or "shp" in text
        or "_pat_" in text
    ):
        return True
    if "-" in text and (
        "pat-" in text
        or "gl" in text
        or "xox" in text
        or "xapp-" in text
        or "SPX-" in text
        or "key-" in text
        or "KEY-" in text
        or "xai-" in text
    ):
        return True
    return (
        "AKIA" in text
        or "ASIA" in text
        or "AIza" in text
        or "ya29." in text
        or "SG." in text
        or "SK" in text
        or ":AA" in text
    )


def _hide_random(found: re.Match[str]) -> str:
    return MARKER if any(map(_is_random, re.split("[-_]", found[0]))) else found[0]


def _is_random(part: str) -> bool:
    if len(part) >= 24:  # noqa: PLR2004 - longer than words are
        return True
    return len(part) >= 12 and not part.isdigit() and not part.isalpha()  # noqa: PLR2004 - as above


def _hide_jwt(found: re.Match[str]) -> str:
    # The run may begin with a name that ends in eyJ…, so every part but the last is looked at.
    parts = found[0].split(".")
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


def _decode(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet, or nothing."""
    text = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
