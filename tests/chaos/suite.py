"""One run: submit, rage, wait for the end, look at everything."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from models.kernel.session import is_away
from tests.chaos.faults import CLOCK_SKEWED, POISON_JOB, Controller, Fault
from tests.chaos.plan import Plan
from tests.chaos.stage import Stage, running_stage
from tests.chaos.submitting import Submitter
from tests.chaos.verdict import Lost, Seen, by_number

STILL_SECONDS = 45.0
COUNTS = """
SELECT count(*) AS jobs, count(*) FILTER (WHERE status IN ('succeeded', 'failed', 'cancelled')) AS ended FROM jobs
"""
STATUSES = "SELECT (payload ->> 'number')::int AS number, status FROM jobs"
EFFECTS = "SELECT number, part, count(*)::int FROM chaos_effects GROUP BY number, part"
SKEWED = "SELECT count(*)::int FROM chaos_effects WHERE by_worker - by_database > interval '30 min'"
LOST = """
SELECT lost.job_id::text AS job, jobs.kind, lost.worker, lost.started_at, lost.finished_at AS lost_at,
       coalesce(next.started_at, jobs.finished_at) AS next_at
FROM job_attempts lost
JOIN jobs ON jobs.id = lost.job_id
LEFT JOIN job_attempts next ON next.job_id = lost.job_id AND next.attempt = lost.attempt + 1
WHERE lost.outcome = 'lost'
"""


async def run(plan: Plan, folder: Path, tell: Callable[[str], None], on_fault: Callable[[Fault], None]) -> Seen:
    async with running_stage(plan, folder, tell) as stage:
        began = datetime.now(UTC)
        submitter = Submitter(plan, stage.apis, stage.api_keys)
        controller = Controller(stage, plan, on_fault)
        watch = asyncio.create_task(_watch(stage, submitter, tell))
        submitting = asyncio.create_task(submitter.submit_all())
        await controller.rage()
        await _until_ended(stage, submitting, plan.ending_seconds)
        watch.cancel()
        skewed = Fault(CLOCK_SKEWED, "worker-b", began, datetime.now(UTC))
        return await _look(stage, submitter, [*controller.faults, skewed])


async def _until_ended(stage: Stage, submitting: asyncio.Task[None], seconds: float) -> None:
    """Bounded, with more time for as long as jobs end: on a slow machine a job that waits its turn is not lost yet.

    A submission that is not through by then is given up.
    """
    loop = asyncio.get_running_loop()
    deadline, most = loop.time() + seconds, loop.time() + 5 * seconds
    ended = -1
    while loop.time() < min(deadline, most):
        counts = (await stage.sql(COUNTS))[0]
        if submitting.done() and counts["ended"] == counts["jobs"]:
            return
        if counts["ended"] > ended:
            ended, deadline = counts["ended"], max(deadline, loop.time() + STILL_SECONDS)
        await asyncio.sleep(0.5)
    submitting.cancel()


async def _watch(stage: Stage, submitter: Submitter, tell: Callable[[str], None]) -> None:
    while True:
        try:
            ended = str((await stage.sql(COUNTS))[0]["ended"])
        except Exception as error:
            if not is_away(error):
                raise
            ended = "?"
        tell(f"{len(submitter.accepted):,} accepted, {ended} ended, {submitter.repeated:,} submissions repeated")
        await asyncio.sleep(1)


async def _look(stage: Stage, submitter: Submitter, faults: list[Fault]) -> Seen:
    async with aiohttp.ClientSession() as http, http.get(stage.counter + "/calls") as answer:
        calls = await answer.json()
    lost = await stage.sql(LOST)
    poisoned = [_poison(row) for row in lost if row["kind"] == "chaos.poison"]
    return Seen(
        accepted=submitter.accepted.keys(),
        statuses={row["number"]: row["status"] for row in await stage.sql(STATUSES)},
        effects=by_number([tuple(row) for row in await stage.sql(EFFECTS)]),
        calls=[(number, step, keys) for number, step, keys in calls],
        lost_attempts=[Lost(row["job"], _pid(row), row["started_at"], row["lost_at"], row["next_at"]) for row in lost],
        skewed_effects=(await stage.sql(SKEWED))[0]["count"],
        refusals=submitter.refusals,
        faults=[*faults, *poisoned],
    )


def _poison(row: asyncpg.Record) -> Fault:
    return Fault(POISON_JOB, row["worker"], row["started_at"], row["started_at"], [_pid(row)])


def _pid(row: asyncpg.Record) -> int:
    return int(row["worker"].rpartition(":")[2])
