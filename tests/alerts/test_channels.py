"""Channels with real receivers: what they get, and what their answers mean (row T4)."""

from __future__ import annotations

import contextlib
import email
import email.policy
import hashlib
import hmac
import json
import socket
import stat
import sys
import threading
import time
from uuid import UUID

import pytest
from kit.receivers import HANG
from kit.scenes import T, at

from runlog.alerts import _webhook
from runlog.alerts._channels import Channel, open_channels
from runlog.alerts._config import ChannelSource, Config
from runlog.alerts._sender import End, Message
from runlog.errors import SettingError

KEY = UUID("018f2c61-0000-7000-8000-000000000001")


def message(text="body", **others):
    told = {"id": KEY, "kind": "opened", "severity": "error", "title": "✖ sync failed"}
    return Message(**{**told, "text": text, "document": {"id": KEY, "text": text}, **others})


def channels(urls, **environ):
    return open_channels(Config(), {"RUNLOG_ALERT_URLS": urls, **environ})


def only(urls, **environ):
    [channel] = channels(urls, **environ)
    return channel


def test_a_webhook_gets_the_message_signed_and_under_its_key(http_sink):
    """JSON, the idempotency key, and a signature over time and body."""
    sender = only(http_sink.webhook, RUNLOG_ALERT_SECRET="s3cret").sender
    assert sender.send(message()).end is End.SENT
    [(path, headers, body)] = http_sink.requests
    assert (path, json.loads(body)) == ("/hook", {"id": str(KEY), "text": "body"})
    assert headers["Idempotency-Key"] == str(KEY)
    signed = headers["X-Runlog-Timestamp"].encode() + b"." + body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert headers["X-Runlog-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (200, End.SENT), (204, End.SENT), (302, End.REFUSED), (400, End.REFUSED),
        (404, End.REFUSED), (408, End.FAILED), (425, End.FAILED), (429, End.FAILED),
        (500, End.FAILED), (503, End.FAILED), (HANG, End.UNKNOWN),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["webhook", "apprise"])
def test_what_an_answer_means(http_sink, monkeypatch, kind, answer, end):
    """Yes, never, not now, or nobody knows; a redirect loses the body, so it is no yes."""
    monkeypatch.setattr(_webhook, "_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("runlog.alerts._apprise._SETTINGS", "cto=1&rto=0.3")
    http_sink.answers = [answer]
    urls = {"webhook": http_sink.webhook, "apprise": f"json://127.0.0.1:{http_sink.port}/x"}
    outcome = only(urls[kind]).sender.send(message())
    assert outcome.end is end, outcome
    assert len(http_sink.requests) == 1


@pytest.mark.parametrize("address", ["webhook+http://127.0.0.1:1/x", "json://127.0.0.1:1/x"])
def test_a_receiver_that_is_not_there_has_not_got_it(address):
    """Refused is known not to have arrived, so nothing is repeated."""
    assert only(address).sender.send(message()).end is End.FAILED


def test_a_service_of_apprise_gets_plain_text_and_the_key(http_sink):
    """Through Apprise to a real receiver: neutral text, the title apart, our key handed through."""
    sender = only(f"json://127.0.0.1:{http_sink.port}/x").sender
    assert sender.send(message("hello @everyone <!channel>", is_repeated=True)).end is End.SENT
    [(_, headers, body)] = http_sink.requests
    document = json.loads(body)
    assert headers["Idempotency-Key"] == str(KEY)
    assert document["title"] == "✖ sync failed"
    assert document["message"].startswith("(again: it is not known whether this arrived)")
    assert "@everyone" not in document["message"]
    assert "<!channel>" not in document["message"]


def test_an_e_mail_arrives(smtp_sink):
    """One mail with the text, in the thread of its incident, with one Message-ID."""
    address = f"mailto://127.0.0.1:{smtp_sink.port}?from=runlog@example.org&to=who@example.org"
    assert only(address).sender.send(message(incident_id=KEY)).end is End.SENT
    [raw] = smtp_sink.mails
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert "sync failed" in mail["Subject"]
    assert "body" in mail.get_body(("plain",)).get_content()
    assert mail["References"] == f"<{KEY}@runlog>"
    assert len(mail.get_all("Message-ID") or []) <= 1


def test_a_long_text_is_cut_to_the_limit_of_the_service(http_sink):
    """T4: head and tail, and how much is left out; the webhook gets all of it."""
    text = "head " + "x" * 50_000 + " tail"
    only(http_sink.webhook).sender.send(message(text))
    assert http_sink.documents()[0]["text"] == text
    only(f"json://127.0.0.1:{http_sink.port}/x").sender.send(message(text))
    sent = http_sink.documents()[1]["message"]
    assert len(sent) <= 32768
    assert sent.startswith("head ")
    assert sent.endswith(" tail")
    assert "characters left out" in sent


def test_a_program_gets_it_on_stdin(tmp_path):
    """No shell; its exit code decides, and what it says is kept."""
    program = tmp_path / "notify"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "told = json.load(sys.stdin)\n"
        f"open({str(tmp_path / 'got')!r}, 'w').write(told['text'] + os.environ['RUNLOG_ALERT_KIND'])\n"
        "sys.exit('no' if told['text'] == 'bad' else 0)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    channel = only(f"exec:{program}")
    assert channel.sender.send(message()).end is End.SENT
    assert (tmp_path / "got").read_text() == "bodyopened"
    outcome = channel.sender.send(message("bad"))
    assert (outcome.end, outcome.said) == (End.FAILED, "exit code 1: no")


def test_a_function_is_called(tmp_path, monkeypatch):
    """An exception is no; nothing of it gets out."""
    (tmp_path / "own_channel.py").write_text(
        "got = []\ndef tell(message):\n    got.append(message.title)\n    1 / (message.text != 'bad')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    channel = only("python:own_channel:tell")
    assert channel.sender.send(message()).end is End.SENT
    assert channel.sender.send(message("bad")).end is End.FAILED


def test_names_of_channels_hold_no_secret():
    """Its own name, the file's, or the service and a digest; never the address."""
    urls = "ops=webhook+https://a/x webhook+https://user:s3cret@b/y"
    digest = hashlib.sha256(urls.split()[1].encode()).hexdigest()[:8]
    assert [channel.name for channel in channels(urls)] == ["ops", "webhook+https-" + digest]
    config = Config(channels=(ChannelSource("pager", "PAGER_URL"),))
    [channel] = open_channels(config, {"PAGER_URL": "webhook+https://a/x"})
    assert (channel.name, channel.group) == ("pager", "pager")


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ("slck://a/b/c", r"RUNLOG_ALERT_URLS: the 1st address \(slck:…\) is of no known service"),
        ("webhook+https://a/ webhook+http://b/", r"the 2nd address .* is not encrypted"),
        ("webhook+https:///x", "names no host"),
        ("exec:/nowhere/at-all", "names no program"),
        ("python:json:nothing", "names no function"),
    ],
)
def test_an_address_that_cannot_be_is_an_error_at_once(urls, said):
    """At start-up and not at 3 a.m.; the error names the place and never the secret."""
    with pytest.raises(SettingError, match=said):
        channels(urls)


def test_a_message_whose_end_nobody_knows_is_repeated_under_its_key_and_given_up(
    scene, http_sink, monkeypatch
):
    """T4: a receiver that hangs gets the same key again, marked, three times and no more."""
    monkeypatch.setattr(_webhook, "_TIMEOUT_SECONDS", 0.2)
    http_sink.answers = [HANG]
    watcher = scene.watcher(channels=tuple(channels(http_sink.webhook)))
    scene.run(T, status="error")
    for minute in (5, 10, 20, 40):
        scene.look(at(f"02:{minute:02}"), watcher)
    documents = http_sink.documents()
    assert {document["id"] for document in documents} == {documents[0]["id"]}
    assert [document["repeated"] for document in documents] == [False, True, True]
    row = scene.connection.execute(
        "select given_up_at is null, last_error from runlog_notifications"
    )
    assert row.fetchone() == (False, "given up after 3 attempts whose end nobody knows")


def test_at_most_once_is_not_repeated(scene, http_sink, monkeypatch):
    """For phones: better untold than told twice."""
    monkeypatch.setattr(_webhook, "_TIMEOUT_SECONDS", 0.2)
    http_sink.answers = [HANG]
    config = Config(channels=(ChannelSource("sms", "SMS", at_most_once=True),))
    watcher = scene.watcher(channels=tuple(open_channels(config, {"SMS": http_sink.webhook})))
    scene.run(T, status="error")
    for minute in (5, 10, 20):
        scene.look(at(f"02:{minute:02}"), watcher)
    assert len(http_sink.requests) == 1


def test_a_receiver_that_is_back_gets_it_later(scene, http_sink):
    """503 for a while: back-off, then once."""
    http_sink.answers = [503, 503, 200]
    watcher = scene.watcher(channels=tuple(channels(http_sink.webhook)))
    scene.run(T, status="error")
    for minute in (5, 6, 7, 8, 10, 20):
        scene.look(at(f"02:{minute:02}"), watcher)
    assert [document["attempt"] for document in http_sink.documents()] == [1, 2, 3]
    assert not any(document["repeated"] for document in http_sink.documents())


@pytest.mark.parametrize("way", ["byte by byte", "a function that hangs", "a function that exits"])
def test_no_receiver_holds_the_watcher(scene, monkeypatch, tmp_path, way):
    """Whatever it does the look ends, nobody knows whether it arrived, and the other channel is told."""
    monkeypatch.setattr("runlog.alerts._channels._LONGEST_SECONDS", 0.5)
    over = threading.Event()
    (tmp_path / "slow_or_out.py").write_text(
        "import sys, threading\nover = threading.Event()\n"
        "def hang(_): over.wait(30)\ndef leave(_): sys.exit(3)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=drip, args=(server, over))
        if way == "byte by byte":
            dripping.start()
        address = {
            "byte by byte": f"webhook+http://127.0.0.1:{server.getsockname()[1]}/x",
            "a function that hangs": "python:slow_or_out:hang",
            "a function that exits": "python:slow_or_out:leave",
        }[way]
        other = Channel("other", "default", scene.receiver)
        watcher = scene.watcher(channels=(only(address), other))
        scene.run(T, status="error")
        began = time.monotonic()
        scene.look(at("02:05"), watcher)
        over.set()
        if way == "byte by byte":
            dripping.join()
    assert time.monotonic() - began < 20
    assert scene.receiver.take() == ["✖ sync failed"]
    row = scene.connection.execute("select unknown_ends, sending_at is null from runlog_notifications"
                                   " where sent_at is null")  # fmt: skip
    assert row.fetchone() == (0, way == "a function that exits")


def drip(server, over):
    """Answer with a header that never ends, a byte each tenth of a second."""
    taken, _ = server.accept()
    with taken, contextlib.suppress(OSError):
        taken.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.1):
            taken.sendall(b"x")
