"""SIGKILL to a worker in the middle of a long job: it runs again and leaves each of its effects once."""

import asyncio
from collections import Counter

from cli.demo.client import Json, in_parallel, time_limit
from cli.demo.crowd import CROWD_CYCLES, CROWD_MEETINGS, crowd_cycle, crowd_instructors
from cli.demo.scene import Scene
from cli.demo.stage import DemoError

WORKER = "worker"


async def kill_the_worker(scene: Scene) -> Json:
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
