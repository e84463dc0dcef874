"""Registering: an account is made by who can read the address's mail, and nobody learns who has one."""

from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar

from models.identity.permissions import Role
from models.identity.services import mailed_links
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.accounts import PASSWORD, log_in, mail_to, make_person, token_in
from tests.support.client import ApiClient
from tests.support.statements import noted_statements

NOA = {"email": "noa@example.com", "password": PASSWORD, "name": "Noa Levi", "locale": "he"}


async def register(client: ApiClient, **changes: Any) -> Any:
    return await client.expect(202, "POST", "/auth/register", json={**NOA, **changes})


async def verify(client: ApiClient, token: str, status: int = 200) -> Any:
    return await client.expect(status, "POST", "/auth/verify-email", json={"token": token})


async def statements(database: Database, table: str) -> int:
    return len(await database.fetch(f"SELECT 1 FROM {table}"))


@pytest.mark.usefixtures("workers")
async def test_who_follows_the_mailed_link_has_an_account_as_a_student(
    anonymous: ApiClient, database: Database, settings: Settings
) -> None:
    await register(anonymous, phone="+972501234567", timezone="Asia/Jerusalem")
    await anonymous.expect(401, "POST", "/auth/login", json={"email": NOA["email"], "password": PASSWORD})
    mail = await mail_to(database, NOA["email"], "confirm_email")
    assert f"{settings.public_url}/verify-email#token=" in mail
    user = await verify(anonymous, token_in(mail))
    assert (user["email"], user["name"], user["role"]) == (NOA["email"], NOA["name"], "student")
    assert (user["phone"], user["timezone"], user["locale"]) == ("+972501234567", "Asia/Jerusalem", "he")
    assert user["emailVerifiedAt"] is not None
    assert (await log_in(anonymous))["user"]["id"] == user["id"]
    events = await database.fetch("SELECT payload, actor FROM events WHERE type = 'user.registered'")
    assert [event["actor"] for event in events] == [f"user:{user['id']}"]


@pytest.mark.usefixtures("workers")
async def test_a_link_is_good_once_and_stored_as_a_hash(anonymous: ApiClient, database: Database) -> None:
    await register(anonymous)
    token = token_in(await mail_to(database, NOA["email"], "confirm_email"))
    (row,) = await database.fetch("SELECT * FROM mailed_links")
    assert token not in str(dict(row))
    assert PASSWORD not in str(dict(row))
    await verify(anonymous, token)
    problem = await verify(anonymous, token, 422)
    assert "ask for a new one" in problem["detail"]
    assert await statements(database, "users") == 1


@pytest.mark.usefixtures("workers")
async def test_a_link_that_has_expired_makes_nothing(anonymous: ApiClient, database: Database) -> None:
    await register(anonymous)
    token = token_in(await mail_to(database, NOA["email"], "confirm_email"))
    await database.execute("UPDATE mailed_links SET expires_at = clock_timestamp()")
    await verify(anonymous, token, 422)
    assert await statements(database, "users") == 0


@pytest.mark.usefixtures("workers")
async def test_the_account_gets_the_password_of_the_registration_that_was_confirmed(
    anonymous: ApiClient, database: Database
) -> None:
    """Whoever registers an address of someone else gains nothing by being the first, nor by being the last."""
    mine = "my own horse, battery, staple"
    await register(anonymous, password="the first thief's password")
    await register(anonymous, password=mine)
    await register(anonymous, password="the last thief's password")
    await mail_to(database, NOA["email"], "confirm_email", count=3)
    token = await token_of(database, mine)
    await verify(anonymous, token)
    await log_in(anonymous, password=mine)
    for thief in ("the first thief's password", "the last thief's password"):
        await anonymous.expect(401, "POST", "/auth/login", json={"email": NOA["email"], "password": thief})
    assert await statements(database, "mailed_links") == 0


async def token_of(database: Database, password: str) -> str:
    """Out of the mail to the registration with this password, of several to the same address."""
    from models.identity.passwords import matches
    from models.kernel.crypto import digest

    links = await database.fetch("SELECT token_hash, password_hash FROM mailed_links")
    mails = await database.fetch("SELECT text FROM messages")
    (wanted,) = [link["token_hash"] for link in links if await matches(link["password_hash"], password)]
    return next(token for token in map(token_in, (mail["text"] for mail in mails)) if digest(token) == wanted)


@pytest.mark.usefixtures("workers")
async def test_a_known_address_is_answered_alike_and_its_owner_told(anonymous: ApiClient, database: Database) -> None:
    await make_person(database, NOA["email"], password="what it always was")
    known = await anonymous.post("/auth/register", json={**NOA, "email": "NOA@example.com"})
    unknown = await anonymous.post("/auth/register", json={**NOA, "email": "omer@example.com"})
    assert (known.status_code, known.json().keys()) == (unknown.status_code, unknown.json().keys())
    assert known.headers.keys() == unknown.headers.keys()
    mail = await mail_to(database, "NOA@example.com", "account_exists")
    assert "token" not in mail
    assert "has an account already" in mail
    await log_in(anonymous, password="what it always was")
    await anonymous.expect(
        204, "POST", "/auth/resend-confirmation", json={"registrationId": known.json()["registrationId"]}
    )
    await mail_to(database, "NOA@example.com", "account_exists", count=2)


async def test_a_known_address_is_as_much_work_as_an_unknown_one(
    app: Litestar, anonymous: ApiClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the statements nor their number depend on whether there is an account."""
    await make_person(database, NOA["email"])
    fetch = Database.fetch

    async def counted(self: Database, sql: str, *args: Any) -> Any:
        work.append(sql)
        return await fetch(self, sql, *args)

    monkeypatch.setattr(Database, "fetch", counted)

    async def work_of(method: str, **body: Any) -> list[str]:
        work.clear()
        answer = await anonymous.post(method, json=body)
        assert answer.status_code < 300, answer.text
        return [each for each in work if "pg_notify" not in each]  # the scheduler is woken afterwards

    with noted_statements(app.state.database) as work:
        for path, body in (("/auth/register", NOA), ("/auth/forgot-password", {})):
            known = await work_of(path, **{**body, "email": NOA["email"]})
            assert len(known) > 3
            assert await work_of(path, **{**body, "email": "nobody@example.com"}) == known


@pytest.mark.usefixtures("workers")
async def test_a_confirmation_sent_again_voids_the_one_before(anonymous: ApiClient, database: Database) -> None:
    made = await register(anonymous)
    first = token_in(await mail_to(database, NOA["email"], "confirm_email"))
    await anonymous.expect(204, "POST", "/auth/resend-confirmation", json=made)
    second = token_in(await mail_to(database, NOA["email"], "confirm_email", count=2))
    await verify(anonymous, first, 422)
    await verify(anonymous, second)


async def test_a_confirmation_nobody_asked_for_is_answered_alike(anonymous: ApiClient, database: Database) -> None:
    body = {"registrationId": "0198c0de-0000-7000-8000-000000000001"}
    await anonymous.expect(204, "POST", "/auth/resend-confirmation", json=body)
    assert await statements(database, "jobs") == 0


@pytest.mark.usefixtures("workers")
async def test_who_got_an_account_meanwhile_does_not_get_another(anonymous: ApiClient, database: Database) -> None:
    await register(anonymous)
    token = token_in(await mail_to(database, NOA["email"], "confirm_email"))
    await make_person(database, "Noa@Example.com", Role.MANAGER)
    await verify(anonymous, token, 422)
    assert await statements(database, "users") == 1


@pytest.mark.usefixtures("workers")
async def test_a_deleted_account_does_not_keep_its_address(anonymous: ApiClient, database: Database) -> None:
    await make_person(database, NOA["email"])
    await database.execute("UPDATE users SET deleted_at = clock_timestamp()")
    await register(anonymous)
    user = await verify(anonymous, token_in(await mail_to(database, NOA["email"], "confirm_email")))
    assert user["role"] == "student"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "admin"), ("emailVerifiedAt", "2026-01-01T00:00:00Z"), ("passwordHash", "x"), ("id", str(UUID(int=1))),
        ("blockedAt", None), ("email", "noa@example.com\n"), ("email", "noa"), ("email", "a b@example.com"),
        ("email", "a,noa@example.com"), ("email", "Noa<noa@example.com>"), ("email", "a@b@example.com"),
        ("phone", "0501234567"), ("phone", "+972501234567\n"), ("timezone", "Mars/Olympus"), ("locale", "HE_il"),
        ("password", "short"), ("password", "aaaaaaaaaaaaaaaa"), ("password", "x" * 201),
        ("password", "NOA@example.com"), ("name", ""),
    ],
)  # fmt: skip
async def test_a_registration_with_a_fault_names_it_and_makes_nothing(
    anonymous: ApiClient, database: Database, field: str, value: Any
) -> None:
    problem = await anonymous.expect(400, "POST", "/auth/register", json={**NOA, field: value})
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert await statements(database, "mailed_links") == 0


async def test_what_the_registrant_has_typed_is_in_no_mail_to_others(
    anonymous: ApiClient, database: Database, settings: Settings
) -> None:
    """Else everybody could have us mail advertisements to anybody."""
    made = await register(anonymous, name="Buy at https://evil.example")
    async with database.transaction() as session:
        await mailed_links.send(session, settings, SYSTEM, UUID(made["registrationId"]))
    for mail in await database.fetch("SELECT * FROM messages"):
        assert "evil" not in str(dict(mail))
