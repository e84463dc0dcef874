"""People about themselves: what they may change, and what not."""

from typing import Any
from uuid import UUID

import pytest

from models.identity.permissions import Role
from models.kernel.session import Database
from tests.support.accounts import bearer, log_in, make_person
from tests.support.client import ApiClient

MENTOR = "0198c0de-0000-7000-8000-000000000001"
AT_FIRST: dict[str, Any] = {
    "recentSearches": [], "favoriteTopics": [], "favoriteMentors": [], "timezone": None,
    "notifications": {"email": True, "sms": True, "voice": False, "inApp": True, "push": True},
}  # fmt: skip


@pytest.fixture
async def noa(anonymous: ApiClient, database: Database) -> ApiClient:
    """A student's client."""
    await make_person(database, role=Role.STUDENT)
    anonymous.headers.update(bearer(await log_in(anonymous)))
    return anonymous


async def test_a_profile_is_read_and_changed_by_its_owner(noa: ApiClient, database: Database) -> None:
    before = await noa.expect(200, "GET", "/users/me")
    assert before["preferences"] == AT_FIRST
    change = {
        "name": "Noa Levi", "phone": "+972501234567", "avatarUrl": "https://example.com/noa.jpg", "locale": "he",
        "timezone": "Asia/Jerusalem",
    }  # fmt: skip
    changed = await noa.expect(200, "PATCH", "/users/me", json=change)
    assert {name: changed[name] for name in change} == change
    assert (changed["role"], changed["email"]) == (before["role"], before["email"])
    assert (await noa.expect(200, "GET", "/auth/me"))["user"]["name"] == "Noa Levi"
    assert (await noa.expect(200, "PATCH", "/users/me", json={"phone": None}))["phone"] is None
    events = await database.fetch("SELECT actor FROM events WHERE type = 'user.updated'")
    assert [event["actor"] for event in events] == [f"user:{before['id']}"] * 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "admin"), ("email", "admin@example.com"), ("emailVerifiedAt", None), ("blockedAt", None),
        ("id", MENTOR),
        ("password", "another horse, another battery"), ("passwordHash", "x"), ("version", 7), ("preferences", {}),
        ("deletedAt", None), ("lastLoginAt", None), ("totpSecret", "x"), ("scopes", ["*"]),
    ],
)  # fmt: skip
async def test_nobody_gives_themselves_what_is_not_theirs_to_give(
    noa: ApiClient, database: Database, field: str, value: Any
) -> None:
    before = await database.fetch("SELECT * FROM users")
    problem = await noa.expect(400, "PATCH", "/users/me", json={"name": "Noa", field: value})
    assert problem["errors"] == [{"field": field, "message": "is not a known field"}]
    assert await database.fetch("SELECT * FROM users") == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "0501234567"), ("phone", "+972501234567\n"), ("timezone", "Mars/Olympus"), ("timezone", ""),
        ("locale", "hebrew!"), ("avatarUrl", "javascript:alert(1)"), ("avatarUrl", "/noa.jpg"), ("name", ""),
        ("name", None),
    ],
)  # fmt: skip
async def test_a_fault_in_a_profile_is_named(noa: ApiClient, field: str, value: Any) -> None:
    problem = await noa.expect(400, "PATCH", "/users/me", json={field: value})
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_a_lost_update_is_refused(noa: ApiClient) -> None:
    first = await noa.get("/users/me")
    await noa.expect(200, "PATCH", "/users/me", json={"name": "Noa L."})
    etag = {"If-Match": first.headers["etag"]}
    await noa.expect(412, "PATCH", "/users/me", json={"name": "Noa"}, headers=etag)
    await noa.expect(412, "PUT", "/users/me/preferences", json={}, headers=etag)


async def test_preferences_are_replaced_whole(noa: ApiClient) -> None:
    wanted = {
        "recentSearches": ["robotics", "רובוטיקה"], "favoriteTopics": ["Technology"], "favoriteMentors": [MENTOR],
        "timezone": "Asia/Jerusalem",
        "notifications": {"email": False, "sms": False, "voice": True, "inApp": False, "push": False},
    }  # fmt: skip
    assert await noa.expect(200, "PUT", "/users/me/preferences", json=wanted) == wanted
    profile = await noa.expect(200, "GET", "/users/me")
    assert (profile["preferences"], profile["timezone"]) == (wanted, "Asia/Jerusalem")
    assert await noa.expect(200, "GET", "/users/me/preferences") == wanted
    partly = await noa.expect(200, "PUT", "/users/me/preferences", json={"notifications": {"sms": False}})
    assert partly == {**AT_FIRST, "notifications": {**AT_FIRST["notifications"], "sms": False}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "admin"}, "role"), ({"notifications": {"fax": True}}, "notifications.fax"),
        ({"notifications": {"sms": "yes"}}, "notifications.sms"), ({"recentSearches": ["x"] * 21}, "recentSearches"),
        ({"recentSearches": ["x" * 201]}, "recentSearches[0]"), ({"favoriteMentors": ["noa"]}, "favoriteMentors[0]"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)  # fmt: skip
async def test_a_fault_in_preferences_is_named(noa: ApiClient, body: dict[str, Any], field: str) -> None:
    problem = await noa.expect(400, "PUT", "/users/me/preferences", json=body)
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_a_key_is_nobody_with_a_profile(client: ApiClient) -> None:
    key = await client.create("/api-keys", name="n8n", scopes=["*"])
    headers = {"Authorization": f"Bearer {key['secret']}"}
    await client.expect(403, "GET", "/users/me", headers=headers)
    await client.expect(403, "PATCH", "/users/me", json={"name": "n8n"}, headers=headers)
    await client.expect(403, "PUT", "/users/me/preferences", json={}, headers=headers)


async def test_one_sees_nobody_elses_profile(noa: ApiClient, database: Database) -> None:
    other: UUID = await make_person(database, "omer@example.com")
    await noa.expect(403, "GET", f"/admin/users/{other}")
    await noa.expect(403, "PATCH", f"/admin/users/{other}", json={"name": "x"})
