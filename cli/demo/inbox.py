"""The demo's receiver from the outside: what it should have, from the feed of events, and what it has.

It listens from before act a on, so that it has to have everything that happens.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx

from cli.demo.client import Api, Json, time_limit
from cli.demo.stage import Bar, Stage
from cli.embedded.ports import choose_port
from cli.platform import LocalPlatform
from cli.processes import ProcessSpec

_PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.25


class Inbox:
    """`file` is where the receiver writes what it gets; `start` comes first."""

    def __init__(self, api: Api, stage: Stage, file: Path) -> None:
        self._api, self._stage, self._file = api, stage, file
        self._url = ""
        self._endpoint_id = ""
        self._types: list[str] = ["*"]
        self._position = 0
        self._wanted: set[str] = set()
        self.first_position = 0

    async def start(self, platform: LocalPlatform) -> None:
        """Register the receiver, and start it with the secret that is shown once."""
        async for event in self._api.settled_events(0):
            self._position = event["position"]
        self.first_position = self._position
        self._url = f"http://127.0.0.1:{choose_port()}"
        endpoint = {"url": f"{self._url}/hooks", "eventTypes": self._types, "description": "the demo's receiver"}
        made = await self._api.post("/webhooks", endpoint, key="receiver")
        self._endpoint_id = made["id"]
        port = self._url.rpartition(":")[2]
        command = (sys.executable, "-m", "cli.demo.receiver", port, str(self._file))
        env = {**platform.env, "BELLWORK_DEMO_SECRET": made["secret"]}
        await asyncio.to_thread(platform.processes.start, [ProcessSpec("receiver", command, env, self._listens)])

    async def listen_to(self, types: list[str]) -> None:
        """From here on the receiver wants these types only."""
        await self._api.patch(f"/webhooks/{self._endpoint_id}", {"eventTypes": types})
        self._types = types

    async def wait_for_all(self) -> Json:
        """Until the receiver has everything that has happened, and the feed stays as it is. Returns the counts."""
        await self._read_feed(self._api.settled_events)
        with self._stage.bar("events arrived") as bar:
            async with time_limit(_PATIENCE_SECONDS, "not all events have arrived at the receiver"):
                while True:
                    if counts := await self._counts_of_all(bar):
                        return counts
                    await asyncio.sleep(_LOOK_SECONDS)

    async def _counts_of_all(self, bar: Bar) -> Json | None:
        """None unless they are the feed's, which has to be as long after they were asked for as before."""
        await self._read_feed(self._api.events)
        known, counts = len(self._wanted), await self._counts()
        await self._read_feed(self._api.events)
        bar.to(counts["events"], len(self._wanted))
        return counts if counts["events"] == known == len(self._wanted) > 0 else None

    def check_all(self) -> Json:
        """Compare what the receiver wrote down with the feed. Returns the figures."""
        lines = [json.loads(line) for line in self._file.read_text().splitlines()]
        taken = {line["id"]: line["payload"] for line in lines if line["answer"] == 204}
        forged = [line for line in lines if not line["verified"]]
        check = self._stage.check
        check(f"the official library verifies all {len(lines):,} requests", not forged, forged[:3])
        odd = self._wanted ^ taken.keys()
        check(f"all {len(taken):,} events of the feed arrived, and no others", not odd, odd)
        sequence = sorted(payload["sequence"] for payload in taken.values())
        unbroken = sequence == list(range(1, len(taken) + 1))
        check(f"their sequence is 1 to {len(taken):,} without a gap", unbroken, sequence[:50])
        refused = sum(line["answer"] == 503 for line in lines)
        return {"events": len(taken), "requests": len(lines), "refusedOnPurpose": refused, "lastSequence": sequence[-1]}

    async def close(self) -> None:
        """The receiver goes: nothing is to be sent there any more."""
        await self._api.delete(f"/webhooks/{self._endpoint_id}")

    async def _read_feed(self, events: Callable[[int, str], AsyncIterator[Json]]) -> None:
        async for event in events(self._position, ",".join(self._types)):
            self._wanted.add(event["id"])
            self._position = event["position"]

    async def _counts(self) -> Json:
        async with httpx.AsyncClient(trust_env=False) as client:
            counts: Json = (await client.get(f"{self._url}/counts")).json()
            return counts

    def _listens(self) -> bool:
        try:
            return httpx.get(f"{self._url}/counts", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
