"""Who was not let in leaves a trail, although nothing else is kept of the request."""

from typing import Any
from uuid import UUID

from models.kernel.session import Database
from tests.support.accounts import PASSWORD, log_in, make_person
from tests.support.client import ApiClient


async def refusals(database: Database) -> list[Any]:
    rows = await database.fetch(
        "SELECT entity_id, new->>'reason' AS reason FROM audit_entries WHERE action = 'login_failed' ORDER BY id"
    )
    return [tuple(row.values()) for row in rows]


async def test_a_wrong_password_an_unknown_email_and_a_blocked_user_are_recorded(
    clean: None, anonymous: ApiClient, database: Database
) -> None:
    id_ = await make_person(database)
    for email, password in (("noa@example.com", "wrong"), ("nobody@example.com", "my secret"), ("noa@example.com", "")):
        await anonymous.post("/auth/login", json={"email": email, "password": password})
    await database.execute("UPDATE users SET blocked_at = now() WHERE id = $1", id_)
    await anonymous.expect(401, "POST", "/auth/login", json={"email": "noa@example.com", "password": PASSWORD})
    recorded = await refusals(database)
    assert (str(id_), "password") in recorded
    assert ("unknown", "password") in recorded
    assert recorded[-1] == (str(id_), "blocked")
    rows = await database.fetch("SELECT audit_entries::text AS text FROM audit_entries WHERE action = 'login_failed'")
    assert not any(word in row["text"] for row in rows for word in ("my secret", "nobody@"))


async def test_a_refresh_token_used_again_is_recorded(clean: None, anonymous: ApiClient, database: Database) -> None:
    id_: UUID = await make_person(database)
    first = await log_in(anonymous)
    await anonymous.expect(200, "POST", "/auth/refresh", json={"refreshToken": first["refreshToken"]})
    await anonymous.expect(401, "POST", "/auth/refresh", json={"refreshToken": first["refreshToken"]})
    assert await refusals(database) == [(str(id_), "refresh token used again")]
