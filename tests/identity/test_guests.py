"""Visitors: a session of their own, and nothing else."""

from datetime import timedelta
from uuid import UUID

from models.identity.services.sweeping import forget_expired
from models.identity.tokens import Purpose, issue_token
from models.kernel.clock import utc_now
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.client import ApiClient, eventually


async def visit(client: ApiClient) -> tuple[str, dict[str, str]]:
    """Where the session is, and the headers that open it."""
    opened = await client.expect(201, "POST", "/auth/session")
    return f"/auth/session/{opened['session']['id']}", {"Authorization": f"Bearer {opened['token']}"}


async def test_a_visitor_gets_a_session_that_ends_by_itself(anonymous: ApiClient, settings: Settings) -> None:
    response = await anonymous.post("/auth/session")
    opened = response.json()
    assert response.headers["location"] == f"/api/v1/auth/session/{opened['session']['id']}"
    assert (opened["tokenType"], opened["expiresIn"]) == ("Bearer", settings.guest_session_hours * 3600)
    path, headers = await visit(anonymous)
    assert (await anonymous.expect(200, "GET", path, headers=headers))["expiresAt"] > utc_now().isoformat()


async def test_a_visitor_may_nothing_but_what_is_public_and_their_own(anonymous: ApiClient) -> None:
    _, headers = await visit(anonymous)
    other, _ = await visit(anonymous)
    for method, path, status in (
        ("GET", other, 404),
        ("DELETE", other, 404),
        ("GET", "/auth/me", 403),
        ("GET", "/users/me", 403),
        ("GET", "/jobs", 403),
        ("GET", "/customers", 403),
        ("POST", "/users", 403),
        ("POST", "/auth/logout", 403),
        ("POST", "/auth/oauth/google/connect", 403),
    ):
        await anonymous.expect(status, method, path, headers=headers, json={} if method == "POST" else None)
    await anonymous.expect(400, "POST", "/auth/login", headers=headers, json={})


async def test_a_visitor_ends_the_session_and_is_out(anonymous: ApiClient) -> None:
    path, headers = await visit(anonymous)
    await anonymous.expect(204, "DELETE", path, headers=headers)

    async def is_out() -> bool:
        return (await anonymous.get(path, headers=headers)).status_code == 401

    await eventually(is_out)


async def test_nobody_ends_a_session_without_its_token(anonymous: ApiClient, client: ApiClient) -> None:
    path, headers = await visit(client)
    del client.headers["Authorization"]
    await client.expect(401, "DELETE", path)
    await client.expect(200, "GET", path, headers=headers)


async def test_administrators_may_end_any(client: ApiClient) -> None:
    administrator = dict(client.headers)
    path, _ = await visit(client)
    await client.expect(200, "GET", path, headers=administrator)
    await client.expect(204, "DELETE", path, headers=administrator)
    await client.expect(404, "GET", path, headers=administrator)


async def test_a_visitors_token_is_no_users_and_a_users_no_visitors(
    anonymous: ApiClient, database: Database, settings: Settings
) -> None:
    path, headers = await visit(anonymous)
    id_ = UUID(path.rpartition("/")[2])
    hour = timedelta(hours=1)
    await database.execute(
        "INSERT INTO users (id, email, name, role) VALUES ($1, 'noa@example.com', 'Noa', 'admin')", id_
    )
    assert (await anonymous.get("/auth/me", headers=headers)).status_code == 403
    for purpose in (Purpose.ACCESS, Purpose.CHALLENGE):
        token = issue_token(settings, purpose, id_, utc_now(), hour, sid=str(id_), pwd="x")
        await anonymous.expect(401, "GET", path, headers={"Authorization": f"Bearer {token}"})


async def test_an_expired_session_opens_nothing_and_is_swept(anonymous: ApiClient, database: Database) -> None:
    expired, headers = await visit(anonymous)
    living, others = await visit(anonymous)
    await database.execute(
        "UPDATE guest_sessions SET expires_at = clock_timestamp() WHERE id = $1", UUID(expired.rpartition("/")[2])
    )
    await anonymous.expect(401, "GET", expired, headers=headers)
    assert await forget_expired(database) == 1
    await anonymous.expect(200, "GET", living, headers=others)


async def test_what_a_provider_was_asked_and_nobody_waits_for_is_swept(clean: None, database: Database) -> None:
    for minutes in (5, 15):
        await database.execute(
            "INSERT INTO provider_checks (id, provider, credential, created_at) "
            "VALUES (gen_random_uuid(), 'facebook', 'x', clock_timestamp() - make_interval(mins => $1))", minutes,
        )  # fmt: skip
    assert await forget_expired(database) == 1
    assert len(await database.fetch("SELECT FROM provider_checks")) == 1
