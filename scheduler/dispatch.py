"""Due jobs → broker, so many at a time that the broker's queues stay short."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from models.jobs.admission import Bundle, Rota, Window
from models.jobs.dispatching import (
    count_published,
    message_sizes,
    take_due,
    unpublish,
    unpublish_overdue,
    waiting_queues,
)
from models.jobs.rules import Queue
from models.kernel.logs import get_logger
from models.kernel.session import Database
from models.kernel.settings import Settings
from scheduler.broker import Broker, BrokerAway, Message

FULL_REST_SECONDS = 0.02
log = get_logger(__name__)


class Dispatcher:
    """Remembers, from call to call, how much each queue can take and how many jobs of a kind share a message."""

    def __init__(self, database: Database, broker: Broker, settings: Settings) -> None:
        self._database = database
        self._broker = broker
        self._settings = settings
        self._windows: defaultdict[Queue, Window] = defaultdict(Window)
        self._rotas: defaultdict[Queue, Rota] = defaultdict(Rota)
        self._sizes: Mapping[str, int] = {}
        self._full = False
        self._opens_in: float | None = None
        self.broker_away = False

    def rest_seconds(self) -> float:
        """How long after a nudge to look again: at once, or a little later when there was no room for what waits, for
        then each job that ends is a nudge."""
        return FULL_REST_SECONDS if self._full else 0.0

    def wait_seconds(self) -> float:
        """How long to wait for a nudge: no longer than until a rate that keeps jobs waiting has room again, and not at
        all while there are lines of jobs still to be looked at."""
        poll = self._settings.dispatch_poll_seconds
        return poll if self._opens_in is None else min(self._opens_in, poll)

    async def learn(self) -> int:
        """Look how long jobs take these days. To be called now and then."""
        self._sizes = await message_sizes(self._database)
        return 0

    async def dispatch(self) -> int:
        """Give the broker what waits and has room, owner by owner in turn, and return how many jobs that was.

        What a crash or the broker swallows between marking and sending is found by `redeliver`. `broker_away` says
        whether the broker was missed.
        """
        sent = 0
        waiting = await waiting_queues(self._database)
        self._full, self._opens_in, self.broker_away = False, None, False
        for queue, has_sent in waiting.items():
            try:
                sent += await self._serve(queue, has_sent)
            except BrokerAway as error:
                self.broker_away = True
                log.warning("broker_away", queue=queue, error=str(error))
                break  # a broker that hangs is not asked for each queue
        return sent

    async def _serve(self, queue: Queue, has_sent: bool) -> int:
        depth = await self._broker.depth(queue.value) if has_sent else 0
        return await self._send(queue, await self._take(queue, depth))

    async def _take(self, queue: Queue, depth: int) -> Sequence[Bundle]:
        now, window = asyncio.get_running_loop().time(), self._windows[queue]
        room = window.room(depth, now, self._settings.dispatch_window)
        if not room:
            self._full = True
            return []
        async with self._database.statements() as transaction:
            taken = await take_due(
                transaction, queue, self._settings.dispatch_window, room, self._sizes, self._rotas[queue]
            )
        if taken.bundles:  # else another dispatcher is at this queue, or nothing may go now
            window.sent(len(taken.bundles) >= room, now)
        opens_in = 0.0 if taken.more else taken.opens_in
        if opens_in is not None:
            self._opens_in = opens_in if self._opens_in is None else min(opens_in, self._opens_in)
        return taken.bundles

    async def _send(self, queue: Queue, bundles: Sequence[Bundle]) -> int:
        if not bundles:
            return 0
        ids = [id_ for bundle in bundles for id_ in bundle.ids]
        try:
            await self._broker.publish([Message(bundle.kind, queue.value, bundle.ids) for bundle in bundles])
        except BrokerAway:
            await unpublish(self._database, ids)
            raise
        return len(ids)

    async def redeliver(self) -> int:
        """Send again what the broker was given and has lost (a flush, a restart without its data, a worker's death).

        A published job that nobody claimed for a while is lost when its queue holds fewer messages than there are
        messages with unclaimed jobs; as many as are missing are sent again, so that one swallowed message is found
        behind a long queue, and a long queue is not doubled for it. Sending one twice does no harm: a claim succeeds
        once. Raises BrokerAway.
        """
        return sum([await self._redeliver(queue) for queue in Queue])

    async def _redeliver(self, queue: Queue) -> int:
        lost, patience = 0, self._settings.job_redeliver_seconds
        sent, overdue = await count_published(self._database, queue, patience)
        if overdue and (missing := sent - await self._broker.depth(queue.value)) > 0:
            lost = await unpublish_overdue(self._database, queue, patience, missing)
        if lost:
            log.warning("redelivering", queue=queue, jobs=lost)
        return lost
