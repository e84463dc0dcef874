"""What is done to the platform, and the controller that does it: two lanes side by side, each in a random order."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from random import Random

import msgspec

from tests.chaos.plan import Plan
from tests.chaos.stage import Stage

POSTGRES_DOWN_SECONDS = (0.0, 3.0)
CALM_START_SECONDS = 3.0
RESTART_SECONDS = 60.0
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < $1
"""
PROCESS_FAULTS = (
    "worker_killed", "worker_child_killed", "scheduler_killed", "api_killed",
    "worker_paused", "worker_child_paused", "scheduler_paused", "api_paused",
)  # fmt: skip
SERVER_FAULTS = ("broker_flushed", "broker_stopped", "postgres_stopped", "postgres_killed", "connections_cut")
CLOCK_SKEWED, POISON_JOB = "clock_skewed", "poison_job"
ALL_FAULTS = {*PROCESS_FAULTS, *SERVER_FAULTS, CLOCK_SKEWED, POISON_JOB}


class Fault(msgspec.Struct, frozen=True, rename="camel"):
    """`pids` are the processes it hit; none for what hits everybody. A kill ends when it begins."""

    kind: str
    target: str
    started_at: datetime
    ended_at: datetime
    pids: list[int] = []


class Controller:
    """Deals each lane's faults like a deck of cards, again and again until the storm is over, and all at least once."""

    def __init__(self, stage: Stage, plan: Plan, tell: Callable[[Fault], None]) -> None:
        self._stage = stage
        self._plan = plan
        self._tell = tell
        self._outages = 0
        self.faults: list[Fault] = []

    async def rage(self) -> None:
        """After a calm start. Everything runs again, or is being started again, when this returns."""
        await asyncio.sleep(CALM_START_SECONDS)
        until = asyncio.get_running_loop().time() + self._plan.storm_seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deal(PROCESS_FAULTS, self._hit_process, until))
            group.create_task(self._deal(SERVER_FAULTS, self._hit_server, until))

    async def _deal(self, deck: Sequence[str], hit: Callable[[str, Random], Awaitable[None]], until: float) -> None:
        chance, dealt = self._plan.random(deck[0]), 0
        calm = self._plan.calm_seconds(deck is SERVER_FAULTS)
        while dealt < len(deck) or asyncio.get_running_loop().time() < until:
            for kind in chance.sample(deck, len(deck)):
                if dealt >= len(deck) and asyncio.get_running_loop().time() >= until:
                    return
                await asyncio.sleep(chance.uniform(*calm))
                await hit(kind, chance)
                dealt += 1

    async def _hit_process(self, kind: str, chance: Random) -> None:
        sort, _, _ = kind.partition("_")
        name = f"{sort}-{chance.choice('ab')}"
        pids = await self._pids_of(name)
        if "child" in kind:
            pids = [chance.choice(pids[1:])]
        started = _now()
        _signal(pids, signal.SIGKILL if kind.endswith("killed") else signal.SIGSTOP)
        if kind.endswith("paused"):
            try:
                await asyncio.sleep(self._plan.pause_seconds)
            finally:
                _signal(pids, signal.SIGCONT)
        self._note(kind, name, started, pids)

    async def _pids_of(self, name: str) -> list[int]:
        """Once it has come up after what hit it before, with a child where it has children."""
        children = 0 if name.startswith("scheduler") else 1
        async with asyncio.timeout(RESTART_SECONDS):
            while True:
                pids = await asyncio.to_thread(self._stage.pids, name)
                if len(pids) > children:
                    return pids
                await asyncio.sleep(0.2)

    async def _hit_server(self, kind: str, chance: Random) -> None:
        started, stage = _now(), self._stage
        if kind == "broker_flushed":
            await asyncio.to_thread(stage.flush)
        elif kind == "broker_stopped":
            await stage.with_servers(stage.valkey.stop)
            await asyncio.sleep(self._outage_seconds())
            await stage.with_servers(stage.valkey.start)
        elif kind == "connections_cut":
            await stage.sql(CUT, chance.choice([0.5, 1.0]))
        else:
            await stage.with_servers(stage.postgres.kill if kind == "postgres_killed" else stage.postgres.stop)
            await asyncio.sleep(chance.uniform(*POSTGRES_DOWN_SECONDS))
            await stage.with_servers(stage.postgres.start)
        self._note(kind, kind.partition("_")[0], started, [])

    def _outage_seconds(self) -> float:
        self._outages += 1
        return self._plan.outage_seconds / (1 if self._outages == 1 else 6)

    def _note(self, kind: str, target: str, started: datetime, pids: list[int]) -> None:
        ended = started if kind.endswith(("killed", "flushed", "cut")) and pids else _now()
        fault = Fault(kind, target, started, ended, pids)
        self.faults.append(fault)
        self._tell(fault)


def _now() -> datetime:
    return datetime.now(UTC)


def _signal(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
