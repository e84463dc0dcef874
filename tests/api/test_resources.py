"""The habits all plain resources share, tried on each of them."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from models.kernel.session import Database
from tests.conftest import sign_in
from tests.support import factories
from tests.support.client import ApiClient


@dataclass(frozen=True)
class Resource:
    """`least` is the smallest body that is accepted, `change` one field of it that may change, `wrong` a body
    with a fault in each of its fields. References are made first, by the factories named for their fields.
    """

    path: str
    event: str
    least: dict[str, Any]
    change: dict[str, Any]
    wrong: dict[str, Any]
    refers_to: dict[str, Any] = field(default_factory=dict)

    async def body(self, database: Database) -> dict[str, Any]:
        async with database.transaction() as session:
            made = {name: str((await make(session)).id) for name, make in self.refers_to.items()}
        return {**self.least, **made}


RESOURCES = [
    Resource(
        "/customers", "customer", {"name": "Noa"}, {"name": "Dana"},
        {"name": "", "phone": "050-123", "email": "nobody", "nick": 1},
    ),
    Resource(
        "/students", "student", {"name": "Omer"}, {"name": "Maya"},
        {"name": 7, "birthDate": "2015-02-29", "customerId": "x", "nick": 1},
        refers_to={"customerId": factories.make_customer},
    ),
    Resource(
        "/instructors", "instructor",
        {"name": "Dana", "employmentType": "employee", "currency": "ILS", "rateFrontal": 120.50},
        {"rateFrontal": 130.25},
        {"name": "x" * 201, "employmentType": "guest", "currency": "shekel", "rateFrontal": "much", "isActive": 2},
    ),
    Resource(
        "/courses", "course", {"title": "Robotics"}, {"status": "published"},
        {"title": None, "difficulty": "hard", "durationMinutes": 0, "coverImageUrl": "javascript:alert(1)"},
    ),
    Resource(
        "/branches", "branch", {"name": "Haifa", "type": "school", "country": "IL", "timezone": "Asia/Jerusalem"},
        {"city": "Haifa"}, {"name": [], "type": "tent", "country": "Israel", "contactPhone": "1"},
    ),
    Resource(
        "/closures", "closure", {"name": "Summer", "startDate": "2026-07-01", "endDate": "2026-08-31"},
        {"endDate": "2026-09-01"}, {"name": "", "startDate": "July", "endDate": 31, "branchId": 1},
    ),
    Resource(
        "/cycles", "cycle",
        {
            "name": "Chess", "type": "private", "startDate": "2026-02-03", "timezone": "Asia/Jerusalem",
            "pattern": {"slots": [{"weekday": 1, "start": "16:00", "end": "17:30"}]}, "totalMeetings": 12,
            "activityType": "online", "currency": "ILS",
        },
        {"name": "Robotics"},
        {"name": "", "type": "public", "startDate": "soon", "totalMeetings": 1001, "pattern": [], "status": "gone"},
        refers_to={
            "courseId": factories.make_course, "branchId": factories.make_branch,
            "instructorId": factories.make_instructor,
        },
    ),
]  # fmt: skip
every_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.path.strip("/"))


@every_resource
async def test_what_was_created_is_read_back_with_its_place_and_version(
    client: ApiClient, database: Database, resource: Resource
) -> None:
    body = await resource.body(database)
    response = await client.post(resource.path, json=body)
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/api/v1{resource.path}/{response.json()['id']}"
    read = await client.get(response.headers["location"].removeprefix("/api/v1"))
    assert read.json() == response.json()
    assert read.headers["etag"] == '"1"'
    assert body.items() <= read.json().items()
    listed = await client.expect(200, "GET", resource.path)
    assert listed["data"] == [response.json()]
    assert listed["pagination"] == {"total": 1, "limit": 20, "offset": 0, "hasMore": False, "nextCursor": None}


@every_resource
async def test_every_fault_of_a_body_is_named_at_once(client: ApiClient, resource: Resource) -> None:
    problem = await client.expect(400, "POST", resource.path, json=resource.wrong)
    assert {fault["field"] for fault in problem["errors"]} >= set(resource.wrong)
    problem = await client.expect(400, "POST", resource.path, json={})
    assert {fault["field"] for fault in problem["errors"]} == {*resource.least, *resource.refers_to}


@every_resource
async def test_a_patch_changes_what_it_names_and_nothing_else(
    client: ApiClient, database: Database, resource: Resource
) -> None:
    made = await client.create(resource.path, **await resource.body(database))
    patched = await client.expect(200, "PATCH", f"{resource.path}/{made['id']}", json=resource.change)
    own = ("updatedAt", "version")
    assert {**made, **resource.change, **{name: patched[name] for name in own}} == patched
    assert patched["version"] == 2
    assert patched["updatedAt"] > made["updatedAt"]


@every_resource
async def test_a_put_replaces_the_whole(client: ApiClient, database: Database, resource: Resource) -> None:
    body = await resource.body(database)
    made = await client.create(resource.path, **{**body, **resource.change})
    replaced = await client.expect(200, "PUT", f"{resource.path}/{made['id']}", json=body)
    fresh = await client.create(resource.path, **body)
    own = ("id", "createdAt", "updatedAt", "version")
    assert {**replaced, **{name: fresh[name] for name in own}} == fresh


@every_resource
async def test_of_two_writers_with_the_same_version_one_is_refused(
    client: ApiClient, database: Database, resource: Resource
) -> None:
    made = await client.create(resource.path, **await resource.body(database))
    path, match = f"{resource.path}/{made['id']}", {"If-Match": '"1"'}
    answers = await asyncio.gather(*(client.patch(path, json=resource.change, headers=match) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    await client.expect(412, "PUT", path, json=await resource.body(database), headers=match)
    await client.expect(412, "DELETE", path, headers=match)
    await client.expect(412, "DELETE", path, headers=match, params={"hard": True})
    assert (await client.expect(200, "GET", path))["version"] == 2


@every_resource
async def test_what_is_deleted_is_gone_until_it_is_restored(
    client: ApiClient, database: Database, resource: Resource
) -> None:
    body = await resource.body(database)
    made = await client.create(resource.path, **body)
    path = f"{resource.path}/{made['id']}"
    await client.expect(204, "DELETE", path, headers={"If-Match": '"1"'})
    for method, sent in [("GET", None), ("PATCH", resource.change), ("PUT", body), ("DELETE", None)]:
        await client.expect(404, method, path, json=sent)
    assert (await client.expect(200, "GET", resource.path))["pagination"]["total"] == 0
    restored = await client.expect(200, "POST", f"{path}/restore")
    assert restored == await client.expect(200, "GET", path)


@every_resource
async def test_only_an_administrator_restores_and_removes_for_good(
    client: ApiClient, database: Database, resource: Resource
) -> None:
    made = await client.create(resource.path, **await resource.body(database))
    path, admin = f"{resource.path}/{made['id']}", client.headers["Authorization"]
    await sign_in(client, database, "manager")
    await client.expect(403, "DELETE", path, params={"hard": True})
    await client.expect(403, "POST", f"{path}/restore")
    client.headers["Authorization"] = admin
    await client.expect(204, "DELETE", path)
    await client.expect(204, "DELETE", path, params={"hard": True})
    await client.expect(404, "POST", f"{path}/restore")


@every_resource
async def test_what_happens_is_told_in_the_same_transaction(
    client: ApiClient, database: Database, resource: Resource
) -> None:
    made = await client.create(resource.path, **await resource.body(database))
    path = f"{resource.path}/{made['id']}"
    await client.expect(412, "PATCH", path, json=resource.change, headers={"If-Match": '"9"'})
    await client.expect(200, "PATCH", path, json=resource.change)
    await client.expect(204, "DELETE", path)
    await client.expect(200, "POST", f"{path}/restore")
    rows = await database.fetch("SELECT type, resource_id FROM events ORDER BY id")
    assert [row["type"] for row in rows] == [
        f"{resource.event}.{verb}" for verb in ("created", "updated", "deleted", "updated")
    ]
    assert {str(row["resource_id"]) for row in rows} == {made["id"]}


@every_resource
async def test_it_is_closed_to_those_without_the_scope(anonymous: ApiClient, resource: Resource) -> None:
    for method, path in [
        ("GET", resource.path),
        ("POST", resource.path),
        ("GET", f"{resource.path}/0198c0de-0000-7000-8000-000000000001"),
        ("DELETE", f"{resource.path}/0198c0de-0000-7000-8000-000000000001"),
    ]:
        await anonymous.expect(401, method, path)


@every_resource
async def test_what_is_not_there_is_a_problem_that_says_so(client: ApiClient, resource: Resource) -> None:
    path = f"{resource.path}/0198c0de-0000-7000-8000-000000000001"
    problem = await client.expect(404, "GET", path)
    assert (problem["code"], problem["instance"]) == ("NOT_FOUND", f"/api/v1{path}")
    assert "0198c0de-0000-7000-8000-000000000001" in problem["detail"]
