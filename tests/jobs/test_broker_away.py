"""A broker that is away, or hangs: it is missed once, and said in a line."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from cli.platform import LocalPlatform
from models.jobs.rules import Queue
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM
from models.kernel.ids import new_id
from models.kernel.session import Database
from models.kernel.settings import Settings
from scheduler.broker import Broker, BrokerAway, Message
from scheduler.dispatch import Dispatcher
from tests.support.probes import Batch, Echo
from tests.support.servers import REPOSITORY

SENT = "UPDATE jobs SET published_at = clock_timestamp() - interval '1 minute', message_id = id WHERE id = $1"
NOWHERE = "redis://127.0.0.1:1/0"


class HangingBroker:
    """Answers nothing; whoever asks it waits for long."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        await self.depth(messages[0].queue)

    async def depth(self, queue: str) -> int:
        self.asked.append(queue)
        raise BrokerAway("a time-out")


@pytest.mark.parametrize("sent_before", [True, False], ids=["asked for what it holds", "asked to take something"])
async def test_a_broker_that_hangs_is_asked_once_and_not_for_each_queue(
    quiet_database: Database, settings: Settings, sent_before: bool
) -> None:
    jobs = [await enqueue(quiet_database, SYSTEM, args) for args in (Echo(text="x"), Batch(label="x")) * 2]
    for job in jobs[2:] if sent_before else []:
        await quiet_database.execute(SENT, job.id)
    broker = HangingBroker()
    dispatcher = Dispatcher(quiet_database, cast(Broker, broker), settings)
    assert (await dispatcher.dispatch(), len(broker.asked), dispatcher.broker_away) == (0, 1, True)
    waiting = await quiet_database.fetch("SELECT 1 FROM jobs WHERE published_at IS NULL")
    assert len(waiting) == (2 if sent_before else 4)


async def test_who_waited_for_a_call_that_failed_does_not_call_as_well(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def hang(_: Broker, queue: str) -> int:
        calls.append(queue)
        raise TimeoutError

    broker = Broker(settings)
    monkeypatch.setattr(Broker, "_depth", hang)
    depths = await asyncio.gather(*(broker.depth(queue) for queue in Queue), return_exceptions=True)
    assert {type(depth) for depth in depths} == {BrokerAway}
    assert calls == [Queue.DEFAULT]
    monkeypatch.undo()
    assert await broker.depth(f"nothing-{new_id()}") == 0


async def test_a_scheduler_whose_broker_is_away_says_so_and_shows_no_stack(
    platform: LocalPlatform, quiet_database: Database, tmp_path: Path
) -> None:
    env = {
        **platform.env, "BELLWORK_DATABASE_URL": quiet_database.url, "BELLWORK_BROKER_URL": NOWHERE,
        "BELLWORK_SCRATCH_DIR": str(tmp_path),
    }  # fmt: skip
    lost = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    await quiet_database.execute(SENT, lost.id)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scheduler", env=env, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            lines = await _lines_until(process, b'"broker_away"', 3)
    finally:
        process.terminate()
        lines += [await _rest(process)]
    assert b"step_failed" not in b"".join(lines)
    assert (tmp_path / f"bellwork-scheduler-{os.getuid()}.beat").exists()


async def _lines_until(process: asyncio.subprocess.Process, wanted: bytes, times: int) -> list[bytes]:
    assert process.stdout is not None
    lines: list[bytes] = []
    while sum(wanted in line for line in lines) < times:
        lines.append(await process.stdout.readline())
        assert lines[-1], b"".join(lines).decode()
    return lines


async def _rest(process: asyncio.subprocess.Process) -> Any:
    return (await process.communicate())[0]
