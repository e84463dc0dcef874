"""Passwords: changed by who knows them, chosen anew by who reads the mail."""

from typing import Any
from uuid import UUID

import pytest

from models.identity.passwords import matches
from models.identity.rules import password_faults
from models.identity.services import passwords
from models.kernel.session import Database
from tests.support.accounts import PASSWORD, bearer, log_in, mail_to, make_person, token_in
from tests.support.client import ApiClient, eventually

NEW = "another horse, another battery"
NOA = "noa@example.com"


@pytest.fixture
async def noa(clean: None, database: Database) -> UUID:
    return await make_person(database)


async def change(client: ApiClient, tokens: Any, status: int = 204, **body: str) -> Any:
    whole = {"currentPassword": PASSWORD, "newPassword": NEW, **body}
    return await client.expect(status, "POST", "/auth/password", json=whole, headers=bearer(tokens))


async def reset(client: ApiClient, token: str, status: int = 204, password: str = NEW) -> Any:
    return await client.expect(status, "POST", "/auth/reset-password", json={"token": token, "newPassword": password})


async def reset_token(client: ApiClient, database: Database, *, count: int = 1) -> str:
    await client.expect(204, "POST", "/auth/forgot-password", json={"email": NOA})
    return token_in(await mail_to(database, NOA, "reset_password", count=count))


async def refreshed(client: ApiClient, tokens: Any) -> int:
    return (await client.post("/auth/refresh", json={"refreshToken": tokens["refreshToken"]})).status_code


async def test_a_change_ends_all_other_sessions_and_keeps_ones_own(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    this, other = await log_in(anonymous), await log_in(anonymous)
    await change(anonymous, this)
    assert (await refreshed(anonymous, other), await refreshed(anonymous, this)) == (401, 200)
    await anonymous.expect(401, "POST", "/auth/login", json={"email": NOA, "password": PASSWORD})
    await log_in(anonymous, password=NEW)
    (mail,) = await database.fetch("SELECT recipient, template FROM messages")
    assert dict(mail) == {"recipient": NOA, "template": "password_changed"}


async def test_a_change_takes_the_current_password(anonymous: ApiClient, noa: UUID) -> None:
    tokens, other = await log_in(anonymous), await log_in(anonymous)
    problem = await change(anonymous, tokens, 403, currentPassword="wrong")
    assert "wrong" in problem["detail"]
    assert await refreshed(anonymous, other) == 200
    await log_in(anonymous)


@pytest.mark.parametrize("bad", ["short", "aaaaaaaaaaaaaa", NOA])
async def test_a_bad_new_password_changes_nothing(anonymous: ApiClient, noa: UUID, bad: str) -> None:
    tokens = await log_in(anonymous)
    problem = await change(anonymous, tokens, 400, newPassword=bad)
    assert [fault["field"] for fault in problem["errors"]] == ["newPassword"]
    await log_in(anonymous)


async def test_a_password_that_is_changed_while_it_is_shown_opens_nothing(
    anonymous: ApiClient, database: Database, noa: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has stolen it is too late once its owner has another."""
    tokens = await log_in(anonymous)

    async def slow(stored: str | None, password: str) -> bool:
        right = await matches(stored, password)
        await database.execute("UPDATE users SET password_hash = 'another'")
        return right

    monkeypatch.setattr(passwords, "matches", slow)
    await change(anonymous, tokens, 403)
    (row,) = await database.fetch("SELECT password_hash FROM users")
    assert row["password_hash"] == "another"


async def test_a_key_has_no_password(client: ApiClient) -> None:
    key = await client.create("/api-keys", name="n8n", scopes=["*"])
    await change(client, {"accessToken": key["secret"]}, 403)


@pytest.mark.usefixtures("workers")
async def test_who_reads_the_mail_chooses_a_new_password(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    tokens = await log_in(anonymous)
    await database.execute("UPDATE users SET email_verified_at = NULL")
    await reset(anonymous, await reset_token(anonymous, database))
    assert await refreshed(anonymous, tokens) == 401
    await anonymous.expect(401, "POST", "/auth/login", json={"email": NOA, "password": PASSWORD})
    assert (await log_in(anonymous, password=NEW))["user"]["emailVerifiedAt"] is not None


@pytest.mark.usefixtures("workers")
async def test_a_reset_link_is_good_once_and_only_the_newest_password_holds(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    first = await reset_token(anonymous, database)
    second = await reset_token(anonymous, database, count=2)
    (stored, _) = await database.fetch("SELECT * FROM mailed_links ORDER BY id")
    assert first not in str(dict(stored))
    await reset(anonymous, first)
    for spent in (first, second):
        await reset(anonymous, spent, 422, "a third password, quite long")
    await log_in(anonymous, password=NEW)


@pytest.mark.usefixtures("workers")
async def test_a_reset_link_expires(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    token = await reset_token(anonymous, database)
    await database.execute("UPDATE mailed_links SET expires_at = clock_timestamp()")
    await reset(anonymous, token, 422)
    await log_in(anonymous)


@pytest.mark.usefixtures("workers")
async def test_a_reset_with_a_bad_password_does_not_spend_the_link(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    token = await reset_token(anonymous, database)
    await reset(anonymous, token, 400, "short")
    await reset(anonymous, token)


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("column", ["blocked_at", "deleted_at"])
async def test_who_is_blocked_or_deleted_gets_no_way_back(
    anonymous: ApiClient, database: Database, noa: UUID, column: str
) -> None:
    token = await reset_token(anonymous, database)
    await database.execute(f"UPDATE users SET {column} = clock_timestamp()")
    await reset(anonymous, token, 422)
    await anonymous.expect(204, "POST", "/auth/forgot-password", json={"email": NOA})
    await all_jobs_ended(database)
    assert len(await database.fetch("SELECT 1 FROM messages")) == 1


@pytest.mark.usefixtures("workers")
async def test_a_link_for_one_purpose_is_none_for_another(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    token = await reset_token(anonymous, database)
    await anonymous.expect(422, "POST", "/auth/verify-email", json={"token": token})
    body = {"email": "omer@example.com", "password": PASSWORD, "name": "Omer"}
    await anonymous.expect(202, "POST", "/auth/register", json=body)
    await reset(anonymous, token_in(await mail_to(database, "omer@example.com", "confirm_email")), 422)
    await reset(anonymous, token)


@pytest.mark.usefixtures("workers")
async def test_an_unknown_address_is_answered_alike_and_gets_no_mail(anonymous: ApiClient, database: Database) -> None:
    await anonymous.expect(204, "POST", "/auth/forgot-password", json={"email": "nobody@example.com"})
    await all_jobs_ended(database)
    assert await database.fetch("SELECT 1 FROM messages") == []


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("correct horse", None), ("ten.chars!", None), ("נהנהאבגדהוזח", None), ("nine.char", "at least 10 characters"),
        ("abababababab", "different"), ("Noa@Example.com", "the email"), ("abcdefghij", None),
    ],
)  # fmt: skip
def test_what_a_password_must_be(password: str, fault: str | None) -> None:
    faults = password_faults("password", password, NOA)
    assert [fault in each.message for each in faults if fault] == ([True] if fault else [])
    assert bool(faults) == bool(fault)


async def all_jobs_ended(database: Database) -> None:
    async def ended() -> bool:
        rows = await database.fetch("SELECT status FROM jobs")
        return bool(rows) and all(row["status"] == "succeeded" for row in rows)

    await eventually(ended)
