"""Whoever reaches only what is their own finds nothing of anybody else's, by id or in a list."""

import json
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from models.identity.permissions import GUEST, MATRIX, Role, permission_of, resource_of
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.factories import make_course
from tests.support.sides import Headers, Side, Sides, make_login, make_sides
from tests.support.walking import NOWHERE, Guarded, guarded_operations

PARTIES = [Role.INSTRUCTOR, Role.STUDENT]
# What a stream sends does not end before its job has.
ENDLESS = {"stream_job"}


@pytest.fixture
async def sides(anonymous: ApiClient, database: Database) -> Sides:
    return await make_sides(database)


@pytest.mark.parametrize("party", PARTIES)
async def test_what_is_anothers_is_as_good_as_not_there(
    app: Litestar, anonymous: ApiClient, sides: Sides, party: Role
) -> None:
    """The answers tell the same of a row that is another's and of one that is nowhere."""
    me, theirs = headers_of(sides.mine, party), sides.theirs.ids
    for operation in about_one(app, theirs):
        answer = await operation.call(anonymous, theirs, body=operation.body, headers=me)
        expected = 404 if opens_to(operation, party) else 403
        assert answer.status_code == expected, f"{party}: {operation}: {answer.status_code} {answer.text}"
        nowhere = await operation.call(anonymous, {}, body=operation.body, headers=me)
        assert told(answer.json(), theirs) == told(nowhere.json(), {}), operation


@pytest.mark.parametrize("party", PARTIES)
async def test_what_is_ones_own_is_there(app: Litestar, anonymous: ApiClient, sides: Sides, party: Role) -> None:
    me, mine = headers_of(sides.mine, party), ids_of(sides.mine, party)
    for operation in about_one(app, mine):
        if operation.method == "GET" and operation.name not in ENDLESS and opens_to(operation, party):
            status = (await operation.call(anonymous, mine, headers=me)).status_code
            expected = {404} if party == Role.STUDENT and "instructor_id" in operation.parameters else {200}
            if party == Role.STUDENT and operation.path == "/api/v1/courses/{course_id}":
                expected = {404}
            if operation.name == "download_export":
                expected = {200, 409}
            assert status in expected, f"{party}: {operation}: {status}"


@pytest.mark.parametrize("party", PARTIES)
async def test_lists_hold_ones_own_and_nothing_else(
    app: Litestar, anonymous: ApiClient, sides: Sides, party: Role
) -> None:
    me, mine, theirs = headers_of(sides.mine, party), ids_of(sides.mine, party), ids_of(sides.theirs, party)
    listed: set[str] = set()
    for operation in guarded_operations(app):
        if operation.method == "GET" and not operation.parameters and opens_to(operation, party):
            answer = await operation.call(anonymous, headers=me, params={"limit": 100})
            assert answer.status_code == 200, operation
            assert not {str(id_) for id_ in theirs.values()} & words(answer.json()), operation
            assert answer.json()["pagination"]["total"] == len(answer.json()["data"]), operation
            listed |= words(answer.json())
    reached = {"student_id", "cycle_id", "meeting_id", "tomorrow_id", "done_id", "registration_id", "job_id"}
    reached |= {"instructor_id", "course_id"} if party == Role.INSTRUCTOR else set()
    assert {name for name in reached if str(mine[name]) not in listed} == set()


@pytest.mark.parametrize("party", PARTIES)
async def test_filters_and_searches_find_no_more(anonymous: ApiClient, sides: Sides, party: Role) -> None:
    me, theirs = headers_of(sides.mine, party), sides.theirs.ids
    for path, filter_ in [
        ("/cycles", {"instructorId": theirs["instructor_id"]}),
        ("/cycles", {"search": "yael"}),
        ("/meetings", {"cycleId": theirs["cycle_id"]}),
        ("/meetings", {"q": "yael"}),
        ("/students", {"customerId": theirs["customer_id"]}),
        ("/registrations", {"studentId": theirs["student_id"]}),
        ("/courses", {"search": "yael"}),
        ("/exports", {"resource": "customers"}),
        ("/jobs", {"owner": f"user:{theirs['user_id']}"}),
    ]:
        page = await anonymous.expect(200, "GET", path, params=filter_, headers=me)
        assert (page["data"], page["pagination"]["total"]) == ([], 0), path


@pytest.mark.parametrize("party", PARTIES)
async def test_what_is_hidden_from_somebody_is_null_and_orders_nothing(
    app: Litestar, anonymous: ApiClient, sides: Sides, party: Role
) -> None:
    me = headers_of(sides.mine, party)
    for resource, rights in MATRIX.items():
        hidden = rights.hidden.get(party, frozenset())
        if not hidden:
            continue
        (row, *_) = (await anonymous.expect(200, "GET", f"/{resource}", headers=me))["data"]
        assert {name: row[name] for name in hidden if row.get(name) is not None} == {}
        for name in hidden:
            await anonymous.expect(400, "GET", f"/{resource}", params={"sortBy": name}, headers=me)
            await anonymous.expect(400, "GET", f"/{resource}", params={name: "1"}, headers=me)


def test_what_is_hidden_from_somebody_is_said_to_be_null_sometimes(app: Litestar) -> None:
    """In the OpenAPI document: clients in typed languages read it."""
    document = json.loads(msgspec.json.encode(app.openapi_schema.to_schema()))
    schemas = {name.rpartition("_")[2]: schema for name, schema in document["components"]["schemas"].items()}
    for resource, rights in MATRIX.items():
        if rights.hidden:
            schema = schemas[f"{resource.removesuffix('s').title()}Out"]["properties"]
            hidden = frozenset().union(*rights.hidden.values()) & schema.keys()
            assert hidden
            assert {name for name in hidden if {"type": "null"} not in schema[name]["oneOf"]} == set(), resource


async def test_a_manager_sees_what_is_hidden_from_others(
    anonymous: ApiClient, database: Database, sides: Sides
) -> None:
    async with database.transaction() as session:
        _, manager = await make_login(session, Role.MANAGER, "noa")
    cycle = await anonymous.expect(200, "GET", f"/cycles/{sides.mine.ids['cycle_id']}", headers=manager)
    meeting = await anonymous.expect(200, "GET", f"/meetings/{sides.mine.ids['done_id']}", headers=manager)
    assert (cycle["dailyRate"], meeting["revenue"], meeting["profit"]) == (500, 380, 200)


async def test_a_user_without_a_row_of_theirs_owns_nothing(
    app: Litestar, anonymous: ApiClient, database: Database, sides: Sides
) -> None:
    """An instructor's or a student's login that nobody has linked to an instructor or a student."""
    async with database.transaction() as session:
        logins = [(await make_login(session, role, "new"))[1] for role in PARTIES]
    for headers in logins:
        for path in ("/cycles", "/meetings", "/students", "/registrations", "/exports", "/jobs"):
            assert (await anonymous.expect(200, "GET", path, headers=headers))["data"] == []
        await anonymous.expect(404, "GET", f"/meetings/{sides.mine.ids['meeting_id']}", headers=headers)


async def test_a_deleted_instructor_owns_nothing_any_more(client: ApiClient, database: Database) -> None:
    sides = await make_sides(database)
    await client.expect(204, "DELETE", f"/instructors/{sides.mine.ids['instructor_id']}")
    for path in ("/cycles", "/meetings", "/students", "/registrations", "/instructors"):
        assert (await client.expect(200, "GET", path, headers=sides.mine.instructor))["data"] == []


async def test_a_student_who_gave_up_their_place_sees_the_cycle_no_more(client: ApiClient, database: Database) -> None:
    mine = (await make_sides(database)).mine
    await client.expect(200, "POST", f"/registrations/{mine.ids['registration_id']}/cancel")
    for path in (f"/cycles/{mine.ids['cycle_id']}", f"/meetings/{mine.ids['meeting_id']}"):
        await client.expect(404, "GET", path, headers=mine.student)
    cancelled = await client.expect(200, "GET", "/registrations", headers=mine.student)
    assert [row["status"] for row in cancelled["data"]] == ["cancelled"]
    assert (await client.expect(200, "GET", "/students", headers=mine.instructor))["data"] == []


async def test_a_guest_sees_published_courses_only(anonymous: ApiClient, database: Database, sides: Sides) -> None:
    async with database.transaction() as session:
        course = await make_course(session, status="published")
    opened = await anonymous.expect(201, "POST", "/auth/session")
    guest = {"Authorization": f"Bearer {opened['token']}"}
    seen = await anonymous.expect(200, "GET", "/courses", headers=guest)
    assert [row["id"] for row in seen["data"]] == [str(course.id)]
    await anonymous.expect(200, "GET", f"/courses/{course.id}", headers=guest)
    await anonymous.expect(404, "GET", f"/courses/{sides.mine.ids['course_id']}", headers=guest)
    await anonymous.expect(403, "PATCH", f"/courses/{course.id}", json={"title": "Mine"}, headers=guest)


def about_one(app: Litestar, ids: dict[str, Any]) -> list[Guarded]:
    """The operations open to owners whose address names one of what the sides have."""
    found = [
        each
        for each in guarded_operations(app)
        if each.own_verb and each.parameters and ids.keys() >= set(each.parameters)
    ]
    assert len(found) > 25
    return found


def opens_to(operation: Guarded, party: str) -> bool:
    return operation.own_verb in permission_of(party, resource_of(operation.access)).own and party != GUEST


def headers_of(side: Side, party: Role) -> Headers:
    return side.instructor if party == Role.INSTRUCTOR else side.student


def ids_of(side: Side, party: Role) -> dict[str, Any]:
    if party == Role.INSTRUCTOR:
        return side.ids
    return {**side.ids, **dict.fromkeys(("job_id", "export_id"), side.ids["job_of_student_id"])}


def told(problem: dict[str, Any], ids: dict[str, Any]) -> dict[str, Any]:
    """The problem but for the request's own id and the ids of what was asked for."""
    text = {name: str(value) for name, value in problem.items() if name != "requestId"}
    for id_ in (*ids.values(), NOWHERE):
        text = {name: value.replace(str(id_), "…") for name, value in text.items()}
    return text


def words(value: Any) -> set[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        return set().union(*(words(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(words(each) for each in value))
    return {value} if isinstance(value, str) else set()
