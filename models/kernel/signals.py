"""Wake-ups between processes over PostgreSQL's LISTEN/NOTIFY. Hints only: whoever listens also looks now and then."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator

import asyncpg

from models.kernel.logs import get_logger
from models.kernel.session import Database, is_away

WORK_DUE = "bellwork_due"
JOB_CHANGED = "bellwork_job"
REST_SECONDS = 0.02
NOTIFY = "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS notice (channel, payload)"
log = get_logger(__name__)


class Nudger:
    """Gives notices after a commit. Those that come together, or in a quick row, travel in one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[tuple[str, str], None] = {}
        self._hurry = asyncio.Event()

    def nudge(self) -> None:
        """There is work."""
        self.tell(WORK_DUE)

    def tell(self, channel: str, payload: str = "") -> None:
        self._waiting[channel, payload] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._notify())

    async def _notify(self) -> None:
        while self._waiting:
            notices, self._waiting = list(self._waiting), {}
            try:
                await self._database.fetch(NOTIFY, *map(list, zip(*notices, strict=True)))
            except Exception as error:
                if not is_away(error):
                    raise
            if self._waiting:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), REST_SECONDS)

    async def settle(self) -> None:
        """Wait until all notices have been given."""
        if self._task is not None:
            self._hurry.set()
            await asyncio.wait([self._task])
            self._hurry.clear()


class Listener:
    """One LISTEN connection for the whole process; any number of waiters, by channel and payload."""

    def __init__(self, database: Database, *channels: str) -> None:
        self._database = database
        self._channels = channels
        self._waiters: dict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def subscribe(self, channel: str, payload: str = "") -> Iterator[asyncio.Event]:
        """Gives an event that is set at each notice for the payload (`""`: for any), and once after a reconnect."""
        event = asyncio.Event()
        key = (channel, payload)
        self._waiters[key].add(event)
        try:
            yield event
        finally:
            self._waiters[key].discard(event)
            if not self._waiters[key]:
                del self._waiters[key]

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen_forever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _listen_forever(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:
                if not is_away(error):
                    log.exception("listener_failed")
            await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        connection = await self._database.connect_raw()
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            for channel in self._channels:
                await connection.add_listener(channel, self._heard)
            self._wake_all()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), timeout=15)
                if not lost.is_set():
                    await connection.execute("SELECT 1", timeout=5)
        finally:
            connection.terminate()

    def _heard(self, _connection: "asyncpg.Connection[asyncpg.Record]", _pid: int, channel: str, payload: str) -> None:
        for key in {(channel, payload), (channel, "")}:
            for event in self._waiters.get(key, ()):
                event.set()

    def _wake_all(self) -> None:
        for events in self._waiters.values():
            for event in events:
                event.set()
