"""A receiver of Bellwork's webhooks, with nothing but the standard library: `python3 examples/receiver.py PORT SECRET`.

It checks what a receiver has to check (who sent it, when, and whether it came before) and prints what is new.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE_SECONDS = 300
seen: set[str] = set()


def is_genuine(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Standard Webhooks: one of the signatures is that of `id.timestamp.body`, and it was made just now."""
    id_, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest())
    given = [part.removeprefix("v1,").encode() for part in headers["webhook-signature"].split()]
    return any(hmac.compare_digest(expected, each) for each in given)


class Receiver(BaseHTTPRequestHandler):
    secret = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not is_genuine(self.secret, headers, body):
            self.send_response(401)
        else:
            self.send_response(204)
            self.take(headers["webhook-id"], body)
        self.end_headers()

    def take(self, id_: str, body: bytes) -> None:
        """An event may come more than once, always with the same id."""
        if id_ in seen:
            return
        seen.add(id_)
        event = json.loads(body)
        print(event["sequence"], event["type"], json.dumps(event["data"], ensure_ascii=False), flush=True)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: only what is new is printed."""


if __name__ == "__main__":
    Receiver.secret = sys.argv[2]
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
