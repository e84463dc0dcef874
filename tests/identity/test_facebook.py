"""Signing in with Facebook: its access tokens by asking it, the tokens of its Limited Login by its keys."""

import asyncio
from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.accounts import bearer, log_in, mail_to, make_person, token_in
from tests.support.client import ApiClient, eventually
from tests.support.facebook_simulator import APP_ID, APP_SECRET, INVALID, NOA, FacebookSimulator
from tests.support.simulators import AWAY, BUSY, HANGING, NOT_JSON, Fault

SIGN_IN = "/auth/oauth/facebook"
TRY_LATER = Fault(400, b'{"error": {"code": 4, "message": "Application request limit reached"}}')


async def sign_in(client: ApiClient, status: int, **body: Any) -> Any:
    return await client.expect(status, "POST", SIGN_IN, json=body)


async def confirmed(client: ApiClient, database: Database, email: str = "noa@example.com") -> Any:
    """The account that the mailed link makes."""
    token = token_in(await mail_to(database, email, "confirm_email"))
    return await client.expect(200, "POST", "/auth/verify-email", json={"token": token})


async def test_the_first_sign_in_is_a_registration_because_facebook_vouches_for_no_mail(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator
) -> None:
    answer = await sign_in(anonymous, 202, accessToken=facebook.access_token())
    assert list(answer) == ["registrationId"]
    assert await database.fetch("SELECT FROM users") == []
    made = await confirmed(anonymous, database)
    entered = await sign_in(anonymous, 200, accessToken=facebook.access_token())
    assert entered["user"]["id"] == made["id"]
    assert (made["name"], made["role"]) == ("Noa Levi", "student")
    limited_login = await sign_in(anonymous, 200, idToken=facebook.id_token())
    assert limited_login["user"]["id"] == made["id"]


async def test_an_account_with_the_mail_is_not_opened_and_its_owner_is_told(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator
) -> None:
    await make_person(database)
    for body in ({"accessToken": facebook.access_token()}, {"idToken": facebook.id_token(email_verified=True)}):
        assert list(await sign_in(anonymous, 202, **body)) == ["registrationId"]
    assert await database.fetch("SELECT FROM provider_identities") == []
    assert "account" in await mail_to(database, "noa@example.com", "account_exists", count=2)


async def test_whoever_is_signed_in_may_connect_it(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator
) -> None:
    noa = await make_person(database)
    headers = bearer(await log_in(anonymous))
    body = {"accessToken": facebook.access_token(email=None)}
    await anonymous.expect(204, "POST", f"{SIGN_IN}/connect", json=body, headers=headers)
    assert (await sign_in(anonymous, 200, **body))["user"]["id"] == str(noa)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ({"app_id": "1111111111"}, "another application"),
        ({"expires_in": -5}, "expired"),
        ({"type_": "PAGE"}, "no person's"),
        (None, "does not know it"),
    ],
)
async def test_a_token_that_is_not_for_us_now_opens_nothing(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator, token: dict[str, Any] | None, why: str
) -> None:
    await make_person(database)
    text = facebook.access_token(**token) if token is not None else "EAAGnonsense"
    assert why in (await sign_in(anonymous, 401, accessToken=text))["detail"]
    assert await database.fetch("SELECT FROM mailed_links") == []


async def test_a_token_that_facebook_takes_back_in_between_opens_nothing(
    anonymous: ApiClient, facebook: FacebookSimulator
) -> None:
    token = facebook.access_token()
    whole = f'{{"data": {{"app_id": "{APP_ID}", "type": "USER", "is_valid": true, "user_id": "7"}}}}'
    facebook.faults = [Fault(200, whole.encode())]
    assert "somebody else" in (await sign_in(anonymous, 401, accessToken=token))["detail"]
    facebook.faults = [Fault(200, whole.encode()), Fault(400, str(INVALID).replace("'", '"').encode())]
    assert "refuses it" in (await sign_in(anonymous, 401, accessToken=token))["detail"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["accessToken"]),
        ({"accessToken": "EAAG", "idToken": "x.y.z"}, ["accessToken"]),
        ({"accessToken": "EAAG", "nonce": "n"}, ["nonce"]),
        ({"accessToken": "EAAG&fields=id"}, ["accessToken"]),
        ({"accessToken": "E" * 2049}, ["accessToken"]),
        ({"token": "EAAG"}, ["token", "accessToken"]),
    ],
)
async def test_what_is_sent_is_one_token_of_a_known_kind(
    anonymous: ApiClient, body: dict[str, Any], fields: list[str]
) -> None:
    problem = await sign_in(anonymous, 400, **body)
    assert [fault["field"] for fault in problem["errors"]] == fields


@pytest.mark.parametrize(
    ("claims", "nonce", "good"),
    [
        ({"nonce": "n-1"}, "n-1", True),
        ({"nonce": "n-2"}, "n-1", False),
        ({"aud": "1111111111"}, None, False),
        ({"iss": "https://accounts.google.com"}, None, False),
        ({"iat": 1, "exp": 2}, None, False),
    ],
)
async def test_a_limited_login_is_checked_by_facebooks_keys(
    anonymous: ApiClient, facebook: FacebookSimulator, claims: dict[str, Any], nonce: str | None, good: bool
) -> None:
    await sign_in(anonymous, 202 if good else 401, idToken=facebook.id_token(**claims), nonce=nonce)
    assert all(call == "GET /facebook/jwks" for call in facebook.calls)


@pytest.mark.parametrize("fault", [AWAY, BUSY, NOT_JSON, TRY_LATER])
async def test_a_short_absence_is_waited_out(anonymous: ApiClient, facebook: FacebookSimulator, fault: Fault) -> None:
    facebook.faults = [fault]
    await sign_in(anonymous, 202, accessToken=facebook.access_token())


@pytest.mark.parametrize("fault", [AWAY, HANGING])
async def test_while_facebook_is_away_the_answer_is_try_again(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator, fault: Fault
) -> None:
    facebook.after = fault
    body, headers = {"accessToken": facebook.access_token()}, {"Prefer": "wait=3"}
    response = await anonymous.post(SIGN_IN, json=body, headers=headers)
    assert (response.status_code, "retry-after" in response.headers) == (503, True)
    assert await database.fetch("SELECT FROM provider_checks") == []


async def test_neither_the_token_nor_our_secret_nor_the_answer_stays_anywhere(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator
) -> None:
    noa = await make_person(database)
    await database.execute(
        "INSERT INTO provider_identities (id, user_id, provider, subject) VALUES ($1, $1, 'facebook', $2)",
        noa, NOA["id"],
    )  # fmt: skip
    token = facebook.access_token(email="elsewhere@example.com", name="Another Name")
    await sign_in(anonymous, 200, accessToken=token)
    assert await database.fetch("SELECT FROM provider_checks") == []
    for table in ("jobs", "job_attempts", "events", "sessions"):
        rows = [str(dict(row)) for row in await database.fetch(f"SELECT * FROM {table}")]
        for secret in (token, APP_SECRET, "elsewhere@example.com", "Another Name"):
            assert not any(secret in row for row in rows), table


async def test_a_question_that_waits_is_encrypted(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator
) -> None:
    facebook.after = HANGING
    token = facebook.access_token()
    asking = asyncio.create_task(anonymous.post(SIGN_IN, json={"accessToken": token}, headers={"Prefer": "wait=2"}))

    async def is_asked() -> bool:
        return bool(facebook.calls)

    await eventually(is_asked)
    (row,) = await database.fetch("SELECT * FROM provider_checks")
    assert row["credential"]
    assert token not in str(dict(row))
    (job,) = await database.fetch("SELECT * FROM jobs WHERE kind = 'identity.check_identity'")
    assert token not in str(dict(job))
    assert (await asking).status_code == 503


async def test_ten_first_sign_ins_at_once_are_one_account(
    anonymous: ApiClient, database: Database, facebook: FacebookSimulator
) -> None:
    await sign_in(anonymous, 202, accessToken=facebook.access_token())
    await confirmed(anonymous, database)
    entered = await asyncio.gather(*(sign_in(anonymous, 200, accessToken=facebook.access_token()) for _ in range(10)))
    assert len({each["user"]["id"] for each in entered}) == 1
