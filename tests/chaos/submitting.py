"""Clients that submit as one should: with a key, kept over all repetitions; or without one, by the tag of which it can
be seen afterwards whether a submit whose answer was cut off had been taken."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.chaos.client import Answer, Client
from tests.chaos.plan import Order, Plan, Work, paced

SUBMITTERS = 24
WAIT_SECONDS, LOOK_SECONDS = 0.2, 2.0
OnAccepted = Callable[[Order, UUID], None]


class Submitter:
    """`accepted` holds of each number the job (or its batch) that was answered with, or found."""

    def __init__(self, plan: Plan, client: Client, api_keys: list[str], on_accepted: OnAccepted) -> None:
        self._plan = plan
        self._client = client
        self._api_keys = api_keys
        self._on_accepted = on_accepted
        self.accepted: dict[int, UUID] = {}
        self.repeated = 0
        self.found = 0
        self.keyless = 0
        self.refusals: list[str] = []
        self._bodies: dict[int, dict[str, object]] = {}

    async def submit_all(self) -> None:
        """Spread over the storm; ends when each is answered."""
        due = paced(self._plan.orders(), self._plan.submitting_seconds)
        started = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for _ in range(SUBMITTERS):
                group.create_task(self._submit_in_turn(due, started, group))

    async def _submit_in_turn(
        self, due: Iterator[tuple[float, Order]], started: float, group: asyncio.TaskGroup
    ) -> None:
        for second, order in due:
            await asyncio.sleep(started + second - asyncio.get_running_loop().time())
            if order.keyed:
                await self._submit_with_key(order)
            elif await self._is_in_doubt(order):
                group.create_task(self._clear_up(order))

    async def _submit_with_key(self, order: Order) -> None:
        while (answer := await self._send(order)).settles_nothing:
            await self._before_repeating()
        self._settle(order, answer)

    async def _is_in_doubt(self, order: Order) -> bool:
        """Whether a server may have taken it, or take it still, without having said so."""
        while (answer := await self._send(order)).settles_nothing:
            if answer.arrived and answer.status != 429:
                return True
            await self._before_repeating()
        self._settle(order, answer)
        return False

    async def _clear_up(self, order: Order) -> None:
        """It was taken if it is there; if it is not by the time no server can have it in hand any more, it was not."""
        while (found := await self._find(order, self._plan.doubt_seconds)) is None:
            self.repeated += 1
            if not await self._is_in_doubt(order):
                return
        self.found += 1
        self._accept(order, found)

    async def _find(self, order: Order, seconds: float) -> UUID | None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        while True:
            asked_at = clock()
            answer = await self._client.ask("GET", f"/jobs?tag={self._tag(order)}", self._key_of(order))
            if answer.is_good and answer.body["data"]:
                return UUID(answer.body["data"][0]["id"])
            if answer.is_good and asked_at > deadline:
                return None
            await asyncio.sleep(LOOK_SECONDS)

    async def _before_repeating(self) -> None:
        self.repeated += 1
        await asyncio.sleep(WAIT_SECONDS)

    def _settle(self, order: Order, answer: Answer) -> None:
        if answer.is_good:
            self._accept(order, UUID(answer.body["id"]))
        else:
            self.refusals.append(f"{answer.status} {answer.body}")

    def _accept(self, order: Order, id_: UUID) -> None:
        self.accepted |= dict.fromkeys((work.number for work in order.works), id_)
        self.keyless += 0 if order.keyed else len(order.works)
        self._on_accepted(order, id_)

    async def _send(self, order: Order) -> Answer:
        key = {"Idempotency-Key": f"chaos {self._plan.seed} {order.number}"} if order.keyed else {}
        path = "/jobs/batch" if order.is_batch else "/jobs"
        # The very same at each repetition, also the time it is for: a key stands for one request.
        body = self._bodies.setdefault(order.number, self._body(order))
        return await self._client.ask("POST", path, {**self._key_of(order), **key}, body)

    def _body(self, order: Order) -> dict[str, object]:
        jobs = [_job(work) for work in order.works]
        body: dict[str, object] = {"jobs": jobs} if order.is_batch else jobs[0]
        return body if order.keyed else {**body, "tags": [self._tag(order)]}

    def _tag(self, order: Order) -> str:
        return f"chaos-{self._plan.seed}-{order.number}"

    def _key_of(self, order: Order) -> dict[str, str]:
        return {"X-API-Key": self._api_keys[order.number % len(self._api_keys)]}


def _job(work: Work) -> dict[str, object]:
    job: dict[str, object] = {"kind": work.kind, "payload": work.payload}
    if work.later:
        job["runAt"] = (datetime.now(UTC) + timedelta(seconds=work.later)).isoformat()
    return job
