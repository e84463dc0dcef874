"""Logging in, and what a token is worth."""

from typing import Any
from uuid import UUID

import pytest

from models.identity import passwords
from models.kernel.clock import utc_now
from models.kernel.session import Database
from tests.support.accounts import PASSWORD, bearer, log_in, make_person, status_of
from tests.support.client import ApiClient, eventually

NOA = {"email": "noa@example.com", "password": PASSWORD}


@pytest.fixture
async def noa(clean: None, database: Database) -> UUID:
    return await make_person(database)


async def me(client: ApiClient, credentials: str) -> Any:
    return await client.get("/auth/me", headers={"Authorization": credentials})


async def test_a_login_gives_a_token_that_says_who_one_is(anonymous: ApiClient, noa: UUID) -> None:
    answer = await anonymous.expect(200, "POST", "/auth/login", json={**NOA, "email": "NOA@example.com"})
    assert (answer["tokenType"], answer["user"]["id"], answer["user"]["role"]) == ("Bearer", str(noa), "manager")
    assert answer["expiresIn"] == 15 * 60
    assert "hash" not in str(answer).lower()
    response = await anonymous.get("/auth/me", headers=bearer(answer))
    assert response.status_code == 200
    assert (response.json()["actor"], response.json()["user"]["email"]) == (f"user:{noa}", NOA["email"])
    assert response.json()["user"]["lastLoginAt"] is not None
    assert "write:customers" in response.json()["scopes"]


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"email": "nobody@example.com"}, {"password": NOA["password"] + " "}]
)
async def test_whatever_is_wrong_with_a_login_is_said_in_the_same_words(
    anonymous: ApiClient, noa: UUID, wrong: dict[str, str]
) -> None:
    response = await anonymous.post("/auth/login", json={**NOA, **wrong})
    assert response.status_code == 401
    assert response.json()["detail"] == "The email or the password is wrong."
    assert "errors" not in response.json()


async def test_an_unknown_email_is_as_much_work_as_a_wrong_password(
    anonymous: ApiClient, database: Database, noa: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash is verified and the same statements run, so that the time tells nothing."""
    work: list[str] = []
    verify, fetch = passwords._hasher.verify, Database.fetch

    def counted_verify(stored: str, password: str) -> bool:
        work.append(f"verify {stored.rpartition('$')[0].rpartition('$')[0]}")
        return verify(stored, password)

    async def counted_fetch(self: Database, sql: str, *args: Any) -> Any:
        work.append(sql)
        return await fetch(self, sql, *args)

    monkeypatch.setattr(passwords, "_hasher", type("Counted", (), {"verify": staticmethod(counted_verify)}))
    monkeypatch.setattr(Database, "fetch", counted_fetch)

    async def work_of(**login: str) -> list[str]:
        work.clear()
        await anonymous.expect(401, "POST", "/auth/login", json=login)
        return [each for each in work if "pg_notify" not in each]  # the scheduler is woken afterwards

    known = await work_of(**{**NOA, "password": "wrong"})
    assert sum(item.startswith("verify $argon2id$") for item in known) == 1
    assert await work_of(email="nobody@example.com", password="wrong") == known
    monkeypatch.setattr(Database, "fetch", fetch)
    await database.execute("UPDATE users SET blocked_at = clock_timestamp()")
    monkeypatch.setattr(Database, "fetch", counted_fetch)
    assert await work_of(**NOA) == known


@pytest.mark.parametrize("column", ["blocked_at", "deleted_at"])
async def test_who_is_blocked_or_deleted_neither_logs_in_nor_stays_in(
    anonymous: ApiClient, database: Database, noa: UUID, column: str
) -> None:
    tokens = await log_in(anonymous)
    assert await status_of(anonymous, tokens) == 200
    await database.execute(f"UPDATE users SET {column} = clock_timestamp()")
    problem = await anonymous.expect(401, "POST", "/auth/login", json=NOA)
    assert problem["detail"] == "The email or the password is wrong."
    await anonymous.expect(401, "POST", "/auth/refresh", json={"refreshToken": tokens["refreshToken"]})

    async def is_out() -> bool:
        return await status_of(anonymous, tokens) == 401

    await eventually(is_out)


async def test_who_has_no_password_does_not_log_in_with_any(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    await database.execute("UPDATE users SET password_hash = NULL")
    for password in (PASSWORD, "None", "null"):
        await anonymous.expect(401, "POST", "/auth/login", json={**NOA, "password": password})


@pytest.mark.parametrize("header", ["Basic bm9hOng=", "Bearer", "Bearer ", "token"])
async def test_other_credentials_than_a_bearer_token_are_refused(anonymous: ApiClient, header: str) -> None:
    response = await me(anonymous, header)
    assert response.status_code == 401
    assert "Bearer" in response.json()["detail"]


async def test_the_last_login_is_noted(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    before = utc_now()
    await log_in(anonymous)
    (row,) = await database.fetch("SELECT last_login_at FROM users")
    assert row["last_login_at"] >= before
