"""Which names of values mean a secret: ``client_secret`` does, ``max_tokens`` does not.

Lives here: the words and the rule. Not here: what is done with the value (``redactor``), secrets
inside running text (``named``). Pure; runs on the caller's thread.
"""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import pairwise


class Secrecy(IntEnum):
    """How secret the value under a key is."""

    OPEN = 0
    #: A text is hidden; numbers stay, for ``token: 3`` counts something.
    WEAK = 1
    #: Numbers are hidden too, for ``password: 1234`` is a password.
    STRONG = 2


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Each word stands behind the stem that is looked for in a text before any closer look.
_STRONG_BY_STEM = {
    "pass": "password passwords passwd passphrase passcode passwort",
    "pw": "pwd",
    "secret": "secret secretkey clientsecret",
    "auth": "authorization authkey",
    "dsn": "dsn",
    "cred": "credential credentials",
    "key": "apikey privatekey accesskey accountkey servicekey sharedaccesskey",
    "token": "apitoken",
    "conn": "connectionstring connstr",
    "otp": "otp totp",
    "парол": "пароль пароля пароли",
    "секрет": "секрет",
}
_WEAK_BY_STEM = {
    "token": "token tokens",
    "secret": "secrets",
    "auth": "auth",
    "cookie": "cookie cookies",
    "key": "apikeys",
    "jwt": "jwt",
    "bearer": "bearer",
    "sess": "jsessionid phpsessid sessid aspsessionid",
    "токен": "токен токены",
}
_STRONG_WORDS = _set_of(" ".join(_STRONG_BY_STEM.values()))
_WEAK_WORDS = _set_of(" ".join(_WEAK_BY_STEM.values()))
# A compact name ends in one of these: ``dbpassword``, ``MYAPIKEY``, ``bottoken``.
_STRONG_ENDINGS = ("password", "passwd", "passphrase", "apikey", "secretkey", "clientsecret")
_WEAK_ENDINGS = ("token",)
# ``key`` and ``keys`` are secret after one of these words; ``primary_key`` is not.
_KEY_OWNERS = _set_of(
    """access account admin aes airtable algolia amplitude anon anthropic api app application
    auth aws azure brevo cipher client cloudflare cohere consumer crypto datadog decryption deepl
    deploy ecdsa ed25519 elevenlabs encryption fernet functions gemini github gitlab google gpg
    groq hmac honeycomb hubspot intercom jwe jws jwt klaviyo license mailchimp mailgun mapbox
    master mistral newrelic notion openai openrouter paypal pgp pinecone postmark private pusher
    replicate resend root rsa secret sendgrid sentry service session shared shopify
    signing slack ssh ssl stripe subscription supabase telegram tls twilio vapi webhook
    wireguard zendesk"""
)
_PHRASES = frozenset(
    tuple(phrase.split("_"))
    for phrase in _set_of(
        """connection_string conn_str conn_string pass_phrase pass_word db_pass user_pass smtp_pass
        pg_pass mysql_pass admin_pass root_pass proxy_pass ftp_pass amz_signature hub_signature
        amz_credential db_pw user_pw service_role_key azure_function_key connect_sid
        laravel_session ci_session"""
    )
)
STEMS = frozenset({*_STRONG_BY_STEM, *_WEAK_BY_STEM, "signature", "sid"})
"""Every name that means a secret has one of these in it, in small letters."""
# Secret only as the whole name; elsewhere they count passes or name a kind of login.
_ALONE = frozenset({"pass", "pw"})
_LAST_ONLY = frozenset({"otp", "totp", "bearer"})
# Words that turn the name into one about the secret, when they stand last; so do participles …
_ABOUT = _set_of(
    """age algorithm at attempts audience available backend bucket budget chars characters class
    column cost count counter counts date days domain endpoint error errors exists expires expiry
    failures field fields file filename flow format handler host id ids index issuer kind label
    len length level lifetime limit limits manager max message method min minutes missing mode
    module name names number path paths per plugin policy port position prefix present price
    provider rate ratio realm reason requirements reset role roles rotation scheme scope scopes
    seconds sent server service set size source state status store strategy strength time
    timestamp total ttl type types uri url usage user username valid version window year"""
)
# … but for these: a ciphertext is worth hiding as well.
_STILL_SECRET = frozenset({"encoded", "encrypted", "hashed", "embedded"})
_HOW_MANY = frozenset({"count", "max", "min", "num", "number", "total"})
# Words beside ``token`` that make it a piece of text or a place in a list, which opens nothing.
_PIECES = _set_of(
    """average avg billed bos cached completion consumed context continuation cursor eos generated
    input mask maximum mean median minimum next output pad page per prompt reasoning remaining sep
    sum thinking unk"""
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
# Nobody names a value by more than this; a longer key is judged by its end.
_LONGEST_KEY = 200


def split_words(key: str) -> list[str]:
    """Return the lower-case words of ``key``: camelCase, kebab-case, snake_case, ``x.y``."""
    return [word.lower() for word in _CAMEL.findall(key[-_LONGEST_KEY:])]


def judge_key(key: str, own: frozenset[tuple[str, ...]] = frozenset()) -> Secrecy:
    """Return how secret a value named ``key`` is; ``own`` are the user's names, in words."""
    words = split_words(key)
    if own and _holds_phrase(words, own):
        return Secrecy.STRONG
    if not words or _is_about(words):
        return Secrecy.OPEN
    if _holds_key_of(words) or _holds_phrase(words, _PHRASES):
        return Secrecy.STRONG if words[-1] != "keys" else Secrecy.WEAK
    return max(_judge_word(words, at) for at in range(len(words)))


def _is_about(words: list[str]) -> bool:
    """Say whether the name is about a secret, as ``secret_name``, and not the secret itself."""
    last = words[-1]
    if len(words) == 1 or words[-2:] == ["secret", "id"]:
        return False
    participle = last.endswith("ed") and last not in _STILL_SECRET
    return last in _ABOUT or participle or words[0] in _HOW_MANY


def _judge_word(words: list[str], at: int) -> Secrecy:
    word = words[at]
    if word in _ALONE:
        return Secrecy.WEAK if len(words) == 1 else Secrecy.OPEN
    if word in _LAST_ONLY and at != len(words) - 1:
        return Secrecy.OPEN
    if word in _STRONG_WORDS or word.endswith(_STRONG_ENDINGS):
        return Secrecy.STRONG
    if word in {"token", "tokens"} and not _PIECES.isdisjoint(words):
        return Secrecy.OPEN
    if word in _WEAK_WORDS or word.endswith(_WEAK_ENDINGS):
        return Secrecy.WEAK
    return Secrecy.OPEN


def _holds_key_of(words: list[str]) -> bool:
    return any(
        after in {"key", "keys"} and before in _KEY_OWNERS for before, after in pairwise(words)
    )


def _holds_phrase(words: list[str], phrases: frozenset[tuple[str, ...]]) -> bool:
    return any(
        tuple(words[at : at + len(phrase)]) == phrase
        for phrase in phrases
        for at in range(len(words) - len(phrase) + 1)
    )
