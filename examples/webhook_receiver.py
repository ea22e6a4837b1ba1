"""Receives callboard's webhooks with nothing but the standard library: checks the signature, drops repeats, prints.

HOOK_SECRET=whsec_… python webhook_receiver.py [PORT]
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["HOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 10_000_000

seen: set[str] = set()  # in production: a unique key in the database, written in the transaction that does the work


def genuine(headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether who sent this knows the secret, and sent it lately. ``body`` is the bytes as they came."""
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = hmac.new(KEY, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(signed)
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected, signature.encode()) for signature in given)


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is genuine, 401 to the rest."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one webhook."""
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(min(length, MAX_BODY_BYTES))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not genuine(headers, body):
            self.answer(401)
            return
        if headers["webhook-id"] not in seen:
            seen.add(headers["webhook-id"])
            print(json.dumps(json.loads(body)), flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        """Send a status and nothing else."""
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000), Receiver)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
