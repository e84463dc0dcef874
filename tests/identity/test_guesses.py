"""Guessing is counted, by account and by address, in every process, and before it is known whether it was right."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from models.identity.rules import (
    CODES_PER_ACCOUNT,
    GUESSES_PER_ACCOUNT,
    GUESSES_PER_ADDRESS,
    MAILS_PER_ADDRESS,
    MAILS_PER_RECIPIENT,
)
from models.identity.services.guesses import count_tries, forgive
from models.kernel.errors import RateLimited
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.accounts import PASSWORD, bearer, log_in, make_person
from tests.support.client import ApiClient
from tests.support.limited import calling, limited_app

NOA = "noa@example.com"


@pytest.fixture
async def noa(clean: None, database: Database) -> UUID:
    return await make_person(database)


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[ApiClient]:
    """Another process of the API, called from another address."""
    async with limited_app(settings) as app, calling(app, address="198.51.100.7") as client:
        yield client


async def guess(client: ApiClient, email: str = NOA, password: str = "wrong") -> Any:
    return await client.post("/auth/login", json={"email": email, "password": password})


async def counted(database: Database, prefix: str, count: int) -> None:
    """As if so much had been tried already."""
    await database.execute(f"UPDATE guess_counts SET count = {count} WHERE key LIKE '{prefix}%'")


async def test_an_account_is_guessed_at_so_often_and_no_more_from_anywhere(
    anonymous: ApiClient, elsewhere: ApiClient, database: Database, noa: UUID
) -> None:
    statuses = [(await guess(anonymous)).status_code for _ in range(GUESSES_PER_ACCOUNT.count)]
    assert set(statuses) == {401}
    for client in (anonymous, elsewhere):
        refused = await guess(client, NOA.upper(), PASSWORD)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert 0 < int(refused.headers["retry-after"]) <= GUESSES_PER_ACCOUNT.seconds
        assert refused.headers["retry-after"] in refused.json()["detail"]
    await make_person(database, "omer@example.com")
    await log_in(elsewhere, "omer@example.com")


async def test_an_account_that_is_not_there_is_refused_as_one_that_is(anonymous: ApiClient, noa: UUID) -> None:
    answers = [
        [await guess(anonymous, email) for _ in range(GUESSES_PER_ACCOUNT.count + 1)] for email in (NOA, "x@y.zz")
    ]
    there, not_there = ([answer.status_code for answer in each] for each in answers)
    assert there == not_there == [401] * GUESSES_PER_ACCOUNT.count + [429]


async def test_of_many_guesses_at_once_no_more_are_heard_than_of_as_many_in_turn(
    anonymous: ApiClient, elsewhere: ApiClient, noa: UUID
) -> None:
    clients = [anonymous, elsewhere] * GUESSES_PER_ACCOUNT.count
    statuses = [answer.status_code for answer in await asyncio.gather(*(guess(client) for client in clients))]
    assert statuses.count(401) == GUESSES_PER_ACCOUNT.count
    assert statuses.count(429) == GUESSES_PER_ACCOUNT.count


async def test_a_login_forgets_the_slips_before_it(anonymous: ApiClient, database: Database, noa: UUID) -> None:
    for _ in range(GUESSES_PER_ACCOUNT.count - 1):
        await guess(anonymous)
    await log_in(anonymous)
    assert (await guess(anonymous)).status_code == 401
    await log_in(anonymous)


async def test_what_was_counted_is_forgotten_after_its_time(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    await guess(anonymous)
    await counted(database, "password:", GUESSES_PER_ACCOUNT.count)
    assert (await guess(anonymous)).status_code == 429
    await database.execute("UPDATE guess_counts SET resets_at = clock_timestamp()")
    await log_in(anonymous)


async def test_an_address_guesses_at_many_accounts_so_often_and_no_more(
    anonymous: ApiClient, elsewhere: ApiClient, database: Database, noa: UUID
) -> None:
    """Who knows one password tries it everywhere; logging in to an account of one's own in between does not help."""
    await guess(anonymous, "first@example.com")
    await counted(database, "login-from:", GUESSES_PER_ADDRESS.count - 1)
    await log_in(anonymous)
    assert (await guess(anonymous, "second@example.com")).status_code == 401
    assert (await guess(anonymous, "third@example.com")).status_code == 429
    assert (await guess(anonymous, NOA, PASSWORD)).status_code == 429
    await log_in(elsewhere)


async def test_the_current_password_is_guessed_at_by_the_same_count(
    anonymous: ApiClient, database: Database, noa: UUID
) -> None:
    """A stolen access token is no way around."""
    tokens = await log_in(anonymous)
    body = {"currentPassword": "wrong", "newPassword": "another horse, another battery"}
    await anonymous.expect(403, "POST", "/auth/password", json=body, headers=bearer(tokens))
    await counted(database, "password:", GUESSES_PER_ACCOUNT.count)
    await anonymous.expect(429, "POST", "/auth/password", json=body, headers=bearer(tokens))
    await anonymous.expect(429, "POST", "/auth/totp", json={"password": PASSWORD}, headers=bearer(tokens))
    assert (await guess(anonymous)).status_code == 429


async def test_a_mailbox_is_not_filled_by_others(
    anonymous: ApiClient, elsewhere: ApiClient, database: Database
) -> None:
    """By whatever way, from wherever, and whether there is such an account or not."""
    register = {"email": NOA, "password": PASSWORD, "name": "Noa"}
    made = await anonymous.expect(202, "POST", "/auth/register", json=register)
    for _ in range(MAILS_PER_RECIPIENT.count - 2):
        await elsewhere.expect(204, "POST", "/auth/forgot-password", json={"email": NOA.upper()})
    await anonymous.expect(204, "POST", "/auth/resend-confirmation", json=made)
    for path, body in (
        ("/auth/register", register), ("/auth/forgot-password", {"email": NOA}), ("/auth/resend-confirmation", made),
    ):  # fmt: skip
        for client in (anonymous, elsewhere):
            await client.expect(429, "POST", path, json=body)
    asked = await database.fetch("SELECT 1 FROM jobs WHERE kind = 'identity.send_link'")
    assert len(asked) == MAILS_PER_RECIPIENT.count


async def test_an_address_does_not_fill_the_mailboxes_of_many(
    anonymous: ApiClient, elsewhere: ApiClient, database: Database
) -> None:
    await anonymous.expect(204, "POST", "/auth/forgot-password", json={"email": "a@example.com"})
    await counted(database, "mail-from:", MAILS_PER_ADDRESS.count)
    await anonymous.expect(429, "POST", "/auth/forgot-password", json={"email": "b@example.com"})
    await elsewhere.expect(204, "POST", "/auth/forgot-password", json={"email": "b@example.com"})


async def test_what_is_counted_tells_nobodys_address(anonymous: ApiClient, database: Database) -> None:
    await guess(anonymous)
    await anonymous.expect(204, "POST", "/auth/forgot-password", json={"email": NOA})
    rows = await database.fetch("SELECT key FROM guess_counts")
    assert len(rows) == 4
    assert NOA not in str(rows)


async def test_keys_counted_together_by_many_do_not_wait_for_each_other_for_ever(
    database: Database, clean: None
) -> None:
    both = {"a": CODES_PER_ACCOUNT, "b": CODES_PER_ACCOUNT}
    turned = dict(reversed(both.items()))
    results = await asyncio.gather(
        *(count_tries(database, each) for each in [both, turned] * 20), return_exceptions=True
    )
    assert sum(result is None for result in results) == CODES_PER_ACCOUNT.count
    assert {type(result) for result in results} == {type(None), RateLimited}
    await forgive(database, wholly="a", once="b")
    rows = await database.fetch("SELECT key, count FROM guess_counts")
    assert [dict(row) for row in rows] == [{"key": "b", "count": 39}]
