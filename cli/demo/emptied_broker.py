"""FLUSHALL while jobs wait in the broker: they end all the same, each with its effects once."""

import asyncio
import secrets
from collections import Counter

from redis.asyncio import Redis

from cli.demo.client import Json, in_parallel, time_limit
from cli.demo.killed_worker import WORKER
from cli.demo.scene import Scene
from cli.demo.stage import Bar

JOBS = 200
_LANE = "exports"
_PATIENCE_SECONDS = 120.0


async def empty_the_broker(scene: Scene) -> Json:
    """The worker rests, jobs wait in the broker, the broker forgets them, the worker comes back."""
    await asyncio.to_thread(scene.platform.processes.pause, WORKER)
    mailbox = f"office-{secrets.token_hex(4)}@school.example"
    jobs = await _submit(scene, mailbox)
    before, after = await _flush(scene)
    scene.platform.processes.resume(WORKER)
    with scene.stage.bar("done after the flush, mails sent", JOBS) as bar:
        await _wait_for_mails(scene, mailbox, bar)
    rows = scene.api.pages("/jobs", kind="exports.create")
    ends = Counter([job["status"] async for job in rows if job["id"] in jobs])
    scene.stage.check(f"all {JOBS} jobs succeed all the same", ends == {"succeeded": JOBS}, ends)
    effects = await _count_effects(scene, jobs, mailbox)
    text = f"each has one file, one end, one announcement and one mail: {JOBS} of each"
    scene.stage.check(text, effects == dict.fromkeys(effects, JOBS), effects)
    return {"jobs": len(jobs), "messagesBefore": before, "messagesAfter": after, "effects": effects}


async def _submit(scene: Scene, mailbox: str) -> set[str]:
    jobs: set[str] = set()
    body = {"resource": "customers", "format": "csv", "filters": {"city": "Haifa"}, "notifyEmail": mailbox}

    async def submit(number: int) -> None:
        jobs.add((await scene.api.start("/exports", body, key=f"waiting-{number}"))["id"])

    with scene.stage.bar("jobs submitted, nobody works", JOBS) as bar:
        await in_parallel(range(JOBS), submit, bar)
    return jobs


async def _flush(scene: Scene) -> tuple[int, int]:
    """Empty the broker; returns how many messages its lane had before and after.

    A server that is not the demo's own loses the database it was named with, not the others.
    """
    async with Redis.from_url(scene.platform.settings["BELLWORK_REDIS_URL"]) as broker:
        async with time_limit(30, "the jobs have not been given to the broker"):
            while not (before := await broker.llen(_LANE)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        is_own = scene.platform.valkey is not None
        await (broker.flushall() if is_own else broker.flushdb())
        after = await broker.llen(_LANE)
    command = "FLUSHALL" if is_own else "FLUSHDB"
    scene.stage.tell(f"{command}: of {JOBS} waiting jobs the broker held {before}, and holds {after} now")
    return before, after


async def _wait_for_mails(scene: Scene, mailbox: str, bar: Bar) -> None:
    """The mail about a file is the last thing that comes of it."""
    async with time_limit(_PATIENCE_SECONDS, "not all of the jobs that waited have ended"):
        while bar.current < JOBS:
            await asyncio.sleep(0.3)
            bar.to(len(await _sent_mails(scene, mailbox)))


async def _sent_mails(scene: Scene, mailbox: str) -> list[Json]:
    messages = scene.api.pages("/sandbox/messages", recipient=mailbox)
    return [message async for message in messages if message["sentAt"]]


async def _count_effects(scene: Scene, jobs: set[str], mailbox: str) -> dict[str, int]:
    """How often each effect happened; a second time of any would show as one too many."""
    events: Counter[str] = Counter()
    async for event in scene.api.settled_events(scene.inbox.first_position, "job.succeeded,export.ready"):
        events[event["type"]] += event["resourceId"] in jobs
    files = [export["id"] async for export in scene.api.pages("/exports", status="ready") if export["id"] in jobs]
    mails = await _sent_mails(scene, mailbox)
    return {
        "files": len(files), "exportReady": events["export.ready"], "jobSucceeded": events["job.succeeded"],
        "mails": len(mails),
    }  # fmt: skip
