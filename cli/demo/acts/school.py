"""Act a: the whole school is created through the API, a few requests at once, each with an Idempotency-Key."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from cli.demo.client import Json, in_parallel
from cli.demo.records import Branch, Closure, Course, Customer, Cycle, Instructor, Registration, Student
from cli.demo.scene import Scene


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


K = TypeVar("K", bound=_Keyed)


async def play(scene: Scene) -> None:
    school = scene.school
    await _create(scene, "branches", "/branches", school.branches, _branch)
    await _close_branches(scene)
    await _create(scene, "courses", "/courses", school.courses, _course)
    await _create(scene, "instructors", "/instructors", school.instructors, lambda each: _instructor(scene, each))
    await _create(scene, "customers", "/customers", school.customers, lambda each: _customer(scene, each))
    await _create(scene, "students", "/students", school.students, lambda each: _student(scene, each))
    await _create(scene, "cycles", "/cycles", school.cycles, lambda each: _cycle(scene, each))
    await _register(scene, school.registrations)
    await _repeat(scene)
    scene.figures["school"] = await _count(scene)


async def _create(scene: Scene, label: str, path: str, things: Sequence[K], body_of: Callable[[K], Json]) -> None:
    async def create(thing: K) -> None:
        made = await scene.api.post(path, body_of(thing), key=thing.key)
        scene.ids[thing.key] = made["id"]

    with scene.stage.bar(label, len(things)) as bar:
        await in_parallel(things, create, bar)


async def _close_branches(scene: Scene) -> None:
    async def close(pair: tuple[Branch, Closure]) -> None:
        branch, closure = pair
        body = {
            "branchId": scene.ids[branch.key], "name": closure.name, "startDate": closure.start, "endDate": closure.end,
        }  # fmt: skip
        await scene.api.post("/closures", body, key=f"{branch.key}-{closure.start}")

    pairs = [(branch, closure) for branch in scene.school.branches for closure in branch.closures]
    with scene.stage.bar("closures", len(pairs)) as bar:
        await in_parallel(pairs, close, bar)


async def _register(scene: Scene, registrations: Iterable[Registration]) -> None:
    async def register(registration: Registration) -> None:
        path = f"/cycles/{scene.ids[registration.cycle]}/registrations"
        made = await scene.api.post(path, _registration(scene, registration), key=registration.key)
        scene.ids[registration.key] = made["id"]
        if registration.cancelled:
            reason = {"reason": "moved away"}
            path = f"/registrations/{made['id']}/cancel"
            await scene.api.post(path, reason, key=f"{registration.key}-cancel", expect=200)

    with scene.stage.bar("registrations", len(scene.school.registrations)) as bar:
        await in_parallel(registrations, register, bar)


async def _repeat(scene: Scene) -> None:
    """What a client does that never got the answer: it sends the same again."""
    replayed = 0
    for customer in scene.school.customers[:10]:
        answer = await scene.api.send_post("/customers", _customer(scene, customer), key=customer.key)
        same = answer.json().get("id") == scene.ids[customer.key]
        replayed += same and answer.headers.get("Idempotency-Replayed") == "true"
    scene.stage.check("10 requests sent twice are answered the same and done once", replayed == 10, replayed)


async def _count(scene: Scene) -> Json:
    """By what was said in events, so that it holds on a database with other things in it too."""
    names = {
        "branch": scene.school.branches, "course": scene.school.courses, "instructor": scene.school.instructors,
        "cycle": scene.school.cycles, "customer": scene.school.customers, "student": scene.school.students,
        "registration": scene.school.registrations,
    }  # fmt: skip
    counts: Json = dict.fromkeys(names, 0)
    ours = set(scene.ids.values())
    async for event in scene.api.settled_events(scene.inbox.first_position, "*.created"):
        if event["resourceId"] in ours:
            counts[event["resourceType"]] += 1
    wanted = {name: len(things) for name, things in names.items()}
    text = ", ".join(f"{count} {name}" for name, count in wanted.items())
    scene.stage.check(f"created, each announced once: {text}", counts == wanted, counts)
    return counts


def _branch(branch: Branch) -> Json:
    return {
        "name": branch.name, "type": branch.type, "city": branch.city, "country": branch.country,
        "timezone": branch.timezone,
    }  # fmt: skip


def _course(course: Course) -> Json:
    return {
        "title": course.title, "category": course.category, "difficulty": course.difficulty,
        "durationMinutes": course.minutes, "status": "published",
    }  # fmt: skip


def _instructor(scene: Scene, instructor: Instructor) -> Json:
    return {
        "name": instructor.name, "email": f"{instructor.key}@school.example", "employmentType": instructor.employment,
        "currency": scene.school.branch(instructor.branch).currency, "rateFrontal": instructor.frontal,
        "rateOnline": instructor.online, "ratePrivate": instructor.private,
    }  # fmt: skip


def _customer(scene: Scene, customer: Customer) -> Json:
    return {
        "name": customer.name, "phone": customer.phone, "email": customer.email, "address": customer.address,
        "city": scene.school.branch(customer.branch).city,
    }  # fmt: skip


def _student(scene: Scene, student: Student) -> Json:
    return {
        "customerId": scene.ids[student.customer], "name": student.name, "birthDate": student.birth_date,
        "grade": student.grade,
    }  # fmt: skip


def _cycle(scene: Scene, cycle: Cycle) -> Json:
    branch = scene.school.branch(cycle.branch)
    body: dict[str, Any] = {
        "name": cycle.name, "courseId": scene.ids[cycle.course], "branchId": scene.ids[cycle.branch],
        "instructorId": scene.ids[cycle.instructor], "type": cycle.type, "activityType": cycle.activity,
        "startDate": cycle.start, "timezone": branch.timezone, "pattern": _pattern(cycle),
        "totalMeetings": cycle.total, "currency": branch.currency, "pricePerStudent": cycle.price,
        "priceIncludesVat": cycle.price_includes_vat, "studentCount": cycle.student_count,
        "meetingRevenue": cycle.mistaken_revenue or cycle.meeting_revenue, "instructorBudget": cycle.budget,
        "maxStudents": 30,
    }  # fmt: skip
    if cycle.daily_rate is not None:
        body |= {"payMode": "daily", "dailyRate": cycle.daily_rate}
    return {name: value for name, value in body.items() if value is not None}


def _pattern(cycle: Cycle) -> Json:
    if cycle.every_weeks is None:
        return {"slots": [{"weekday": slot.weekday, "start": slot.start, "end": slot.end} for slot in cycle.slots]}
    (slot,) = cycle.slots
    day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[slot.weekday]
    return {
        "rrule": f"FREQ=WEEKLY;INTERVAL={cycle.every_weeks};BYDAY={day}", "start": slot.start,
        "durationMinutes": slot.minutes,
    }  # fmt: skip


def _registration(scene: Scene, registration: Registration) -> Json:
    return {
        "studentId": scene.ids[registration.student], "amount": registration.amount,
        "status": "trial" if registration.trial else "registered", "registeredAt": f"{registration.since}T12:00:00Z",
    }  # fmt: skip
