"""Sessions: carried on by tokens that are good once, and over everywhere within a second of their end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar

import api.auth
from models.identity.services import sessions
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.conftest import sign_in
from tests.support.accounts import PASSWORD, bearer, log_in, make_person, status_of
from tests.support.client import ApiClient, eventually
from tests.support.limited import calling, limited_app

ADMIN = "admin@example.com"


class Clock:
    """The time by which the API forgets callers it knows; moved on by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
async def noa(clean: None, database: Database) -> UUID:
    return await make_person(database)


@pytest.fixture
async def other_process(settings: Settings) -> AsyncIterator[ApiClient]:
    """A second API on the same database, with connections and a memory of its own."""
    async with limited_app(settings) as app, calling(app) as client:
        yield client


async def refresh(client: ApiClient, tokens: Any, status: int = 200) -> Any:
    return await client.expect(status, "POST", "/auth/refresh", json={"refreshToken": tokens["refreshToken"]})


async def count_sessions(database: Database) -> int:
    return len(await database.fetch("SELECT id FROM sessions"))


async def test_a_refresh_gives_new_tokens_for_the_same_session(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    first = await log_in(anonymous)
    second = await refresh(anonymous, first)
    third = await refresh(anonymous, second)
    assert len({tokens["refreshToken"] for tokens in (first, second, third)}) == 3
    assert third["user"]["id"] == str(noa)
    for tokens in (first, second, third):
        assert await status_of(anonymous, tokens) == 200
    assert await count_sessions(database) == 1


async def test_a_refresh_token_used_again_ends_its_whole_family(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    stolen, other = await log_in(anonymous), await log_in(anonymous)
    honest = await refresh(anonymous, stolen)
    await refresh(anonymous, stolen, 401)
    await refresh(anonymous, honest, 401)
    assert await count_sessions(database) == 1

    async def is_out() -> bool:
        return await status_of(anonymous, honest) == 401

    await eventually(is_out)
    await refresh(anonymous, other)


async def test_an_old_token_ends_its_family_however_long_ago_it_was_used(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    tokens = first = await log_in(anonymous)
    for _ in range(5):
        tokens = await refresh(anonymous, tokens)
    await refresh(anonymous, first, 401)
    await refresh(anonymous, tokens, 401)
    assert await count_sessions(database) == 0


async def test_of_many_refreshes_at_once_one_wins_and_the_session_is_over(
    anonymous: ApiClient, other_process: ApiClient, database: Database, noa: UUID
) -> None:
    """Nobody can tell two tabs from a tab and a thief."""
    tokens = await log_in(anonymous)
    body = {"refreshToken": tokens["refreshToken"]}
    clients = [anonymous, other_process] * 2
    answers = await asyncio.gather(*(client.post("/auth/refresh", json=body) for client in clients))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 3
    assert await count_sessions(database) == 0


@pytest.mark.parametrize("token", ["nonsense", ".", "a.b", "a.b.c", "ü.ü"])
async def test_a_refresh_token_that_never_was_is_refused_and_ends_nothing(
    anonymous: ApiClient, database: Database, noa: UUID, token: str
) -> None:
    tokens = await log_in(anonymous)
    await anonymous.expect(401, "POST", "/auth/refresh", json={"refreshToken": token})
    secret = tokens["refreshToken"].partition(".")[2]
    await anonymous.expect(401, "POST", "/auth/refresh", json={"refreshToken": f"guessed.{secret}"})
    await anonymous.expect(401, "POST", "/auth/refresh", json={"refreshToken": tokens["accessToken"][:200]})
    await refresh(anonymous, tokens)


async def test_no_token_is_stored(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    tokens = await refresh(anonymous, await log_in(anonymous))
    (row,) = await database.fetch("SELECT * FROM sessions")
    for part in (*tokens["refreshToken"].split("."), tokens["accessToken"]):
        assert part not in str(dict(row))


async def test_a_session_that_has_expired_is_refused_whatever_its_tokens_say(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    tokens = await log_in(anonymous)
    await database.execute("UPDATE sessions SET expires_at = clock_timestamp()")
    assert await status_of(anonymous, tokens) == 401
    await refresh(anonymous, tokens, 401)


@pytest.mark.parametrize("ending", ["log out", "log out everywhere", "block", "delete", "change the password"])
async def test_an_ended_session_is_refused_by_every_process_after_a_second(
    anonymous: ApiClient, other_process: ApiClient, database: Database, noa: UUID, monkeypatch: pytest.MonkeyPatch,
    ending: str,
) -> None:  # fmt: skip
    clock = Clock()
    monkeypatch.setattr(api.auth, "time", clock)
    tokens, others = await log_in(anonymous), await log_in(anonymous)
    processes = (anonymous, other_process)
    assert [await status_of(process, tokens) for process in processes] == [200, 200]
    await end(anonymous, database, noa, ending, tokens, others)
    assert 401 not in [await status_of(process, tokens) for process in processes]
    clock.now += api.auth.CACHE_SECONDS
    assert [await status_of(process, tokens) for process in processes] == [401, 401]
    await refresh(other_process, tokens, 401)
    assert api.auth.CACHE_SECONDS <= 1.0


async def end(client: ApiClient, database: Database, user_id: UUID, how: str, tokens: Any, others: Any) -> None:
    if how in ("block", "delete"):
        await sign_in(client, database, "admin")
        path = f"/admin/users/{user_id}"
        await (client.expect(204, "DELETE", path) if how == "delete" else client.expect(200, "POST", f"{path}/block"))
        del client.headers["Authorization"]
        return
    if how == "change the password":
        body = {"currentPassword": PASSWORD, "newPassword": "another horse, another battery"}
        await client.expect(204, "POST", "/auth/password", json=body, headers=bearer(others))
        return
    path = "/auth/logout" if how == "log out" else "/auth/logout-all"
    await client.expect(204, "POST", path, headers=bearer(tokens))


async def test_what_is_looked_up_while_a_session_ends_is_not_believed_for_longer(
    anonymous: ApiClient, database: Database, noa: UUID, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second counts from before the look, however long the database takes to answer."""
    clock = Clock()
    monkeypatch.setattr(api.auth, "time", clock)
    tokens = await log_in(anonymous)
    look_up = sessions.authenticate_token

    async def slow(*args: Any) -> Any:
        caller = await look_up(*args)
        clock.now += 0.9
        return caller

    monkeypatch.setattr(api.auth, "authenticate_token", slow)
    assert await status_of(anonymous, tokens) == 200
    await database.execute("DELETE FROM sessions")
    assert await status_of(anonymous, tokens) == 200
    clock.now += 0.1
    assert await status_of(anonymous, tokens) == 401


async def test_logging_out_ends_this_session_and_no_other(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    this, other = await log_in(anonymous), await log_in(anonymous)
    await anonymous.expect(204, "POST", "/auth/logout", headers=bearer(this))
    await refresh(anonymous, this, 401)
    await refresh(anonymous, other)
    assert await count_sessions(database) == 1


async def test_logging_out_everywhere_ends_all_of_ones_own(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    await make_person(database, "omer@example.com")
    mine = [await log_in(anonymous) for _ in range(3)]
    theirs = await log_in(anonymous, "omer@example.com")
    await anonymous.expect(204, "POST", "/auth/logout-all", headers=bearer(mine[0]))
    for tokens in mine:
        await refresh(anonymous, tokens, 401)
    await refresh(anonymous, theirs)


async def test_one_sees_ones_sessions_and_ends_one_of_them(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    await make_person(database, "omer@example.com")
    phone = await anonymous.expect(
        200, "POST", "/auth/login", json={"email": "noa@example.com", "password": PASSWORD},
        headers={"User-Agent": "Phone/1"},
    )  # fmt: skip
    laptop = await log_in(anonymous)
    theirs = await log_in(anonymous, "omer@example.com")
    page = await anonymous.expect(200, "GET", "/auth/sessions", headers=bearer(laptop))
    assert [(row["current"], row["userAgent"] == "Phone/1") for row in page["data"]] == [(True, False), (False, True)]
    assert page["data"][0]["address"] == "127.0.0.1"
    assert "hash" not in str(page).lower()
    old = page["data"][1]["id"]
    await anonymous.expect(404, "DELETE", f"/auth/sessions/{old}", headers=bearer(theirs))
    await anonymous.expect(204, "DELETE", f"/auth/sessions/{old}", headers=bearer(laptop))
    await refresh(anonymous, phone, 401)
    await refresh(anonymous, laptop)


async def test_a_key_has_no_sessions(client: ApiClient) -> None:
    key = await client.create("/api-keys", name="n8n", scopes=["*"])
    headers = {"Authorization": f"Bearer {key['secret']}"}
    for method, path in (("POST", "/auth/logout"), ("POST", "/auth/logout-all"), ("GET", "/auth/sessions")):
        await client.expect(403, method, path, headers=headers)


async def test_a_new_role_holds_within_a_second(
    anonymous: ApiClient, database: Database, noa: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(api.auth, "time", clock)
    tokens = await log_in(anonymous)
    assert (await anonymous.get("/customers", headers=bearer(tokens))).status_code == 200
    await database.execute("UPDATE users SET role = 'student'")
    clock.now += api.auth.CACHE_SECONDS
    assert (await anonymous.get("/customers", headers=bearer(tokens))).status_code == 403


async def test_no_session_is_opened_by_a_password_that_is_changed_meanwhile(
    anonymous: ApiClient, database: Database, noa: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the password and the opening of the session."""
    from models.identity.passwords import matches

    async def slow(stored: str | None, password: str) -> bool:
        right = await matches(stored, password)
        await database.execute("UPDATE users SET password_hash = 'another'")
        return right

    monkeypatch.setattr(sessions, "matches", slow)
    body = {"email": "noa@example.com", "password": PASSWORD}
    assert (await anonymous.expect(401, "POST", "/auth/login", json=body))["code"] == "UNAUTHORIZED"
    assert await count_sessions(database) == 0
