"""`python -m scheduler`: publishes what is due, takes back what died, sends events on their way, sweeps.

Run any number: each step takes its rows with locks that skip what another copy holds.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop

import models.all_contexts  # noqa: F401
from models.jobs.batches import Reached
from models.kernel.logs import configure_logging, get_logger
from models.kernel.session import Database, is_away
from models.kernel.settings import Settings, get_settings
from models.kernel.signals import WORK_DUE, Listener, Nudger
from models.webhooks.fan_out import FanOut
from scheduler.batches import Batches
from scheduler.broker import Broker, BrokerAway
from scheduler.canary import send_canaries
from scheduler.cron import fire_schedules
from scheduler.dispatch import Dispatcher
from scheduler.due import move_due
from scheduler.expire import expire_late
from scheduler.heartbeat import Heartbeat
from scheduler.prune import prune
from scheduler.rescue import rescue_lost
from scheduler.statistics import count_statistics

log = get_logger("scheduler")
RESCUE_SECONDS = 1.0
EXPIRE_SECONDS = 1.0
DUE_SECONDS = 0.2
LEARN_SECONDS = 1.0
CRON_SECONDS = 1.0
BATCH_SECONDS = 0.25
CANARY_SECONDS = 10.0
STATISTICS_SECONDS = 5.0
PRUNE_SECONDS = 300.0
FIRST_REST_SECONDS = 0.01
LONGEST_REST_SECONDS = 0.03
FAN_OUT_REST_SECONDS = 0.1
# One that is paused (its machine moves, say) holds the locks by which a thing is done by one scheduler at a time.
PAUSED_SECONDS = 5.0
Step = Callable[[], Awaitable[int]]


class Scheduler:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = database_of(settings)
        self._broker = Broker(settings)
        self._dispatcher = Dispatcher(self._database, self._broker, settings)
        self._batches = Batches(self._database)
        self._heartbeat = Heartbeat(self._database)
        self._fan_out = FanOut(self._database)
        self._listener = Listener(self._database, WORK_DUE)
        self._nudger = Nudger(self._database)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; each step under way is finished."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        self._listener.start()
        poll = self._settings.dispatch_poll_seconds
        log.info("started")
        try:
            await asyncio.gather(
                self._when_due(
                    self._publish_events, lambda: poll, after=lambda: FIRST_REST_SECONDS, longest=FAN_OUT_REST_SECONDS
                ),
                self._every(CRON_SECONDS, self._fire_schedules),
                self._when_due(self._dispatch, self._dispatcher.wait_seconds, self._dispatcher.rest_seconds),
                self._every(RESCUE_SECONDS, lambda: rescue_lost(self._database)),
                self._every(EXPIRE_SECONDS, self._expire),
                self._every(RESCUE_SECONDS, self._dispatcher.redeliver),
                self._every(LEARN_SECONDS, self._dispatcher.learn),
                self._every(DUE_SECONDS, self._become_due),
                self._every(BATCH_SECONDS, self._batches.end_finished),
                self._every(CANARY_SECONDS, lambda: send_canaries(self._database, self._broker)),
                self._every(STATISTICS_SECONDS, lambda: count_statistics(self._database)),
                self._every(PRUNE_SECONDS, self._prune),
            )
        finally:
            await self._listener.stop()
            self._broker.close()
            await self._database.close()
            log.info("stopped")

    async def _publish_events(self) -> int:
        if events := await self._fan_out.step():
            self._nudger.nudge()
        return events

    async def _dispatch(self) -> int:
        self._heartbeat.beat()
        try:
            sent = await self._dispatcher.dispatch()
            await self._heartbeat.show(broker_away=self._dispatcher.broker_away)
            return sent
        finally:
            self._heartbeat.beat()

    async def _become_due(self) -> int:
        jobs = 0
        async for chunk in move_due(self._database):
            jobs += chunk
            self._nudger.nudge()
            if self._stopping.is_set():
                break
        return jobs

    async def _fire_schedules(self) -> int:
        if jobs := await fire_schedules(self._database):
            self._nudger.nudge()
        return jobs

    async def _expire(self) -> int:
        expired = 0
        while not self._stopping.is_set() and (chunk := await expire_late(self._database)):
            expired += chunk
        return expired

    async def _prune(self) -> int:
        """Until there is nothing more to forget, a breath between the chunks."""
        gone, reached = 0, Reached()
        while chunk := await prune(self._database, self._settings, reached):
            gone += chunk
            await self._pause(0.1)
            if self._stopping.is_set():
                break
        return gone

    async def _when_due(
        self, step: Step, within: Callable[[], float], after: Callable[[], float], longest: float = LONGEST_REST_SECONDS
    ) -> None:
        """At each nudge (`after` seconds later), and `within` so many without one; again while there is work.

        Each rest is longer than the one before while there is, up to the `longest`: what comes by the thousand is met
        together.
        """
        rest = FIRST_REST_SECONDS
        with self._listener.subscribe(WORK_DUE) as nudged:
            while not self._stopping.is_set():
                nudged.clear()
                if await self._guarded(step):
                    await self._pause(rest)
                    rest = min(rest * 1.5, longest)
                else:
                    rest = FIRST_REST_SECONDS
                    await self._pause(within(), nudged)
                    await self._pause(after())

    async def _every(self, seconds: float, step: Step) -> None:
        while not self._stopping.is_set():
            await self._guarded(step)
            await self._pause(seconds)

    async def _guarded(self, step: Step) -> int:
        """A step's error never ends the scheduler: what is away comes back."""
        try:
            return await step()
        except Exception as error:
            if isinstance(error, BrokerAway):
                log.warning("broker_away", error=str(error))
            elif is_away(error):
                log.warning("postgresql_away", error=repr(error))
            else:
                log.exception("step_failed")
            await self._pause(0.5)
            return 0

    async def _pause(self, seconds: float, *wakers: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, *wakers)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def database_of(settings: Settings) -> Database:
    return Database(
        settings.asyncpg_dsn,
        pool_size=min(settings.database_pool_size, 5),
        application="bellwork-scheduler",
        idle_in_transaction_seconds=PAUSED_SECONDS,
        by_index=True,
    )


def main() -> None:
    settings = get_settings()
    configure_logging(settings.log_level, settings.log_format)
    uvloop.run(Scheduler(settings).run())


if __name__ == "__main__":
    main()
