"""A webhook receiver as a customer would write it: verifies with the official library, keeps what it got.

    BELLWORK_DEMO_SECRET=whsec_… python -m cli.demo.receiver PORT FILE

It runs as a process of its own. To be an ordinary receiver it fails at times: it refuses the first requests
it gets, whatever they are, and the first try of about every tenth event after that. Each request becomes one
line of FILE; `GET /counts` tells how many there were.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

FIRST_REFUSED = 12
_EVERY = 10


class Receiver:
    def __init__(self, secret: str, file: IO[str]) -> None:
        self._webhook = Webhook(secret)
        self._file = file
        self._tries: dict[str, int] = {}
        self.counts = {"requests": 0, "events": 0, "refused": 0, "forged": 0}
        self._arrived: set[str] = set()

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.text()
        id_ = request.headers.get("webhook-id", "")
        try:
            payload = self._webhook.verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            return self._answer(401, id_, {"error": str(error)})
        self._tries[id_] = self._tries.get(id_, 0) + 1
        return self._answer(503 if self._is_bad_moment(id_) else 204, id_, payload)

    async def tell_counts(self, request: web.Request) -> web.Response:
        return web.json_response(self.counts)

    def _is_bad_moment(self, id_: str) -> bool:
        first_try = self._tries[id_] == 1
        return self.counts["requests"] < FIRST_REFUSED or (first_try and sum(id_.encode()) % _EVERY == 0)

    def _answer(self, status: int, id_: str, payload: Any) -> web.Response:
        self.counts["requests"] += 1
        self.counts["refused"] += status == 503
        self.counts["forged"] += status == 401
        if status == 204:
            self._arrived.add(id_)
        self.counts["events"] = len(self._arrived)
        line = {
            "receivedAt": datetime.now(UTC).isoformat(), "id": id_, "try": self._tries.get(id_, 0), "answer": status,
            "verified": status != 401, "payload": payload,
        }  # fmt: skip
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
        return web.Response(status=status)


def main(port: int, path: Path) -> None:
    with path.open("w") as file:
        receiver = Receiver(os.environ["BELLWORK_DEMO_SECRET"], file)
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/hooks", receiver.receive)
        app.router.add_get("/counts", receiver.tell_counts)
        web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
