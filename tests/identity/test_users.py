"""Users in the hands of administrators: made, changed, blocked and deleted, but never the last of them."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from models.identity.permissions import Role
from models.kernel.session import Database
from tests.support.accounts import PASSWORD, bearer, log_in, mail_to, make_person, token_in
from tests.support.client import ApiClient

NOA = {"email": "noa@example.com", "name": "Noa Levi", "role": "instructor"}


async def my_id(client: ApiClient) -> str:
    id_: str = (await client.expect(200, "GET", "/auth/me"))["user"]["id"]
    return id_


async def admins(database: Database) -> int:
    rows = await database.fetch(
        "SELECT 1 FROM users WHERE role = 'admin' AND blocked_at IS NULL AND deleted_at IS NULL"
    )
    return len(rows)


@pytest.mark.usefixtures("workers")
async def test_a_user_without_a_password_is_invited_to_choose_one(client: ApiClient, database: Database) -> None:
    made = await client.create("/admin/users", **NOA)
    assert (made["role"], made["emailVerifiedAt"]) == ("instructor", None)
    await client.expect(401, "POST", "/auth/login", json={"email": NOA["email"], "password": PASSWORD})
    token = token_in(await mail_to(database, NOA["email"], "invitation"))
    await client.expect(204, "POST", "/auth/reset-password", json={"token": token, "newPassword": PASSWORD})
    user = (await log_in(client))["user"]
    assert user["id"] == made["id"]
    assert user["emailVerifiedAt"] is not None
    assert len(await database.fetch("SELECT 1 FROM messages")) == 1


async def test_a_user_with_a_password_logs_in_at_once(client: ApiClient, database: Database) -> None:
    response = await client.post("/admin/users", json={**NOA, "password": PASSWORD, "phone": "+972501234567"})
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/v1/admin/users/{response.json()['id']}"
    assert (await log_in(client))["user"]["phone"] == "+972501234567"
    assert "hash" not in response.text.lower()
    assert await database.fetch("SELECT 1 FROM jobs") == []
    (event,) = await database.fetch("SELECT type, payload::text FROM events")
    assert event["type"] == "user.created"
    assert "argon2" not in event["payload"]


async def test_an_email_is_taken_once_in_any_case(client: ApiClient) -> None:
    await client.create("/admin/users", **NOA)
    problem = await client.expect(409, "POST", "/admin/users", json={**NOA, "email": "NOA@example.com"})
    assert problem["detail"] == "There is already a user with the same email."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "owner"), ("role", None), ("email", "noa"), ("password", "short"), ("passwordHash", "x"),
        ("blockedAt", None), ("timezone", "Mars/Olympus"), ("phone", "050"),
    ],
)  # fmt: skip
async def test_a_fault_in_a_new_user_is_named(client: ApiClient, field: str, value: Any) -> None:
    problem = await client.expect(400, "POST", "/admin/users", json={**NOA, field: value})
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_users_are_listed_filtered_searched_and_sorted(client: ApiClient, database: Database) -> None:
    noa = await client.create("/admin/users", **NOA, password=PASSWORD)
    omer = await client.create("/admin/users", email="omer@example.com", name="Omer", role="student")
    gone = await client.create("/admin/users", email="gone@example.com", name="Gone", role="student")
    await client.expect(200, "POST", f"/admin/users/{omer['id']}/block")
    await client.expect(204, "DELETE", f"/admin/users/{gone['id']}")
    await log_in(client)
    admin = await my_id(client)

    async def ids(**query: str) -> list[str]:
        page = await client.expect(200, "GET", "/admin/users", params={"sortBy": "email", "sortOrder": "asc", **query})
        assert page["pagination"]["total"] == len(page["data"])
        return [row["id"] for row in page["data"]]

    assert await ids() == [admin, noa["id"], omer["id"]]
    assert await ids(sortBy="lastLoginAt", sortOrder="desc") == [noa["id"], admin, omer["id"]]
    assert await ids(role="student") == [omer["id"]]
    assert await ids(status="active") == [admin, noa["id"]]
    assert await ids(status="blocked") == [omer["id"]]
    assert await ids(status="deleted") == [gone["id"]]
    assert await ids(emailVerified="true") == []
    assert await ids(search="levi") == await ids(q="NOA@") == [noa["id"]]
    await client.expect(400, "GET", "/admin/users", params={"status": "sleeping"})
    await client.expect(400, "GET", "/admin/users", params={"passwordHash": "x"})


async def test_a_user_is_changed_by_part_and_as_a_whole(client: ApiClient) -> None:
    made = await client.create("/admin/users", **NOA, phone="+972501234567")
    path = f"/admin/users/{made['id']}"
    patched = await client.expect(200, "PATCH", path, json={"role": "manager"}, headers={"If-Match": '"1"'})
    assert (patched["role"], patched["phone"], patched["version"]) == ("manager", "+972501234567", 2)
    await client.expect(412, "PATCH", path, json={"role": "student"}, headers={"If-Match": '"1"'})
    put = await client.expect(200, "PUT", path, json={"name": "Noa", "role": "student"})
    assert (put["name"], put["role"], put["phone"]) == ("Noa", "student", None)
    for method, body in (("PATCH", {"email": "x@example.com"}), ("PUT", {"name": "N", "role": "student", "id": "1"})):
        await client.expect(400, method, path, json=body)
    assert (await client.expect(200, "GET", path))["email"] == NOA["email"]


async def test_a_blocked_user_is_out_until_unblocked_and_then_logs_in_again(
    client: ApiClient, database: Database
) -> None:
    noa = await make_person(database)
    tokens = await log_in(client)
    blocked = await client.expect(200, "POST", f"/admin/users/{noa}/block")
    assert blocked["blockedAt"] is not None
    assert (await client.expect(200, "POST", f"/admin/users/{noa}/block"))["blockedAt"] == blocked["blockedAt"]
    login = {"email": NOA["email"], "password": PASSWORD}
    await client.expect(401, "POST", "/auth/login", json=login)
    assert (await client.expect(200, "POST", f"/admin/users/{noa}/unblock"))["blockedAt"] is None
    await client.expect(401, "POST", "/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
    await client.expect(200, "POST", "/auth/login", json=login)
    events = await database.fetch("SELECT type FROM events WHERE resource_id = $1 ORDER BY id", noa)
    assert [event["type"] for event in events] == ["user.blocked", "user.unblocked"]


async def test_a_deleted_user_is_gone_until_restored(client: ApiClient, database: Database) -> None:
    noa = await make_person(database)
    path = f"/admin/users/{noa}"
    await client.expect(204, "DELETE", path)
    await client.expect(404, "GET", path)
    for action in ("block", "unblock", "reset-totp"):
        await client.expect(404, "POST", f"{path}/{action}")
    await client.expect(200, "POST", f"{path}/restore")
    await log_in(client)
    await client.expect(204, "DELETE", f"{path}?hard=true")
    assert await database.fetch("SELECT 1 FROM users WHERE id = $1", noa) == []
    assert await database.fetch("SELECT 1 FROM sessions WHERE user_id = $1", noa) == []


async def test_a_user_whose_address_is_someone_elses_now_is_not_restored(client: ApiClient, database: Database) -> None:
    noa = await make_person(database)
    await client.expect(204, "DELETE", f"/admin/users/{noa}")
    await make_person(database)
    await client.expect(409, "POST", f"/admin/users/{noa}/restore")


REMOVALS = [
    ("PATCH", "", {"role": "manager"}), ("PUT", "", {"name": "x", "role": "student"}), ("POST", "/block", None),
    ("DELETE", "", None), ("DELETE", "?hard=true", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), REMOVALS)
async def test_the_last_administrator_stays(
    client: ApiClient, database: Database, method: str, path: str, body: Any
) -> None:
    """One who is blocked, or deleted, does not count."""
    me = await my_id(client)
    for email, column in (("a@example.com", "blocked_at"), ("b@example.com", "deleted_at")):
        other = await make_person(database, email, Role.ADMIN)
        await database.execute(f"UPDATE users SET {column} = clock_timestamp() WHERE id = $1", other)
    problem = await client.expect(409, method, f"/admin/users/{me}{path}", json=body)
    assert "last administrator" in problem["detail"]
    assert await admins(database) == 1
    await make_person(database, "c@example.com", Role.ADMIN)
    assert (await client.request(method, f"/admin/users/{me}{path}", json=body)).status_code < 300


@pytest.mark.parametrize(("method", "path", "body"), REMOVALS)
async def test_of_administrators_who_remove_each_other_at_once_one_stays(
    client: ApiClient, database: Database, method: str, path: str, body: Any
) -> None:
    ids = [await my_id(client), *[await make_person(database, f"{n}@example.com", Role.ADMIN) for n in range(5)]]
    await asyncio.gather(*(client.request(method, f"/admin/users/{id_}{path}", json=body) for id_ in ids))
    assert await admins(database) == 1


async def test_others_may_be_removed_while_there_is_one_administrator(client: ApiClient, database: Database) -> None:
    noa = await make_person(database)
    await client.expect(200, "PATCH", f"/admin/users/{noa}", json={"role": "student"})
    await client.expect(200, "POST", f"/admin/users/{noa}/block")
    await client.expect(204, "DELETE", f"/admin/users/{noa}")


@pytest.mark.parametrize("role", [Role.MANAGER, Role.INSTRUCTOR, Role.STUDENT])
async def test_nobody_else_touches_users(anonymous: ApiClient, database: Database, role: Role) -> None:
    other: UUID = await make_person(database, "other@example.com")
    await make_person(database, role=role)
    headers = bearer(await log_in(anonymous))
    for method, path in (
        ("GET", ""), ("POST", ""), ("GET", f"/{other}"), ("PATCH", f"/{other}"), ("PUT", f"/{other}"),
        ("DELETE", f"/{other}"), ("POST", f"/{other}/block"), ("POST", f"/{other}/unblock"),
        ("POST", f"/{other}/restore"), ("POST", f"/{other}/reset-totp"),
    ):  # fmt: skip
        await anonymous.expect(403, method, f"/admin/users{path}", headers=headers)
