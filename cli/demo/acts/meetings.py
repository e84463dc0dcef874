"""Act b: one job generates the meetings of all cycles; every one of them is compared with the demo's own plan."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from cli.demo.calendar import PlannedMeeting, free_days, plan
from cli.demo.client import Json
from cli.demo.scene import Scene
from cli.demo.timetable import CLOCKS_CHANGE

Times = list[tuple[int, datetime, datetime]]


async def play(scene: Scene) -> None:
    result = await generate(scene, "meetings generated")
    wanted = sum(cycle.total for cycle in scene.school.cycles)
    scene.stage.check(f"{wanted} meetings are created, none in conflict", _made(result) == (wanted, 0), result)
    meetings = {key: sorted(map(_times_of, rows)) for key, rows in (await scene.read_meetings()).items()}
    _check_free_days(scene, meetings)
    _check_plan(scene, meetings)
    clocks = [_check_clocks(scene, key, meetings[key]) for key in CLOCKS_CHANGE]
    again = await generate(scene, "generated again")
    scene.stage.check("generating again adds none", _made(again) == (0, 0), again)
    reasons = Counter(skipped["reason"] for skipped in result["skipped"])
    scene.figures["meetings"] = {
        "created": result["created"], "createdAgain": again["created"], "datesLeftOut": dict(reasons), "clocks": clocks,
    }  # fmt: skip


async def generate(scene: Scene, label: str) -> Json:
    """The result of the job; its progress is shown from the stream."""
    body = {"cycleIds": scene.cycle_ids, "onConflict": "skip"}
    with scene.stage.bar(label) as bar:
        job = await scene.api.follow(await scene.api.start("/cycles/generate-meetings", body), bar)
    result: Json = (await scene.api.succeed(job))["result"]
    return result


def _check_free_days(scene: Scene, meetings: dict[str, Times]) -> None:
    wrong = []
    for cycle in scene.school.cycles:
        branch = scene.school.branch(cycle.branch)
        free, zone = free_days(branch), ZoneInfo(branch.timezone)
        days = [starts_at.astimezone(zone).date() for _, starts_at, _ in meetings[cycle.key]]
        wrong += [f"{cycle.name}: {day} is {free[day]}" for day in days if day in free]
    scene.stage.check("no meeting is on a public holiday or in a closure", not wrong, wrong)


def _check_plan(scene: Scene, meetings: dict[str, Times]) -> None:
    wrong = [
        cycle.name
        for cycle in scene.school.cycles
        if meetings[cycle.key] != [_times(each) for each in plan(cycle, scene.school.branch(cycle.branch))]
    ]
    scene.stage.check("every meeting is where the demo's own calendar has it", not wrong, wrong)


def _check_clocks(scene: Scene, key: str, times: Times) -> Json:
    """The cycle's meetings stay at one time by the wall clock, and move in UTC."""
    cycle = next(cycle for cycle in scene.school.cycles if cycle.key == key)
    zone = ZoneInfo(scene.school.branch(cycle.branch).timezone)
    wall = {f"{starts_at.astimezone(zone):%H:%M}" for _, starts_at, _ in times}
    utc = list(dict.fromkeys(f"{starts_at:%H:%M}" for _, starts_at, _ in times))
    kept = wall == {cycle.slots[0].start} and len(utc) == 2
    text = f"{cycle.name} stays at {cycle.slots[0].start} in {zone}, in UTC it moves from {' to '.join(utc)}"
    scene.stage.check(text, kept, (wall, utc))
    return {"cycle": cycle.name, "timezone": str(zone), "wallClock": sorted(wall), "utc": utc}


def _made(result: Json) -> tuple[int, int]:
    return result["created"], result["conflictsTotal"]


def _times(meeting: PlannedMeeting) -> tuple[int, datetime, datetime]:
    return meeting.number, meeting.starts_at, meeting.ends_at


def _times_of(row: Json) -> tuple[int, datetime, datetime]:
    starts_at, ends_at = (datetime.fromisoformat(row[name].replace("Z", "+00:00")) for name in ("startsAt", "endsAt"))
    return row["number"], starts_at, ends_at
