"""SIGKILL to a worker in the middle of a long job: it runs again and leaves each of its effects once."""

import asyncio
from collections import Counter

from cli.demo.client import FINISHED, Json, in_parallel, time_limit
from cli.demo.crowd import CROWDS, CYCLES, INSTRUCTORS, Crowd
from cli.demo.scene import Scene
from cli.demo.stage import DemoError

WORKER = "worker"


async def kill_the_worker(scene: Scene) -> Json:
    crowd, cycles, job = await _interrupt_generation(scene)
    killed_at = job["progress"]
    with scene.stage.bar("generated all the same") as bar:
        job = await scene.api.succeed(await scene.api.follow(job, bar))
    outcomes = [attempt["outcome"] for attempt in await scene.api.get(f"/jobs/{job['id']}/attempts")]
    scene.stage.check("its first attempt is lost, its second succeeds", outcomes == ["lost", "succeeded"], outcomes)
    made = [await scene.api.total("/meetings", cycleId=id_) for id_ in cycles]
    each_whole = made == [crowd.meetings] * CYCLES
    scene.stage.check(f"each of the {CYCLES} cycles has its {crowd.meetings} meetings", each_whole, Counter(made))
    announced = await _count_announced(scene, set(cycles))
    scene.stage.check(f"each of the {sum(made):,} meetings is announced once", announced == sum(made), announced)
    return {"job": job["id"], "killedAt": killed_at, "attempts": outcomes, "meetings": sum(made), "events": announced}


async def _interrupt_generation(scene: Scene) -> tuple[Crowd, list[str], Json]:
    """The cycles, and the job as it was when its worker died."""
    for crowd in CROWDS:
        cycles = await _create_crowd(scene, crowd)
        job = await scene.api.start("/cycles/generate-meetings", {"cycleIds": cycles, "onConflict": "fail"})
        job = await _kill_half_way(scene, job)
        if job["status"] == "running":
            progress = job["progress"]
            scene.stage.tell(f"SIGKILL to the worker and its children at {progress['current']} of {progress['total']}")
            return crowd, cycles, job
        scene.stage.tell(f"the job has {job['status']} before it could be interrupted: once more with a longer one")
    raise DemoError("no job took long enough to be interrupted")


async def _create_crowd(scene: Scene, crowd: Crowd) -> list[str]:
    instructors: dict[int, str] = {}
    cycles: list[str] = []

    async def hire(number: int) -> None:
        body = crowd.instructor(number)
        instructors[number] = (await scene.api.post("/instructors", body, key=body["name"]))["id"]

    async def create(number: int) -> None:
        body = crowd.cycle(number) | {
            "courseId": scene.ids["chess"], "branchId": scene.ids["lagos"],
            "instructorId": instructors[number % INSTRUCTORS],
        }  # fmt: skip
        cycles.append((await scene.api.post("/cycles", body, key=body["name"]))["id"])

    with scene.stage.bar("instructors and cycles", INSTRUCTORS + CYCLES) as bar:
        await in_parallel(range(INSTRUCTORS), hire, bar)
        await in_parallel(range(CYCLES), create, bar)
    return cycles


async def _kill_half_way(scene: Scene, job: Json) -> Json:
    """SIGKILL to the worker once the job shows progress. Returns the job as it was seen last before."""
    async with time_limit(60, "the long job has not begun"):
        while not (job["progress"] and job["progress"]["current"]) and job["status"] not in FINISHED:
            await asyncio.sleep(0.02)
            job = await scene.api.get(f"/jobs/{job['id']}")
    if job["status"] == "running":
        await asyncio.to_thread(scene.platform.processes.kill, WORKER)
        attempts = await scene.api.get(f"/jobs/{job['id']}/attempts")
        if any(attempt["outcome"] == "succeeded" for attempt in attempts):  # in the moment between looking and killing
            return await scene.api.finish(job)
    return job


async def _count_announced(scene: Scene, cycles: set[str]) -> int:
    events = scene.api.settled_events(scene.inbox.first_position, "meeting.scheduled")
    return sum([event["data"]["cycleId"] in cycles async for event in events])
