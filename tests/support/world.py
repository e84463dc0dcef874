"""One of everything that has an address, for tests that walk the operations."""

from typing import Any

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import (
    make_branch,
    make_closure,
    make_course,
    make_customer,
    make_cycle,
    make_instructor,
    make_meeting,
    make_registration,
    make_student,
)

SCHEDULE = {"name": "Echo", "kind": "probe.echo", "payload": {"text": "hello"}, "cron": "0 3 * * *"}
ENDPOINT = {"url": "https://hooks.example.com/bellwork", "eventTypes": ["meeting.*"]}
KEY = {"name": "Shop", "scopes": ["read:jobs"]}
EXPORT = {"resource": "customers", "format": "csv"}


async def build_world(admin: ApiClient, database: Database) -> dict[str, str]:
    """The ids by their names in paths (`customer_id`); what has an owner belongs to the administrator."""
    async with database.transaction() as session:
        customer = await make_customer(session)
        student = await make_student(session, customer_id=customer.id)
        instructor = await make_instructor(session)
        course, branch = await make_course(session), await make_branch(session)
        closure = await make_closure(session)
        cycle = await make_cycle(session, course_id=course.id, branch_id=branch.id, instructor_id=instructor.id)
        meeting = await make_meeting(session, cycle)
        registration = await make_registration(session, cycle, student_id=student.id)
        rows: dict[str, Any] = {
            "customer": customer, "student": student, "instructor": instructor, "course": course, "branch": branch,
            "closure": closure, "cycle": cycle, "meeting": meeting, "registration": registration,
        }  # fmt: skip
    owned = {
        "schedule": (await admin.create("/schedules", **SCHEDULE))["id"],
        "endpoint": (await admin.create("/webhooks", **ENDPOINT))["id"],
        "key": (await admin.create("/api-keys", **KEY))["key"]["id"],
        "job": (await admin.submit("probe.echo", {"text": "hello"}))["id"],
        "export": (await admin.expect(202, "POST", "/exports", json=EXPORT))["id"],
    }
    ids = {**{name: str(row.id) for name, row in rows.items()}, **owned}
    return {f"{name}_id": id_ for name, id_ in ids.items()}
