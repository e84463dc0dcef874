"""Courses of instructors: theirs to edit, not to give away."""

from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_course
from tests.support.sides import Sides, make_sides


@pytest.fixture
async def sides(anonymous: ApiClient, database: Database) -> Sides:
    return await make_sides(database)


async def test_an_instructor_edits_their_own_course(anonymous: ApiClient, sides: Sides) -> None:
    path, me = f"/courses/{sides.mine.ids['course_id']}", sides.mine.instructor
    changed = await anonymous.expect(200, "PATCH", path, json={"title": "Robots", "status": "published"}, headers=me)
    assert (changed["title"], changed["status"]) == ("Robots", "published")
    body = {"title": "Robots again", "instructorId": str(sides.mine.ids["instructor_id"])}
    assert (await anonymous.expect(200, "PUT", path, json=body, headers=me))["status"] == "draft"


@pytest.mark.parametrize("to", ["theirs", "nobody"])
async def test_an_instructor_does_not_give_their_course_away(anonymous: ApiClient, sides: Sides, to: str) -> None:
    path, me = f"/courses/{sides.mine.ids['course_id']}", sides.mine.instructor
    before = await anonymous.expect(200, "GET", path, headers=me)
    body: dict[str, Any] = {"instructorId": str(sides.theirs.ids["instructor_id"]) if to == "theirs" else None}
    problem = await anonymous.expect(403, "PATCH", path, json=body, headers=me)
    assert problem["detail"] == "The course would no longer be yours."
    assert await anonymous.expect(200, "GET", path, headers=me) == before


async def test_what_is_published_is_read_by_all_and_changed_by_its_own(
    anonymous: ApiClient, database: Database, sides: Sides
) -> None:
    async with database.transaction() as session:
        course = await make_course(session, status="published", instructor_id=sides.theirs.ids["instructor_id"])
    path = f"/courses/{course.id}"
    for headers in (sides.mine.instructor, sides.mine.student, sides.theirs.instructor):
        await anonymous.expect(200, "GET", path, headers=headers)
    await anonymous.expect(404, "PATCH", path, json={"title": "Mine"}, headers=sides.mine.instructor)
    await anonymous.expect(403, "PATCH", path, json={"title": "Mine"}, headers=sides.mine.student)
    await anonymous.expect(200, "PATCH", path, json={"title": "Mine"}, headers=sides.theirs.instructor)


async def test_an_instructor_makes_and_deletes_no_courses(anonymous: ApiClient, sides: Sides) -> None:
    await anonymous.expect(403, "POST", "/courses", json={"title": "New"}, headers=sides.mine.instructor)
    path = f"/courses/{sides.mine.ids['course_id']}"
    await anonymous.expect(403, "DELETE", path, headers=sides.mine.instructor)
