"""Redaction takes time in proportion to the text, whatever the text: growth is measured, not seconds."""

from __future__ import annotations

import time
from itertools import product

import pytest

from runlog._entry.redaction.redactor import Redactor

REDACTOR = Redactor()

MOTIFS = [
    *("a", "eyJ", "_eyJ", "sk-", "password=", "token:(", "token:(\n", "a:", "=", ":", " ", "-"),
    *('password="', 'password=\\"', "a://b:c@", "-----BEGIN PRIVATE KEY-----", "-----BEGIN "),
    *("Bearer ", "<token>", "--token ", "ghp_", "SG.", "AKIA", "xoxb-", "sbp_", "password=&"),
    *("password=,;", "password='''", "?sig=", "password: str ", ".a-", "PASSWORD '", "token: 1,"),
    *(
        "Cookie:,",
        "Set-Cookie:;",
        "Cookie: a=",
        "cookie:",
        "API key: ",
        "('password', '",
        "token%3D",
    ),
    *('("password", \'x', "curl -u a", " -u a:", "mysql -p", "sshpass -p", "redis-cli -a ", "==Q~"),
    *("basic Q", "/@", "a://u@", "https://", "webhook.office.com/webhookb2/", "AC0123456789abcdef"),
    *(
        "hvs.",
        "re_12345678_",
        "dapi0",
        "EAA",
        "ATATT3",
        "dsn: h:1/",
        "pwd: /",
        "key: ./",
        "token: {",
    ),
    *("token: [1,", "credentials: {}", "tokens: [", "1:AA", "vk1.a.", "access-production-"),
]
HEADS = ("", "curl password=", "Cookie: ", "token: {", "a://")
SMALL, TIMES = 2000, 8


def cpu_of(text, times):
    """Seconds of this thread's processor; the least of some, for others only add to it."""
    taken = []
    for _ in range(times):
        start = time.thread_time_ns()
        REDACTOR.redact_text(text)
        taken.append(time.thread_time_ns() - start)
    return min(taken)


def grows_too_fast(motif, head):
    """Whether eight times the text takes more than three times eight times the work."""
    small, large = (
        head + motif * (size // len(motif)) + " token=" for size in (SMALL, SMALL * TIMES)
    )
    # What is not there for the small text is no growth: a few microseconds for any call.
    allowed = 3 * TIMES * (cpu_of(small, 3) + 10_000)
    # Once is enough where it is little; what others have added is found by asking again.
    return all(cpu_of(large, 1) > allowed for _ in range(5))


@pytest.mark.parametrize("motif", MOTIFS)
def test_work_grows_as_the_text_does(motif):
    """Eight times as much of anything, after any beginning, takes about eight times the work."""
    assert not [head for head in HEADS if grows_too_fast(motif, head)]


@pytest.mark.slow
@pytest.mark.parametrize("motif", MOTIFS)
def test_work_grows_as_pairs_do(motif):
    """The same for every two motifs in turn."""
    assert not [pair for pair in product([motif], MOTIFS) if grows_too_fast("".join(pair), "")]


@pytest.mark.slow
@pytest.mark.parametrize("motif", MOTIFS)
@pytest.mark.parametrize("end", ["", " token=", "a://@", " '</ token: [", "eyJ.SG.SK"])
def test_a_megabyte_of_anything_ends(motif, end):
    """A megabyte, with every family of patterns awake; the suite's timeout is the judge."""
    text = motif * (2**20 // len(motif)) + end
    assert type(REDACTOR.redact_text(text)) is str


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "token: {" + "1," * 2**19,
        "token: [" + "[1," * 2**18,
        "a://" + "/@" * 2**19,
        "password=" + "&a" * 2**19,
        "password='" + "\\'" * 2**19,
        "password: str" + " " * 2**20,
        "curl " + " -u a" * 2**18,
        "basic " + "a" * 2**20,
        "1" * 2**20 + ":AA",
        "<a " * 2**18 + "</ token=",
    ],
    ids=lambda text: text[:14],
)
def test_a_megabyte_after_a_beginning_ends(text):
    """The same for texts that begin like a secret and never end."""
    assert type(REDACTOR.redact_text(text)) is str
