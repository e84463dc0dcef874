"""Clients that wait for the end of a job, and clients that cancel one. They come back until they were answered."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import aiohttp
import msgspec

from tests.chaos.checks import FINISHED
from tests.chaos.client import PAUSE_SECONDS, Client
from tests.chaos.plan import Following, Order, Work

HOLD_SECONDS = 20
LONGEST_SILENCE_SECONDS = 20.0  # a stream pings before that
OF_A_STREAM = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=LONGEST_SILENCE_SECONDS)


class Followers:
    """`told` holds by number the state that a waiting client was told at the end, `verdicts` what a cancel came to."""

    def __init__(self, client: Client, api_key: str) -> None:
        self._client = client
        self._key = {"X-API-Key": api_key}
        self._tasks: set[asyncio.Task[None]] = set()
        self.told: dict[int, str] = {}
        self.verdicts: dict[int, str] = {}
        self.refusals: list[str] = []

    def follow(self, order: Order, id_: UUID) -> None:
        """To be called once it was accepted."""
        for work in order.works:
            if work.followed_by == Following.WAIT:
                self._start(self._wait(work.number, id_))
            elif work.followed_by == Following.STREAM:
                self._start(self._listen(work.number, id_))
            if work.cancelled_after is not None:
                self._start(self._cancel(work, id_))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    async def finish(self, seconds: float) -> None:
        """Who has not been answered by then never will be."""
        if self._tasks:
            done, left = await asyncio.wait(self._tasks, timeout=seconds)
            for task in left:
                task.cancel()
            for task in done:
                task.result()

    async def _wait(self, number: int, id_: UUID) -> None:
        headers = {**self._key, "Prefer": f"wait={HOLD_SECONDS}"}
        while True:
            answer = await self._client.ask("GET", f"/jobs/{id_}", headers, patience=HOLD_SECONDS + 5.0)
            if not answer.is_good and not answer.settles_nothing:
                return self._refuse("waiting", number, answer.status, answer.body)
            if answer.is_good and answer.body["status"] in FINISHED:
                self.told[number] = answer.body["status"]
                return None
            await asyncio.sleep(PAUSE_SECONDS)

    async def _cancel(self, work: Work, id_: UUID) -> None:
        assert work.cancelled_after is not None
        await asyncio.sleep(work.cancelled_after)
        headers = {**self._key, "Prefer": "wait=1"}
        answer = await self._client.insist("POST", f"/jobs/{id_}/cancel", headers)
        if answer.is_good:
            self.verdicts[work.number] = answer.body["verdict"]
        else:
            self._refuse("cancelling", work.number, answer.status, answer.body)

    async def _listen(self, number: int, id_: UUID) -> None:
        """As an EventSource does: after each cut it says what it has seen."""
        seen: list[str] = []
        while number not in self.told:
            headers = {**self._key, "Last-Event-ID": seen[-1]} if seen else self._key
            try:
                url = self._client.url(f"/jobs/{id_}/events")
                async with self._client.http.get(url, headers=headers, timeout=OF_A_STREAM) as answer:
                    if answer.status == 204 or answer.status in range(400, 429):
                        return self._refuse("a stream", number, answer.status, await answer.text())
                    if answer.status == 200:
                        await self._read(number, answer.content, seen)
            except (aiohttp.ClientError, TimeoutError, ConnectionError):
                pass
            await asyncio.sleep(PAUSE_SECONDS)
        return None

    async def _read(self, number: int, lines: aiohttp.StreamReader, seen: list[str]) -> None:
        """Up to the end of the stream or of the job; notes the ids of whole events."""
        event: dict[str, str] = {}
        async for line in lines:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            event[name] = value
            if line != b"\n":
                continue
            if "id" in event:
                seen.append(event["id"])
            if event.get("event") == "end":
                self.told[number] = msgspec.json.decode(event["data"])["status"]
            event = {}

    def _refuse(self, what: str, number: int, status: int, body: object) -> None:
        self.refusals.append(f"{what} for job {number} was answered {status}: {body}")
