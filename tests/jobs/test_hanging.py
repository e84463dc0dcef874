"""What hangs without a word: an attempt is broken off where nothing answers any more, and nobody keeps its job."""

import asyncio
import os
import signal

import pytest

from models.jobs.kinds import kind_named
from models.jobs.lifecycle import LeaseLost, claim, close, keep_receipt, look_after, renew
from models.jobs.service import JobOptions, enqueue, get_job
from models.kernel import session
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from tasks.context import Tools
from tasks.heartbeat import Heartbeat
from tasks.leases import Leases
from tasks.outcomes import after_success
from tasks.runtime import Runtime
from tests.support.client import eventually
from tests.support.probes import Break, Echo, Freeze
from tests.support.tools import with_settings


async def test_an_end_that_is_never_written_loses_its_lease_and_frees_its_worker(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within two leases, however long the kind may run."""
    monkeypatch.setattr(session, "ROLLBACK_SECONDS", 0.1)
    job = await enqueue(tools.database, SYSTEM, Freeze())
    runtime = Runtime(with_settings(tools, job_lease_seconds=3.0), "w")
    work = asyncio.create_task(runtime.perform(kind_named("probe.freeze"), [job.id]))
    frozen = await eventually(lambda: frozen_of(tools.database))
    try:
        assert await work == {}
        rows = await tools.database.fetch(
            "SELECT status, lease_until < clock_timestamp() + interval '3 seconds' AS ends FROM jobs"
        )
        assert [(row["status"], row["ends"]) for row in rows] == [("running", True)]
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


async def frozen_of(database: Database) -> list[int]:
    """Server processes that are stopped."""
    rows = await database.fetch("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'")
    return [row["pid"] for row in rows if _is_stopped(row["pid"])]


def _is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


async def test_a_handler_that_does_not_let_itself_be_stopped_is_not_kept_for_ever(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    (running,) = await claim(quiet_database, [job.id], "w", 60)
    leases = Leases(quiet_database, 3.0, Heartbeat())

    async def stubborn() -> None:
        with leases.hold(running, asyncio.Event(), time_limit_seconds=0.0):
            await asyncio.Event().wait()

    with pytest.raises(LeaseLost):
        await stubborn()


async def test_a_server_that_is_slow_is_not_a_loop_that_stands_still(quiet_database: Database) -> None:
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    (running,) = await claim(quiet_database, [job.id], "w", 60)
    leases = Leases(quiet_database, 0.9, Heartbeat())
    ticks = set[float]()
    async with quiet_database.statements() as transaction:
        await transaction.fetch("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        with leases.hold(running, asyncio.Event(), time_limit_seconds=60.0) as hold:

            async def has_ticked() -> bool:
                ticks.add(leases.ticked_at)
                return len(ticks) > 8  # more than a second, in which no look is answered

            await eventually(has_ticked)
            assert not hold.blocked


async def test_a_claim_that_a_crash_has_forgotten_is_not_the_next_one_of_the_same_number(
    quiet_database: Database,
) -> None:
    """Neither of the two workers does anything in the name of the other."""
    job = await enqueue(quiet_database, SYSTEM, Echo(text="x"))
    (forgotten,) = await claim(quiet_database, [job.id], "one", 60)
    await quiet_database.execute("UPDATE jobs SET status = 'queued', attempt = 0, lease_until = NULL")
    (second,) = await claim(quiet_database, [job.id], "two", 60)
    assert forgotten.attempt == second.attempt == 1
    assert await look_after(quiet_database, [forgotten]) == {}
    lease = await lease_of(quiet_database)
    await renew(quiet_database, [forgotten], 6000)
    assert await lease_of(quiet_database) == lease
    with pytest.raises(LeaseLost):
        await keep_receipt(quiet_database, forgotten, "called", b"1")
    with pytest.raises(LeaseLost):
        await close(quiet_database, forgotten, after_success(b"{}", 0.1))
    assert await look_after(quiet_database, [second]) == {job.id: False}
    await keep_receipt(quiet_database, second, "called", b"1")
    assert await close(quiet_database, second, after_success(b"{}", 0.1)) == "succeeded"
    assert (await get_job(quiet_database, job.id)).attempt == 1


async def test_what_cannot_be_stored_of_an_error_costs_no_lease(tools: Tools) -> None:
    """It would be taken for a dead worker's, and a final one tried again."""
    jobs = [
        await enqueue(tools.database, SYSTEM, Break(text=text), JobOptions(max_attempts=1)) for text in ("NUL", "HALF")
    ]
    for job in jobs:
        await Runtime(tools, "w").perform(kind_named("probe.break"), [job.id])
        ended = await get_job(tools.database, job.id)
        assert (ended.status, b"PROVIDER_DOWN" in bytes(ended.error)) == ("failed", True)


async def lease_of(database: Database) -> object:
    return (await database.fetch("SELECT lease_until FROM jobs"))[0]["lease_until"]
