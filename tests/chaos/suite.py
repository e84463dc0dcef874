"""One run: submit, rage, wait for the end, look at everything."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from models.kernel.session import is_away
from tests.chaos.client import Client
from tests.chaos.faults import CLOCK_SKEWED, Controller, Fault
from tests.chaos.firing import Clockwork
from tests.chaos.following import Followers
from tests.chaos.looking import look
from tests.chaos.plan import Plan
from tests.chaos.seen import Seen
from tests.chaos.stage import Stage, running_stage
from tests.chaos.submitting import Submitter

STILL_SECONDS = 45.0
TELLING_SECONDS = 30.0  # longer than a held request that is held by a server which has died
COUNTS = """
SELECT count(*) AS jobs, count(*) FILTER (WHERE status IN ('succeeded', 'failed', 'cancelled')) AS ended,
       count(*) FILTER (WHERE fire_at <= $1) AS fires
FROM jobs WHERE fire_at IS NULL OR fire_at <= $1
"""
Tell = Callable[[str], None]


async def run(plan: Plan, folder: Path, tell: Tell, on_fault: Callable[[Fault], None]) -> Seen:
    async with running_stage(plan, folder, tell) as stage, Client(stage.apis) as client:
        began = datetime.now(UTC)
        followers, clockwork = Followers(client, stage.api_keys[0]), Clockwork(client, stage.api_keys[0])
        submitter = Submitter(plan, client, stage.api_keys, followers.follow)
        controller = Controller(stage, plan, on_fault)
        await clockwork.wind()
        watch = asyncio.create_task(_watch(stage, submitter, tell))
        submitting = asyncio.create_task(submitter.submit_all())
        await controller.rage()
        over = datetime.now(UTC)
        await _until_ended(stage, submitting, over, len(clockwork.due(over)), plan.ending_seconds)
        await followers.finish(TELLING_SECONDS)
        watch.cancel()
        skewed = Fault(CLOCK_SKEWED, "worker-b", began, datetime.now(UTC))
        return await look(stage, submitter, followers, clockwork, over, [*controller.faults, skewed])


async def _until_ended(
    stage: Stage, submitting: asyncio.Task[None], over: datetime, fires: int, seconds: float
) -> None:
    """Bounded, with more time for as long as jobs end: on a slow machine a job that waits its turn is not lost yet.

    Schedules fire on; what they do after the storm is `over` is left out. A submission that is not through by then is
    given up.
    """
    loop = asyncio.get_running_loop()
    deadline, most = loop.time() + seconds, loop.time() + 5 * seconds
    ended = -1
    while loop.time() < min(deadline, most):
        counts = (await stage.sql(COUNTS, over))[0]
        if submitting.done() and counts["fires"] >= fires and counts["ended"] == counts["jobs"]:
            return submitting.result()
        if counts["ended"] > ended:
            ended, deadline = counts["ended"], max(deadline, loop.time() + STILL_SECONDS)
        await asyncio.sleep(0.5)
    submitting.cancel()
    return None


async def _watch(stage: Stage, submitter: Submitter, tell: Tell) -> None:
    while True:
        try:
            ended = str((await stage.sql(COUNTS, datetime.now(UTC)))[0]["ended"])
        except Exception as error:
            if not is_away(error):
                raise
            ended = "?"
        tell(
            f"{len(submitter.accepted):,} accepted, {ended} ended, {submitter.repeated:,} submissions repeated, "
            f"{submitter.found:,} found"
        )
        await asyncio.sleep(1)
