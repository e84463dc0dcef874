"""The outside world: an HTTP server that counts what it is called for. No fault of the suite touches it.

Every eighth job's first call of a step is counted and answered 503, as a provider does that breaks half way.
"""

import os
from collections import Counter, defaultdict

from aiohttp import web

Calls = defaultdict[tuple[int, str], Counter[str]]
BREAKS_EVERY = 8


class Outside:
    def __init__(self) -> None:
        self.calls: Calls = defaultdict(Counter)

    async def take(self, request: web.Request) -> web.Response:
        number, step = int(request.match_info["number"]), request.match_info["step"]
        keys = self.calls[number, step]
        keys[request.headers.get("Idempotency-Key", "")] += 1
        if number % BREAKS_EVERY == 0 and keys.total() == 1:
            return web.json_response({}, status=503)
        return web.json_response({"calls": keys.total()})

    async def tell(self, _: web.Request) -> web.Response:
        """Rows of number, step, and how often each key was seen."""
        return web.json_response([[number, step, dict(keys)] for (number, step), keys in self.calls.items()])


def main() -> None:
    outside, app = Outside(), web.Application()
    app.add_routes([web.post("/calls/{number}/{step}", outside.take), web.get("/calls", outside.tell)])
    port = int(os.environ["CHAOS_COUNTER_URL"].rpartition(":")[2])
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main()
