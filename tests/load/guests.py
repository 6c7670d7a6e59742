"""A guest without a VM: a web server that keeps the guest contract, or only a part of it."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HEARTBEATS_PER_SECOND = 20


class FullGuest(BaseHTTPRequestHandler):
    """Answers all that the contract says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self.path.startswith("/state"):
            return self.answer(b"Migration test\n")
        after = int(self.path.partition("after=")[2] or -1)
        while (beat := int(time.monotonic() * HEARTBEATS_PER_SECOND)) <= after:
            threading.Event().wait(0.01)
        return self.answer(json.dumps({"heartbeat": beat}).encode())

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(json.dumps({"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class PlainGuest(FullGuest):
    """The tutorial's image: whatever it is asked, it greets."""

    def do_GET(self) -> None:
        self.answer(b"Migration test\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"Migration test\n")


class ForgetfulGuest(FullGuest):
    """Its sums are wrong, but for the shortest of data."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        kept = data[:100]
        self.answer(json.dumps({"bytes": len(data), "sha256": hashlib.sha256(kept).hexdigest()}).encode())


@contextmanager
def serving(guest: type[FullGuest]) -> Iterator[int]:
    """Such a guest; yields its port on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), guest) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
