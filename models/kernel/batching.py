"""Natural batching: what is asked while an earlier question is under way is asked together, in one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from models.kernel.session import Database, is_away

K = TypeVar("K")
V = TypeVar("V")


class Batcher(Generic[K, V]):
    """Gives each item its own answer. Nobody waits for a batch to fill: an item goes at once, together with those that
    came in the same moment, unless `lanes` statements are under way already.

    `work` answers a sequence in its order. When it fails, each item is tried alone, so that one bad item fails only
    for who sent it.
    """

    def __init__(
        self, work: Callable[[Sequence[K]], Awaitable[Sequence[V]]], *, size: int = 200, lanes: int = 2
    ) -> None:
        self._work = work
        self._size = size
        self._free_lanes = lanes
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, item: K) -> V:
        answer: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._free_lanes:
            self._free_lanes -= 1
            lane = asyncio.create_task(self._run())
            self._running.add(lane)
            lane.add_done_callback(self._running.discard)
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
                await self._answer(batch)
        finally:
            self._free_lanes += 1

    async def _answer(self, batch: Sequence[tuple[K, asyncio.Future[V]]]) -> None:
        try:
            values = await self._work([item for item, _ in batch])
        except Exception as error:
            if len(batch) == 1 or is_away(error):
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for alone in batch:
                    await self._answer([alone])
            return
        for (_, answer), value in zip(batch, values, strict=True):
            if not answer.done():
                answer.set_result(value)


_batchers: WeakKeyDictionary[Database, dict[Any, Batcher[Any, Any]]] = WeakKeyDictionary()


async def together(database: Database, work: Callable[[Database, Sequence[K]], Awaitable[Sequence[V]]], item: K) -> V:
    """The item's answer from `work`, in one statement with what others ask of the same work at the same moment."""
    batchers = _batchers.setdefault(database, {})
    if work not in batchers:
        batchers[work] = Batcher(partial(work, database))
    answer: V = await batchers[work].ask(item)
    return answer
