"""Act f: a worker dies in the middle of its work, and the broker forgets everything; nothing is lost or done twice."""

import asyncio
from collections import Counter

from redis.asyncio import Redis

from cli.demo.client import Json, in_parallel, time_limit
from cli.demo.crowd import CROWD_CYCLES, CROWD_MEETINGS, crowd_cycle, crowd_instructors
from cli.demo.scene import Scene
from cli.demo.stage import DemoError

WORKER = "worker"
WAITING_JOBS = 200
_MAILBOX = "office@school.example"


async def play(scene: Scene) -> None:
    await scene.inbox.wait_for_all()
    await scene.inbox.listen_to(["job.*", "export.ready"])
    figures = {"killedWorker": await _kill_the_worker(scene), "emptiedBroker": await _empty_the_broker(scene)}
    await scene.inbox.wait_for_all()
    figures["webhooks"] = scene.inbox.check_all()
    scene.figures["failures"] = figures


async def _kill_the_worker(scene: Scene) -> Json:
    cycles = await _create_crowd(scene)
    job = await scene.api.start("/cycles/generate-meetings", {"cycleIds": cycles, "onConflict": "fail"})
    killed_at = await _kill_half_way(scene, job)
    with scene.stage.bar("generated all the same") as bar:
        job = await scene.api.succeed(await scene.api.follow(job, bar))
    outcomes = [attempt["outcome"] for attempt in await scene.api.get(f"/jobs/{job['id']}/attempts")]
    scene.stage.check("its first attempt is lost, its second succeeds", outcomes == ["lost", "succeeded"], outcomes)
    made = [await scene.api.total("/meetings", cycleId=id_) for id_ in cycles]
    scene.stage.check(
        f"each of the {CROWD_CYCLES} cycles has its {CROWD_MEETINGS} meetings",
        made == [CROWD_MEETINGS] * CROWD_CYCLES, Counter(made),
    )  # fmt: skip
    announced = await _count_announced(scene, set(cycles))
    scene.stage.check(f"each of the {sum(made):,} meetings is announced once", announced == sum(made), announced)
    return {"job": job["id"], "killedAt": killed_at, "attempts": outcomes, "meetings": sum(made), "events": announced}


async def _create_crowd(scene: Scene) -> list[str]:
    instructors: dict[int, str] = {}
    cycles: list[str] = []

    async def hire(number: int) -> None:
        body = crowd_instructors()[number]
        instructors[number] = (await scene.api.post("/instructors", body, key=f"crowd-{number}"))["id"]

    async def create(number: int) -> None:
        body = crowd_cycle(number) | {
            "courseId": scene.ids["chess"], "branchId": scene.ids["lagos"],
            "instructorId": instructors[number % len(instructors)],
        }  # fmt: skip
        cycles.append((await scene.api.post("/cycles", body, key=f"crowd-cycle-{number}"))["id"])

    with scene.stage.bar("instructors and cycles", len(crowd_instructors()) + CROWD_CYCLES) as bar:
        await in_parallel(range(len(crowd_instructors())), hire, bar)
        await in_parallel(range(CROWD_CYCLES), create, bar)
    return cycles


async def _kill_half_way(scene: Scene, job: Json) -> Json:
    """SIGKILL to the worker once the job shows progress."""
    async with time_limit(60, "the long job has not begun"):
        while not (job["progress"] and job["progress"]["current"]):
            await asyncio.sleep(0.02)
            job = await scene.api.get(f"/jobs/{job['id']}")
    await asyncio.to_thread(scene.platform.processes.kill, WORKER)
    if job["status"] != "running":
        raise DemoError(f"the long job was too quick to be killed: it has {job['status']}")
    progress: Json = job["progress"]
    scene.stage.tell(f"SIGKILL to the worker and its children at {progress['current']} of {progress['total']}")
    return progress


async def _count_announced(scene: Scene, cycles: set[str]) -> int:
    events = scene.api.events(scene.inbox.first_position, "meeting.scheduled")
    return sum([event["data"]["cycleId"] in cycles async for event in events])


async def _empty_the_broker(scene: Scene) -> Json:
    """The worker rests, jobs wait in the broker, the broker forgets them, the worker comes back."""
    await asyncio.to_thread(scene.platform.processes.pause, WORKER)
    jobs = await _submit_exports(scene)
    before, after = await _flush(scene)
    scene.platform.processes.resume(WORKER)
    await _wait_for_exports(scene, jobs)
    ends = Counter(
        [job["status"] async for job in scene.api.pages("/jobs", kind="exports.create") if job["id"] in jobs]
    )
    scene.stage.check(f"all {WAITING_JOBS} jobs succeed all the same", ends == {"succeeded": WAITING_JOBS}, ends)
    effects = await _count_effects(scene, jobs)
    once = dict.fromkeys(effects, WAITING_JOBS)
    text = f"{WAITING_JOBS} files, as many announcements, job endings and mails: each effect once"
    scene.stage.check(text, effects == once, effects)
    return {"jobs": len(jobs), "messagesBefore": before, "messagesAfter": after, "effects": effects}


async def _submit_exports(scene: Scene) -> set[str]:
    jobs: set[str] = set()
    body = {"resource": "customers", "format": "csv", "filters": {"city": "Haifa"}, "notifyEmail": _MAILBOX}

    async def submit(number: int) -> None:
        jobs.add((await scene.api.start("/exports", body, key=f"waiting-{number}"))["id"])

    with scene.stage.bar("jobs submitted, nobody works", WAITING_JOBS) as bar:
        await in_parallel(range(WAITING_JOBS), submit, bar)
    return jobs


async def _flush(scene: Scene) -> tuple[int, int]:
    """Empty the broker; returns how many messages it had for the lane before and after.

    A server that is not the demo's own loses the database it was named with, not the others.
    """
    async with Redis.from_url(scene.platform.settings["BELLWORK_REDIS_URL"]) as broker:
        async with time_limit(30, "the jobs have not been given to the broker"):
            while (before := await broker.llen("exports")) < WAITING_JOBS:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await (broker.flushall() if scene.platform.valkey else broker.flushdb())
        after = await broker.llen("exports")
    scene.stage.tell(f"FLUSHALL: {before} messages wait in the broker, then {after}")
    return before, after


async def _wait_for_exports(scene: Scene, jobs: set[str]) -> None:
    total = await scene.api.total("/jobs", kind="exports.create", status="succeeded")
    with scene.stage.bar("jobs done after the flush", len(jobs)) as bar:
        async with time_limit(90, "the jobs that waited have not ended"):
            while bar.current < len(jobs):
                await asyncio.sleep(0.2)
                bar.to(await scene.api.total("/jobs", kind="exports.create", status="succeeded") - total)


async def _count_effects(scene: Scene, jobs: set[str]) -> dict[str, int]:
    """How often each effect happened; a second time of any would show as one too many."""
    events: Counter[str] = Counter()
    async for event in scene.api.events(scene.inbox.first_position, "job.succeeded,export.ready"):
        events[event["type"]] += event["resourceId"] in jobs
    exports = [export["id"] async for export in scene.api.pages("/exports", status="ready") if export["id"] in jobs]
    return {"files": len(exports), "exportReady": events["export.ready"], "jobSucceeded": events["job.succeeded"]}
