"""Logging in, and what a token is worth."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from pydantic import SecretStr

from models.identity.permissions import Role
from models.identity.services.accounts import create_user
from models.identity.tokens import issue_token
from models.kernel.clock import utc_now
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.client import ApiClient, eventually

NOA = {"email": "noa@example.com", "password": "correct horse battery staple"}


@pytest.fixture
async def noa(clean: None, database: Database) -> UUID:
    async with database.transaction() as session:
        user = await create_user(session, **NOA, name="Noa", role=Role.MANAGER)
    return user.id


async def me(client: ApiClient, credentials: str) -> Any:
    return await client.get("/auth/me", headers={"Authorization": credentials})


async def test_a_login_gives_a_token_that_says_who_one_is(anonymous: ApiClient, noa: UUID) -> None:
    answer = await anonymous.expect(200, "POST", "/auth/login", json={**NOA, "email": "NOA@example.com"})
    assert (answer["tokenType"], answer["user"]["id"], answer["user"]["role"]) == ("Bearer", str(noa), "manager")
    assert answer["expiresIn"] > 0
    assert "hash" not in str(answer).lower()
    response = await me(anonymous, f"Bearer {answer['accessToken']}")
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


@pytest.mark.parametrize("column", ["blocked_at", "deleted_at"])
async def test_who_is_blocked_or_deleted_neither_logs_in_nor_stays_in(
    anonymous: ApiClient, database: Database, noa: UUID, column: str
) -> None:
    token = (await anonymous.expect(200, "POST", "/auth/login", json=NOA))["accessToken"]
    assert (await me(anonymous, f"Bearer {token}")).status_code == 200
    await database.execute(f"UPDATE users SET {column} = clock_timestamp()")
    problem = await anonymous.expect(401, "POST", "/auth/login", json=NOA)
    assert problem["detail"] == "The email or the password is wrong."

    async def is_out() -> bool:
        return bool((await me(anonymous, f"Bearer {token}")).status_code == 401)

    await eventually(is_out)


async def test_an_expired_token_says_so(anonymous: ApiClient, settings: Settings, noa: UUID) -> None:
    token = issue_token(noa, settings.secret_key, utc_now() - timedelta(hours=1), 59)
    response = await me(anonymous, f"Bearer {token}")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "expired" in response.json()["detail"]


async def test_a_forged_token_is_refused(anonymous: ApiClient, settings: Settings, noa: UUID) -> None:
    good = issue_token(noa, settings.secret_key, utc_now(), 60)
    head, claims, signature = good.split(".")
    other = issue_token(noa, SecretStr("another deployment's secret, as long"), utc_now(), 60)
    ours = settings.secret_key.get_secret_value()
    now = int(utc_now().timestamp())
    whole: dict[str, Any] = {"sub": str(noa), "aud": "bellwork", "iat": now, "exp": now + 60}
    assert (await me(anonymous, f"bearer {good}")).status_code == 200
    forged = [
        other,
        f"{head}.{claims}.{signature[::-1]}",
        f"{head}.{other.split('.')[1]}x.{signature}",
        jwt.encode(whole, "", algorithm="none"),
        jwt.encode(whole, ours, algorithm="HS512"),
        jwt.encode({**whole, "aud": "another"}, ours),
        jwt.encode({**whole, "sub": "admin"}, ours),
        *(jwt.encode({k: v for k, v in whole.items() if k != gone}, ours) for gone in whole),
        "nonsense",
        "a.b.c",
        "ü",
    ]
    for token in forged:
        response = await anonymous.get("/auth/me", headers=[(b"Authorization", f"Bearer {token}".encode())])
        assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED"), token


@pytest.mark.parametrize("header", ["Basic bm9hOng=", "Bearer", "Bearer ", "token"])
async def test_other_credentials_than_a_bearer_token_are_refused(anonymous: ApiClient, header: str) -> None:
    response = await me(anonymous, header)
    assert response.status_code == 401
    assert "Bearer" in response.json()["detail"]


async def test_a_token_of_someone_who_never_was_is_refused(anonymous: ApiClient, settings: Settings) -> None:
    nobody = UUID("0198c0de-0000-7000-8000-000000000001")
    response = await me(anonymous, f"Bearer {issue_token(nobody, settings.secret_key, utc_now(), 60)}")
    assert response.status_code == 401
