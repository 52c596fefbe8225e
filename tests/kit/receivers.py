"""Receivers of alerts on this machine: an HTTP sink and an SMTP sink, which remember what came.

``http_sink`` answers as ``answers`` says, one after the other, the last one from then on; ``HANG``
takes the request and never answers. Each connection has a thread of its own.
"""

from __future__ import annotations

import http.server
import json
import socketserver
import threading

import pytest

HANG = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sink = self.server.sink
        with sink.lock:
            sink.requests.append((self.path, dict(self.headers), body))
            answer = sink.answers.pop(0) if len(sink.answers) > 1 else sink.answers[0]
        if answer == HANG:
            sink.over.wait(60)
            return
        self.send_response(answer)
        if 300 <= answer < 400:
            self.send_header("Location", f"{sink.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the server looks for these names

    def log_message(self, *_):
        """Say nothing."""


class HttpSink:
    """An HTTP server that remembers.

    Attributes:
        url: where it listens.
        requests: path, headers and body of each.
    """

    def __init__(self):
        self.answers = [200]
        self.requests = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.sink = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def webhook(self):
        """The address as a channel."""
        return f"webhook+{self.url}/hook"

    def documents(self):
        """The bodies, as JSON."""
        with self.lock:
            return [json.loads(body) for _, _, body in self.requests]

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(line)
                self.server.mails.append(b"".join(lines))
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return


class SmtpSink(socketserver.ThreadingTCPServer):
    """An SMTP server that takes everything and remembers the mails."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mails = []
        self.port = self.server_address[1]


@pytest.fixture
def http_sink():
    """An HTTP server that remembers."""
    sink = HttpSink()
    yield sink
    sink.close()


@pytest.fixture
def smtp_sink():
    """An SMTP server that remembers."""
    with SmtpSink() as sink:
        thread = threading.Thread(target=sink.serve_forever, args=(0.05,))
        thread.start()
        yield sink
        sink.shutdown()
        thread.join()
