"""A client as one should be: a key for each job, kept over all repetitions, and the other server when one is silent."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import cycle
from uuid import UUID

import aiohttp

from tests.chaos.plan import Plan, Work, paced

CONNECTIONS = 24
TIMEOUT = aiohttp.ClientTimeout(total=5.0)
WAIT_SECONDS = 0.2


class Submitter:
    """`accepted` holds the job of each number that was answered with 200 or 202."""

    def __init__(self, plan: Plan, servers: list[str], api_keys: list[str]) -> None:
        self._plan = plan
        self._servers = cycle(servers)
        self._api_keys = api_keys
        self.accepted: dict[int, UUID] = {}
        self.repeated = 0
        self.refusals: list[str] = []

    async def submit_all(self) -> None:
        """Spread over the storm; ends when each is answered."""
        due = paced(self._plan.works(), self._plan.submitting_seconds)
        started = asyncio.get_running_loop().time()
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http, asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._submit_in_turn(http, due, started))

    async def _submit_in_turn(
        self, http: aiohttp.ClientSession, due: Iterator[tuple[float, Work]], started: float
    ) -> None:
        for second, work in due:
            await asyncio.sleep(started + second - asyncio.get_running_loop().time())
            await self._submit(http, work)

    async def _submit(self, http: aiohttp.ClientSession, work: Work) -> None:
        headers = {
            "X-API-Key": self._api_keys[work.number % len(self._api_keys)],
            "Idempotency-Key": f"chaos {self._plan.seed} {work.number}",
        }
        body = {"kind": work.kind, "payload": work.payload}
        while not await self._try(http, work.number, body, headers):
            self.repeated += 1
            await asyncio.sleep(WAIT_SECONDS)

    async def _try(
        self, http: aiohttp.ClientSession, number: int, body: Mapping[str, object], headers: dict[str, str]
    ) -> bool:
        """Whether there was an answer that settles it."""
        try:
            async with http.post(f"{next(self._servers)}/api/v1/jobs", json=body, headers=headers) as answer:
                if answer.status in (200, 202):
                    self.accepted[number] = UUID((await answer.json())["id"])
                    return True
                if answer.status in (409, 429) or answer.status >= 500:
                    return False
                self.refusals.append(f"{answer.status} {await answer.text()}")
                return True
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return False
