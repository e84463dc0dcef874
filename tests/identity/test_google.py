"""Signing in with Google: its tokens against its keys, which a job fetches."""

import asyncio
from typing import Any

import pytest

from models.identity.permissions import Role
from models.kernel.session import Database
from tests.support.accounts import PASSWORD, bearer, log_in, mail_to, make_person, status_of, token_in
from tests.support.client import ApiClient
from tests.support.google_simulator import ANDROID_CLIENT_ID, CLIENT_ID, NOA, GoogleSimulator
from tests.support.signing import sign_by_secret, unsigned
from tests.support.simulators import AWAY, BUSY, HANGING, MOVED, NOT_JSON

SIGN_IN = "/auth/oauth/google"


async def sign_in(client: ApiClient, token: str, status: int = 200, **more: Any) -> Any:
    return await client.expect(status, "POST", SIGN_IN, json={"idToken": token, **more})


async def users(database: Database) -> list[Any]:
    return list(await database.fetch("SELECT * FROM users ORDER BY created_at"))


async def test_the_first_sign_in_makes_a_student(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    entered = await sign_in(anonymous, google.id_token())
    user = entered["user"]
    assert (user["email"], user["name"], user["role"]) == ("noa@gmail.com", "Noa Levi", "student")
    assert user["avatarUrl"] == NOA["picture"]
    assert user["emailVerifiedAt"] is not None
    me = await anonymous.expect(200, "GET", "/auth/me", headers=bearer(entered))
    assert me["actor"] == f"user:{user['id']}"
    refreshed = await anonymous.expect(200, "POST", "/auth/refresh", json={"refreshToken": entered["refreshToken"]})
    assert await status_of(anonymous, refreshed) == 200


async def test_it_is_the_same_user_again_by_googles_id_whatever_the_mail(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    first = await sign_in(anonymous, google.id_token())
    moved = await sign_in(anonymous, google.id_token(email="noa.levi@gmail.com"))
    assert moved["user"]["id"] == first["user"]["id"]
    assert moved["user"]["email"] == "noa@gmail.com"
    other = await sign_in(anonymous, google.id_token(sub="2", email="noa.levi@gmail.com"))
    assert other["user"]["id"] != first["user"]["id"]


async def test_ten_first_sign_ins_at_once_are_one_user(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    entered = await asyncio.gather(*(sign_in(anonymous, google.id_token()) for _ in range(10)))
    assert len({each["user"]["id"] for each in entered}) == 1
    assert len(await users(database)) == 1
    assert len(await database.fetch("SELECT FROM provider_identities")) == 1
    assert len(await database.fetch("SELECT FROM jobs WHERE kind = 'identity.fetch_keys'")) == 1
    assert google.calls == ["GET /google/certs"]


async def test_two_at_google_with_one_mail_at_once_are_one_user(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    tokens = [google.id_token(sub=str(number)) for number in range(6)]
    await asyncio.gather(*(sign_in(anonymous, token) for token in tokens))
    assert len(await users(database)) == 1


async def test_an_account_whose_mail_both_know_is_opened(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    noa = await make_person(database, "NOA@gmail.com")
    entered = await sign_in(anonymous, google.id_token())
    assert (entered["user"]["id"], entered["user"]["role"]) == (str(noa), "manager")
    assert await status_of(anonymous, await log_in(anonymous, "noa@gmail.com")) == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": "noa@example.com"},
    ],
)
async def test_an_account_is_not_opened_where_google_does_not_vouch_for_the_mail(
    anonymous: ApiClient, database: Database, google: GoogleSimulator, claims: dict[str, Any]
) -> None:
    await make_person(database, claims.get("email", "noa@gmail.com"))
    answer = await sign_in(anonymous, google.id_token(**claims), 202)
    assert list(answer) == ["registrationId"]
    assert await database.fetch("SELECT FROM provider_identities") == []
    assert "account" in await mail_to(database, claims.get("email", "noa@gmail.com"), "account_exists")


async def test_a_mail_google_does_not_vouch_for_makes_an_account_by_its_link(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    token = google.id_token(email="noa@example.com")
    await sign_in(anonymous, token, 202)
    assert await users(database) == []
    mailed = token_in(await mail_to(database, "noa@example.com", "confirm_email"))
    made = await anonymous.expect(200, "POST", "/auth/verify-email", json={"token": mailed})
    assert (made["email"], made["name"], made["role"]) == ("noa@example.com", "Noa Levi", "student")
    assert (await sign_in(anonymous, token))["user"]["id"] == made["id"]


async def test_a_mailed_link_takes_nothing_from_an_account_that_was_connected_meanwhile(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    token = google.id_token(email="noa@example.com")
    await sign_in(anonymous, token, 202)
    mailed = token_in(await mail_to(database, "noa@example.com", "confirm_email"))
    omer = await make_person(database, "omer@example.com")
    headers = bearer(await log_in(anonymous, "omer@example.com"))
    await anonymous.expect(204, "POST", f"{SIGN_IN}/connect", json={"idToken": token}, headers=headers)
    await anonymous.expect(422, "POST", "/auth/verify-email", json={"token": mailed})
    assert [user["id"] for user in await users(database)] == [omer]
    assert (await sign_in(anonymous, token))["user"]["id"] == str(omer)


async def test_an_account_whose_mail_was_never_confirmed_is_not_opened(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    await make_person(database, "noa@gmail.com", Role.ADMIN)
    await database.execute("UPDATE users SET email_verified_at = NULL")
    problem = await sign_in(anonymous, google.id_token(), 409)
    assert "not confirmed" in problem["detail"]
    assert await database.fetch("SELECT FROM provider_identities") == []


@pytest.mark.parametrize("known_before", [True, False])
async def test_who_is_blocked_stays_out(
    anonymous: ApiClient, database: Database, google: GoogleSimulator, known_before: bool
) -> None:
    await make_person(database, "noa@gmail.com")
    if known_before:
        await sign_in(anonymous, google.id_token())
    await database.execute("UPDATE users SET blocked_at = clock_timestamp()")
    assert (await sign_in(anonymous, google.id_token(), 403))["detail"] == "This account is blocked."


async def test_whose_account_was_deleted_comes_back_as_somebody_new(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    first = await sign_in(anonymous, google.id_token())
    await database.execute("UPDATE users SET deleted_at = clock_timestamp()")
    second = await sign_in(anonymous, google.id_token())
    assert second["user"]["id"] != first["user"]["id"]


async def test_a_second_step_is_asked_for_all_the_same(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    noa = await make_person(database, "noa@gmail.com", Role.ADMIN)
    await database.execute(
        "INSERT INTO second_factors (user_id, secret, confirmed_at) VALUES ($1, 'x', clock_timestamp())", noa
    )
    answer = await sign_in(anonymous, google.id_token())
    assert sorted(answer) == ["challengeToken", "expiresIn"]


async def test_without_a_mail_there_is_no_account(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    for email in (None, "", "not a mail", "noa@gmail.com\n", "x" * 250 + "@gmail.com"):
        problem = await sign_in(anonymous, google.id_token(email=email), 422)
        assert "mail" in problem["detail"]
    assert await users(database) == []


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "another-app.apps.googleusercontent.com"}, "another application"),
        ({"aud": [CLIENT_ID, "another-app"], "azp": "another-app"}, "another application"),
        ({"azp": "another-app.apps.googleusercontent.com"}, "another application"),
        ({"iss": "https://accounts.google.example"}, "somewhere else"),
        ({"iat": 1, "exp": 2}, "expired"),
        ({"nonce": "another"}, "nonce"),
    ],
)
async def test_a_token_that_is_not_for_us_now_opens_nothing(
    anonymous: ApiClient, database: Database, google: GoogleSimulator, claims: dict[str, Any], why: str
) -> None:
    problem = await sign_in(anonymous, google.id_token(**claims), 401, nonce="n-1" if "nonce" in claims else None)
    assert why in problem["detail"]
    assert await users(database) == []


async def test_a_token_of_our_android_app_is_one_of_ours(anonymous: ApiClient, google: GoogleSimulator) -> None:
    await sign_in(anonymous, google.id_token(aud=CLIENT_ID, azp=ANDROID_CLIENT_ID, nonce="n-1"), nonce="n-1")


async def test_forged_tokens_open_nothing(anonymous: ApiClient, database: Database, google: GoogleSimulator) -> None:
    claims = {"iss": "https://accounts.google.com", "aud": CLIENT_ID, **NOA, "iat": 1, "exp": 9_999_999_999}
    stranger = google.new_key()
    stranger.kid = google.key.kid
    for token in (
        sign_by_secret(claims, google.key.kid, google.key.public_pem),
        unsigned(claims, google.key.kid),
        stranger.sign(claims),
        "nonsense",
    ):
        await sign_in(anonymous, token, 401)
    assert await users(database) == []


async def test_keys_rotate(anonymous: ApiClient, database: Database, google: GoogleSimulator) -> None:
    await sign_in(anonymous, google.id_token())
    await database.execute("UPDATE provider_keys SET asked_at = asked_at - interval '31 seconds'")
    before = google.id_token()
    google.rotate()
    await sign_in(anonymous, google.id_token())
    assert len(google.calls) == 2
    assert "none of their keys" in (await sign_in(anonymous, before, 401))["detail"]


async def test_unknown_keys_are_asked_for_once_in_a_while_and_not_for_each_token(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    tokens = [google.new_key().sign({"sub": "1"}) for _ in range(8)]
    await asyncio.gather(*(sign_in(anonymous, token, 401) for token in tokens))
    await sign_in(anonymous, google.id_token())
    assert len(google.calls) == 1


async def test_known_keys_go_on_while_google_is_away(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    await sign_in(anonymous, google.id_token())
    google.after = AWAY
    await database.execute("UPDATE provider_keys SET fetched_at = '2026-01-01', asked_at = '2026-01-01'")
    await sign_in(anonymous, google.id_token())
    google.rotate()
    problem = await sign_in(anonymous, google.id_token(), 503)
    assert problem["code"] == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize("fault", [AWAY, BUSY, NOT_JSON, MOVED])
async def test_a_short_absence_is_waited_out(anonymous: ApiClient, google: GoogleSimulator, fault: Any) -> None:
    google.faults = [fault]
    await sign_in(anonymous, google.id_token())
    assert google.calls == ["GET /google/certs"] * 2


async def test_while_google_hangs_the_answer_is_try_again(anonymous: ApiClient, google: GoogleSimulator) -> None:
    google.after = HANGING
    response = await anonymous.post(SIGN_IN, json={"idToken": google.id_token()})
    assert (response.status_code, "retry-after" in response.headers) == (503, True)


async def test_nothing_of_the_token_stays_anywhere(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    token = google.id_token()
    await sign_in(anonymous, token)
    tables = ("jobs", "job_attempts", "events", "provider_keys", "provider_identities", "sessions")
    for table in tables:
        rows = [str(dict(row)) for row in await database.fetch(f"SELECT * FROM {table}")]
        assert not any(part in row for row in rows for part in (token, token.split(".")[2])), table


async def test_who_is_signed_in_may_connect_google_whatever_its_mail(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    noa = await make_person(database)
    tokens = await log_in(anonymous)
    token = google.id_token(email_verified=False)
    await anonymous.expect(204, "POST", f"{SIGN_IN}/connect", json={"idToken": token}, headers=bearer(tokens))
    assert (await sign_in(anonymous, token))["user"]["id"] == str(noa)
    (identity,) = await anonymous.expect(200, "GET", "/users/me/identities", headers=bearer(tokens))
    assert (identity["provider"], identity["email"]) == ("google", "noa@gmail.com")
    path = f"/users/me/identities/{identity['id']}"
    await anonymous.expect(204, "DELETE", path, headers=bearer(tokens))
    await anonymous.expect(404, "DELETE", path, headers=bearer(tokens))
    assert (await sign_in(anonymous, google.id_token()))["user"]["id"] != str(noa)


async def test_what_is_somebody_elses_is_neither_connected_nor_disconnected(
    anonymous: ApiClient, database: Database, google: GoogleSimulator
) -> None:
    theirs = await sign_in(anonymous, google.id_token())
    (identity,) = await anonymous.expect(200, "GET", "/users/me/identities", headers=bearer(theirs))
    await make_person(database)
    mine = bearer(await log_in(anonymous))
    await anonymous.expect(409, "POST", f"{SIGN_IN}/connect", json={"idToken": google.id_token()}, headers=mine)
    await anonymous.expect(404, "DELETE", f"/users/me/identities/{identity['id']}", headers=mine)


async def test_the_last_way_into_an_account_stays(anonymous: ApiClient, google: GoogleSimulator) -> None:
    headers = bearer(await sign_in(anonymous, google.id_token()))
    (identity,) = await anonymous.expect(200, "GET", "/users/me/identities", headers=headers)
    problem = await anonymous.expect(409, "DELETE", f"/users/me/identities/{identity['id']}", headers=headers)
    assert "password" in problem["detail"]


async def test_a_password_is_no_way_into_an_account_that_has_none(
    anonymous: ApiClient, google: GoogleSimulator
) -> None:
    await sign_in(anonymous, google.id_token())
    for password in (PASSWORD, "None", "x"):
        body = {"email": "noa@gmail.com", "password": password}
        await anonymous.expect(401, "POST", "/auth/login", json=body)
