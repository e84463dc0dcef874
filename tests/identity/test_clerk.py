"""Session tokens of a Clerk instance as bearer tokens."""

import asyncio
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from pydantic import SecretStr

from api.app import create_app
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.accounts import make_person
from tests.support.clerk_simulator import NOA, ORIGIN, USER_ID, ClerkSimulator
from tests.support.client import ApiClient, eventually
from tests.support.signing import lifetime, sign_by_secret, unsigned
from tests.support.simulators import AWAY, HANGING


def by(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def arrive(client: ApiClient, token: str, status: int = 201, **body: Any) -> Any:
    return await client.expect(status, "POST", "/users", json=body, headers=by(token))


async def who(client: ApiClient, token: str) -> tuple[int, Any]:
    answer = await client.get("/auth/me", headers=by(token))
    return answer.status_code, answer.json()


async def test_a_user_of_clerk_becomes_one_of_ours_and_calls_with_clerks_tokens(
    anonymous: ApiClient, clerk: ClerkSimulator
) -> None:
    status, problem = await who(anonymous, clerk.session_token())
    assert (status, "POST /users" in problem["detail"]) == (401, True)
    made = await arrive(anonymous, clerk.session_token(), phone="+972501234567", timezone="Asia/Jerusalem")
    assert (made["email"], made["name"], made["role"]) == ("noa@example.com", "Noa Levi", "student")
    assert (made["avatarUrl"], made["phone"], made["timezone"]) == (NOA["image_url"], "+972501234567", "Asia/Jerusalem")
    status, me = await who(anonymous, clerk.session_token())
    assert (status, me["actor"], me["user"]["id"]) == (200, f"user:{made['id']}", made["id"])


async def test_the_token_that_was_a_newcomers_is_a_users_at_once(anonymous: ApiClient, clerk: ClerkSimulator) -> None:
    token = clerk.session_token()
    assert (await who(anonymous, token))[0] == 401
    await arrive(anonymous, token)
    assert (await who(anonymous, token))[0] == 200


async def test_posting_again_takes_over_what_has_changed_at_clerk(anonymous: ApiClient, clerk: ClerkSimulator) -> None:
    made = await arrive(anonymous, clerk.session_token(), phone="+972501234567")
    clerk.users[USER_ID] |= {"last_name": "Cohen", "image_url": "https://img.clerk.com/new"}
    updated = await arrive(anonymous, clerk.session_token(), 200, locale="he")
    assert (updated["id"], updated["name"], updated["locale"]) == (made["id"], "Noa Cohen", "he")
    assert (updated["phone"], updated["avatarUrl"]) == ("+972501234567", "https://img.clerk.com/new")
    await arrive(anonymous, clerk.session_token(), 400, role="admin")
    await arrive(anonymous, clerk.session_token(), 400, email="boss@example.com")


async def test_ten_arrivals_at_once_are_one_user(
    anonymous: ApiClient, database: Database, clerk: ClerkSimulator
) -> None:
    async def one() -> Any:
        return await anonymous.post("/users", json={}, headers=by(clerk.session_token()))

    answers = await asyncio.gather(*(one() for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len(await database.fetch("SELECT FROM users")) == 1


async def test_an_account_whose_mail_clerk_has_verified_is_opened_and_no_other(
    anonymous: ApiClient, database: Database, clerk: ClerkSimulator
) -> None:
    noa = await make_person(database)
    clerk.users[USER_ID]["email_addresses"] = [
        {"id": "idn_2", "email_address": "noa@example.com", "verification": {"status": "unverified"}}
    ]
    assert list(await arrive(anonymous, clerk.session_token(), 202)) == ["registrationId"]
    assert (await who(anonymous, clerk.session_token()))[0] == 401
    clerk.users[USER_ID] = dict(NOA)
    assert (await arrive(anonymous, clerk.session_token(), 200))["id"] == str(noa)


@pytest.mark.parametrize("change", [{"banned": True}, {"locked": True}])
async def test_who_is_banned_at_clerk_does_not_arrive(
    anonymous: ApiClient, clerk: ClerkSimulator, change: dict[str, Any]
) -> None:
    clerk.users[USER_ID] |= change
    assert "banned" in (await arrive(anonymous, clerk.session_token(), 401))["detail"]
    clerk.users.clear()
    assert "not know" in (await arrive(anonymous, clerk.session_token(), 401))["detail"]


async def test_who_is_blocked_here_stays_out_with_a_good_token(
    anonymous: ApiClient, database: Database, clerk: ClerkSimulator
) -> None:
    token = clerk.session_token()
    await arrive(anonymous, token)
    assert (await who(anonymous, token))[0] == 200
    await database.execute("UPDATE users SET blocked_at = clock_timestamp()")

    async def is_out() -> bool:
        return (await who(anonymous, token))[0] == 401

    await eventually(is_out)
    await arrive(anonymous, clerk.session_token(), 401)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://clerk.evil.example"},
        {"azp": "https://evil.example"},
        {"azp": None},
        {"aud": "another-api"},
        {"iat": 1, "exp": 2},
        {"exp": None},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"sts": "pending"},
    ],
)
async def test_a_token_that_is_not_for_us_now_is_refused(
    anonymous: ApiClient, clerk: ClerkSimulator, claims: dict[str, Any]
) -> None:
    await arrive(anonymous, clerk.session_token())
    status, problem = await who(anonymous, clerk.session_token(**claims))
    assert (status, problem["code"]) == (401, "UNAUTHORIZED")
    assert (await who(anonymous, clerk.session_token(**lifetime(60, since=5))))[0] == 200


async def test_forged_tokens_are_refused(anonymous: ApiClient, settings: Settings, clerk: ClerkSimulator) -> None:
    await arrive(anonymous, clerk.session_token())
    claims = {"iss": clerk.issuer, "sub": USER_ID, "azp": ORIGIN, **lifetime()}
    stranger = clerk.new_key()
    stranger.kid = clerk.key.kid
    for token in (
        sign_by_secret(claims, clerk.key.kid, clerk.key.public_pem),
        sign_by_secret(claims, clerk.key.kid, settings.secret_key.get_secret_value().encode()),
        unsigned(claims, clerk.key.kid),
        unsigned(claims, clerk.key.kid, "RS256"),
        stranger.sign(claims),
        stranger.sign(claims, jwk=stranger.jwk),
        clerk.key.sign(claims, kid=None),
    ):
        assert (await who(anonymous, token))[0] == 401


async def test_keys_rotate_and_the_old_go_on_while_they_are_published(
    anonymous: ApiClient, database: Database, clerk: ClerkSimulator
) -> None:
    await arrive(anonymous, clerk.session_token())
    await database.execute("UPDATE provider_keys SET asked_at = asked_at - interval '31 seconds'")
    before = clerk.session_token(), clerk.session_token()
    clerk.rotate(keep=True)
    assert (await who(anonymous, clerk.session_token()))[0] == 200
    assert (await who(anonymous, before[0]))[0] == 200
    await database.execute("UPDATE provider_keys SET asked_at = asked_at - interval '31 seconds'")
    clerk.rotate()
    assert (await who(anonymous, clerk.session_token()))[0] == 200
    assert (await who(anonymous, before[1]))[0] == 401


async def test_a_hundred_tokens_of_unknown_keys_are_one_question(
    anonymous: ApiClient, database: Database, clerk: ClerkSimulator
) -> None:
    await arrive(anonymous, clerk.session_token())
    await database.execute("UPDATE provider_keys SET asked_at = asked_at - interval '31 seconds'")
    asked = len(clerk.calls)
    claims = {"iss": clerk.issuer, "sub": USER_ID, "azp": ORIGIN, **lifetime()}
    tokens = [clerk.key.sign(claims, kid=f"unknown-{number}") for number in range(100)]
    answers = await asyncio.gather(*(who(anonymous, token) for token in tokens))
    assert {status for status, _ in answers} == {401}
    assert clerk.calls[asked:] == ["GET /clerk/.well-known/jwks.json"]


@pytest.mark.parametrize("fault", [AWAY, HANGING])
async def test_while_clerk_is_away_known_keys_go_on(
    anonymous: ApiClient, database: Database, clerk: ClerkSimulator, fault: Any
) -> None:
    await arrive(anonymous, clerk.session_token())
    clerk.after = fault
    await database.execute("UPDATE provider_keys SET fetched_at = '2026-01-01', asked_at = '2026-01-01'")
    assert (await who(anonymous, clerk.session_token()))[0] == 200
    clerk.rotate()
    status, problem = await who(anonymous, clerk.session_token())
    assert (status, problem["code"]) == (503, "SERVICE_UNAVAILABLE")


async def test_our_own_tokens_and_nobodys_do_not_arrive(
    client: ApiClient, app: Litestar, clerk: ClerkSimulator
) -> None:
    assert "Clerk" in (await client.expect(422, "POST", "/users", json={}))["detail"]
    del client.headers["Authorization"]
    await client.expect(401, "POST", "/users", json={})


async def test_newcomers_are_nobody_everywhere_else(anonymous: ApiClient, clerk: ClerkSimulator) -> None:
    token = clerk.session_token()
    for method, path in (("GET", "/jobs"), ("POST", "/jobs"), ("GET", "/users/me"), ("GET", "/api-keys/scopes")):
        await anonymous.expect(401, method, path, headers=by(token))
    answer = await anonymous.get("http://test/health/live", headers=by(token))
    assert answer.status_code == 200


async def test_the_same_key_of_two_newcomers_is_two_requests(anonymous: ApiClient, clerk: ClerkSimulator) -> None:
    address = {"id": "idn_2", "email_address": "omer@example.com", "verification": {"status": "verified"}}
    clerk.users["user_2"] = {**NOA, "id": "user_2", "email_addresses": [address]}
    made = []
    for sub in (USER_ID, "user_2"):
        headers = {**by(clerk.session_token(sub=sub)), "Idempotency-Key": "one"}
        made.append(await anonymous.expect(201, "POST", "/users", json={}, headers=headers))
    assert [each["email"] for each in made] == ["noa@example.com", "omer@example.com"]


async def test_without_a_secret_key_the_token_says_who_it_is(
    anonymous: ApiClient, app: Litestar, clerk: ClerkSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state, "settings", app.state.settings.model_copy(update={"clerk_secret_key": None}))
    claims = {"email": "noa@example.com", "email_verified": True, "name": "Noa of the token"}
    assert "mail" in (await arrive(anonymous, clerk.session_token(), 422))["detail"]
    made = await arrive(anonymous, clerk.session_token(**claims))
    assert (made["name"], made["email"]) == ("Noa of the token", "noa@example.com")
    assert clerk.calls == ["GET /clerk/.well-known/jwks.json"]


async def test_without_clerk_its_tokens_are_as_good_as_none(
    anonymous: ApiClient, app: Litestar, settings: Settings, clerk: ClerkSimulator
) -> None:

    without = create_app(settings.model_copy(update={"clerk_issuer": "", "clerk_secret_key": SecretStr("x")}))
    async with ApiClient(transport=httpx.ASGITransport(cast(Any, without)), base_url="http://test/api/v1") as client:
        assert (await who(client, clerk.session_token()))[0] == 401
    await without.state.database.close()
    assert clerk.calls == []
