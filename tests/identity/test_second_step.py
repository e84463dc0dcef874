"""The second step of a login: a code besides the password, once, for those who work here."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from models.identity import totp
from models.identity.permissions import Role
from models.identity.rules import CODES_PER_ACCOUNT
from models.identity.services import second_factors
from models.kernel.clock import utc_now
from models.kernel.crypto import KeyRing
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.conftest import sign_in
from tests.support.accounts import PASSWORD, bearer, log_in, make_person
from tests.support.client import ApiClient

NOA = {"email": "noa@example.com", "password": PASSWORD}
Codes = Callable[[str], str]


@pytest.fixture
async def noa(clean: None, database: Database) -> UUID:
    return await make_person(database)


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> Codes:
    """The authenticator: each call is one step of thirty seconds later than the one before, as the API's clock is."""
    now = [utc_now().timestamp()]

    class Clock:
        @staticmethod
        def __call__() -> Any:
            return type(utc_now()).fromtimestamp(now[0], tz=utc_now().tzinfo)

    monkeypatch.setattr(second_factors, "utc_now", Clock())

    def code(secret: str) -> str:
        now[0] += totp.STEP_SECONDS
        return totp.code_at(secret, int(now[0]) // totp.STEP_SECONDS)

    return code


async def enrol(client: ApiClient, tokens: Any, codes: Codes) -> tuple[str, list[str]]:
    """The secret and the recovery codes."""
    made = await client.expect(200, "POST", "/auth/totp", json={"password": PASSWORD}, headers=bearer(tokens))
    confirmed = await client.expect(
        200, "POST", "/auth/totp/confirm", json={"code": codes(made["secret"])}, headers=bearer(tokens)
    )
    return made["secret"], confirmed["recoveryCodes"]


async def challenge(client: ApiClient) -> str:
    answer = await client.expect(200, "POST", "/auth/login", json=NOA)
    assert answer.keys() == {"challengeToken", "expiresIn"}
    token: str = answer["challengeToken"]
    return token


async def step(client: ApiClient, token: str, code: str, status: int = 200) -> Any:
    return await client.expect(status, "POST", "/auth/login/totp", json={"challengeToken": token, "code": code})


async def test_a_login_takes_a_code_once_the_authenticator_is_confirmed(
    anonymous: ApiClient, noa: UUID, codes: Codes
) -> None:
    tokens = await log_in(anonymous)
    made = await anonymous.expect(200, "POST", "/auth/totp", json={"password": PASSWORD}, headers=bearer(tokens))
    uri = urlsplit(made["uri"])
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Bellwork:noa%40example.com")
    assert parse_qs(uri.query)["secret"] == [made["secret"]]
    assert "accessToken" in await log_in(anonymous)
    secret, _ = await enrol(anonymous, tokens, codes)
    answer = await step(anonymous, await challenge(anonymous), codes(secret))
    assert answer["user"]["id"] == str(noa)
    state = await anonymous.expect(200, "GET", "/auth/totp", headers=bearer(answer))
    assert state["confirmedAt"] is not None
    assert state["recoveryCodesLeft"] == 10


async def test_a_code_is_good_once(anonymous: ApiClient, noa: UUID, codes: Codes) -> None:
    """Nor is one from before: who has read over a shoulder comes too late."""
    secret, _ = await enrol(anonymous, await log_in(anonymous), codes)
    before, code = codes(secret), codes(secret)
    token = await challenge(anonymous)
    await step(anonymous, token, code)
    for spent in (code, before):
        await step(anonymous, token, spent, 401)
        await step(anonymous, await challenge(anonymous), spent, 401)
    await step(anonymous, token, codes(secret))


async def test_the_code_that_confirmed_is_spent_too(anonymous: ApiClient, noa: UUID, codes: Codes) -> None:
    tokens = await log_in(anonymous)
    made = await anonymous.expect(200, "POST", "/auth/totp", json={"password": PASSWORD}, headers=bearer(tokens))
    code = codes(made["secret"])
    await anonymous.expect(200, "POST", "/auth/totp/confirm", json={"code": code}, headers=bearer(tokens))
    await step(anonymous, await challenge(anonymous), code, 401)


async def test_of_the_same_code_sent_twice_at_once_one_opens(
    anonymous: ApiClient, database: Database, noa: UUID, codes: Codes
) -> None:
    import asyncio

    secret, _ = await enrol(anonymous, await log_in(anonymous), codes)
    body = {"challengeToken": await challenge(anonymous), "code": codes(secret)}
    answers = await asyncio.gather(*(anonymous.post("/auth/login/totp", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_recovery_code_stands_in_once(
    anonymous: ApiClient, database: Database, noa: UUID, codes: Codes
) -> None:
    _, recovery = await enrol(anonymous, await log_in(anonymous), codes)
    assert len(set(recovery)) == 10
    await step(anonymous, await challenge(anonymous), recovery[0].upper().replace("-", " "))
    await step(anonymous, await challenge(anonymous), recovery[0], 401)
    tokens = await step(anonymous, await challenge(anonymous), recovery[1])
    state = await anonymous.expect(200, "GET", "/auth/totp", headers=bearer(tokens))
    assert state["recoveryCodesLeft"] == 8
    stored = await database.fetch("SELECT * FROM recovery_codes")
    assert not any(totp.plain(code) in str(dict(row)) for row in stored for code in recovery)


async def test_the_secret_is_stored_encrypted(
    anonymous: ApiClient, database: Database, noa: UUID, codes: Codes, settings: Settings
) -> None:
    secret, _ = await enrol(anonymous, await log_in(anonymous), codes)
    (row,) = await database.fetch("SELECT secret FROM second_factors")
    assert secret not in row["secret"]
    assert KeyRing(settings.encryption_keys).decrypt(row["secret"]) == secret


async def test_codes_are_guessed_at_so_often_and_no_more(
    anonymous: ApiClient, database: Database, noa: UUID, codes: Codes
) -> None:
    """However many challenges one gets by the password."""
    secret, recovery = await enrol(anonymous, await log_in(anonymous), codes)
    for _ in range(CODES_PER_ACCOUNT.count):
        await step(anonymous, await challenge(anonymous), "000000", 401)
    refused = await anonymous.post(
        "/auth/login/totp", json={"challengeToken": await challenge(anonymous), "code": codes(secret)}
    )
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    await step(anonymous, await challenge(anonymous), recovery[0], 429)
    await database.execute("UPDATE guess_counts SET resets_at = clock_timestamp()")
    await step(anonymous, await challenge(anonymous), codes(secret))


async def test_a_challenge_is_no_access_token_and_the_other_way_round(
    anonymous: ApiClient, noa: UUID, codes: Codes
) -> None:
    tokens = await log_in(anonymous)
    secret, _ = await enrol(anonymous, tokens, codes)
    token = await challenge(anonymous)
    assert (await anonymous.get("/auth/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401
    await step(anonymous, tokens["accessToken"], codes(secret), 401)


async def test_a_challenge_is_void_once_the_password_is_another(
    anonymous: ApiClient, database: Database, noa: UUID, codes: Codes
) -> None:
    secret, _ = await enrol(anonymous, await log_in(anonymous), codes)
    token = await challenge(anonymous)
    await database.execute("UPDATE users SET password_hash = password_hash || 'x'")
    await step(anonymous, token, codes(secret), 401)


async def test_who_is_blocked_does_not_take_the_second_step(
    anonymous: ApiClient, database: Database, noa: UUID, codes: Codes
) -> None:
    secret, _ = await enrol(anonymous, await log_in(anonymous), codes)
    token = await challenge(anonymous)
    await database.execute("UPDATE users SET blocked_at = clock_timestamp()")
    await step(anonymous, token, codes(secret), 401)
    assert len(await database.fetch("SELECT 1 FROM sessions")) == 1


async def test_a_second_step_in_force_is_not_replaced(anonymous: ApiClient, noa: UUID, codes: Codes) -> None:
    """Not even by who has the password and a session."""
    tokens = await log_in(anonymous)
    secret, _ = await enrol(anonymous, tokens, codes)
    await anonymous.expect(409, "POST", "/auth/totp", json={"password": PASSWORD}, headers=bearer(tokens))
    await anonymous.expect(409, "POST", "/auth/totp/confirm", json={"code": codes(secret)}, headers=bearer(tokens))
    await step(anonymous, await challenge(anonymous), codes(secret))


@pytest.mark.parametrize("wrong", ["password", "code"])
async def test_disabling_takes_the_password_and_a_code(
    anonymous: ApiClient, noa: UUID, codes: Codes, wrong: str
) -> None:
    tokens = await log_in(anonymous)
    secret, _ = await enrol(anonymous, tokens, codes)
    right = {"password": PASSWORD, "code": codes(secret)}
    bad = {**right, wrong: "000000" if wrong == "code" else "wrong"}
    await anonymous.expect(403, "POST", "/auth/totp/disable", json=bad, headers=bearer(tokens))
    await challenge(anonymous)
    await anonymous.expect(204, "POST", "/auth/totp/disable", json=right, headers=bearer(tokens))
    assert "accessToken" in await log_in(anonymous)


async def test_new_recovery_codes_void_those_so_far(anonymous: ApiClient, noa: UUID, codes: Codes) -> None:
    tokens = await log_in(anonymous)
    secret, old = await enrol(anonymous, tokens, codes)
    body = {"password": PASSWORD, "code": codes(secret)}
    new = await anonymous.expect(200, "POST", "/auth/totp/recovery-codes", json=body, headers=bearer(tokens))
    await step(anonymous, await challenge(anonymous), old[0], 401)
    await step(anonymous, await challenge(anonymous), new["recoveryCodes"][0])


@pytest.mark.parametrize("path", ["/auth/totp/confirm", "/auth/totp/disable", "/auth/totp/recovery-codes"])
async def test_without_a_second_step_there_is_nothing_to_confirm_or_disable(
    anonymous: ApiClient, noa: UUID, path: str
) -> None:
    tokens = await log_in(anonymous)
    body = {"code": "000000"} if path.endswith("confirm") else {"password": PASSWORD, "code": "000000"}
    await anonymous.expect(409, "POST", path, json=body, headers=bearer(tokens))


@pytest.mark.parametrize("role", list(Role))
async def test_only_those_who_work_here_enrol(
    anonymous: ApiClient, database: Database, clean: None, role: Role
) -> None:
    await make_person(database, role=role)
    headers = bearer(await log_in(anonymous))
    answer = await anonymous.post("/auth/totp", json={"password": PASSWORD}, headers=headers)
    assert answer.status_code == (403 if role is Role.STUDENT else 200)


async def test_an_administrator_resets_the_second_step_of_another_but_not_their_own(
    anonymous: ApiClient, database: Database, noa: UUID, codes: Codes
) -> None:
    await enrol(anonymous, await log_in(anonymous), codes)
    admin = await sign_in(anonymous, database, "admin")
    mine = (await admin.expect(200, "GET", "/auth/me"))["user"]["id"]
    await admin.expect(409, "POST", f"/admin/users/{mine}/reset-totp")
    await admin.expect(204, "POST", f"/admin/users/{noa}/reset-totp")
    del admin.headers["Authorization"]
    assert "accessToken" in await log_in(anonymous)
    assert await database.fetch("SELECT 1 FROM recovery_codes") == []


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, to six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert totp.code_at(secret, seconds // 30) == code


def test_a_code_is_taken_one_step_early_or_late_and_no_more() -> None:
    secret, now = totp.new_secret(), utc_now()
    present = totp.step_at(now)
    found = {away: totp.matching_step(secret, totp.code_at(secret, present + away), now) for away in range(-3, 4)}
    assert found == {-3: None, -2: None, -1: present - 1, 0: present, 1: present + 1, 2: None, 3: None}
