"""What the providers' answers mean for the job that asks, each against a server that speaks their HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from models.identity.provider_tokens import Identity
from models.identity.values import Provider
from tasks.integrations.clerk import ClerkDirectory
from tasks.integrations.facebook import FacebookGraph
from tasks.integrations.identities import IdentityRefused, IdentitySource
from tasks.integrations.jwks import PublishedKeys
from tasks.integrations.providers import MAX_BYTES, ProviderHttp
from tasks.outcomes import ProviderError
from tests.support import clerk_simulator, facebook_simulator
from tests.support.identity_providers import URL, Providers
from tests.support.simulators import AWAY, BUSY, HANGING, MOVED, NOT_JSON, Fault

GRAPH, CLERK = f"{URL}/facebook/graph", f"{URL}/clerk/api"
HUGE = Fault(200, b'{"keys": "' + b"x" * MAX_BYTES + b'"}')
DEEP = Fault(200, b"[" * 50_000)
EMPTY = Fault(200, b'{"keys": []}')


@pytest.fixture
def simulators(all_providers: Providers) -> Providers:
    all_providers.reset()
    return all_providers


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def http(session: aiohttp.ClientSession, name: str = "Google") -> ProviderHttp:
    return ProviderHttp(session, name, timeout_seconds=2.0)


def facebook(session: aiohttp.ClientSession, secret: str = facebook_simulator.APP_SECRET) -> IdentitySource:
    return FacebookGraph(http(session, "Facebook"), GRAPH, facebook_simulator.APP_ID, secret)


def clerk(session: aiohttp.ClientSession, key: str = clerk_simulator.SECRET_KEY) -> IdentitySource:
    return ClerkDirectory(http(session, "Clerk"), CLERK, key)


async def error_of(asking: Any) -> tuple[str, bool, float | None]:
    with pytest.raises(ProviderError) as caught:
        await asking
    assert "http" not in caught.value.error.message
    assert facebook_simulator.APP_SECRET not in caught.value.error.message
    return (
        caught.value.error.code.removeprefix("SIGN_IN_PROVIDER_"),
        caught.value.error.retryable,
        caught.value.retry_after,
    )


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (AWAY, ("BUSY", True, None)),
        (BUSY, ("BUSY", True, 1.0)),
        (HANGING, ("UNREACHABLE", True, None)),
        (NOT_JSON, ("UNUSABLE", True, None)),
        (MOVED, ("UNUSABLE", True, None)),
        (HUGE, ("UNUSABLE", True, None)),
        (DEEP, ("UNUSABLE", True, None)),
        (EMPTY, ("UNUSABLE", True, None)),
        (Fault(404, b"{}"), ("UNUSABLE", True, None)),
    ],
)
async def test_keys_that_cannot_be_had_are_tried_again(
    simulators: Providers, session: aiohttp.ClientSession, fault: Fault, expected: Any
) -> None:
    keys = PublishedKeys(http(session))
    simulators.google.faults = [fault]
    assert await error_of(keys.fetch(f"{URL}/google/certs")) == expected
    assert list(await keys.fetch(f"{URL}/google/certs")) == [simulators.google.key.kid]


async def test_a_server_that_is_not_there_is_tried_again(session: aiohttp.ClientSession) -> None:
    keys = PublishedKeys(http(session))
    assert await error_of(keys.fetch("http://127.0.0.1:1/certs")) == ("UNREACHABLE", True, None)


async def test_credentials_of_ours_that_are_wrong_are_no_fault_of_the_caller(
    simulators: Providers, session: aiohttp.ClientSession
) -> None:
    token = simulators.facebook.access_token()
    assert await error_of(facebook(session, "wrong").identify(token)) == ("REFUSES_US", False, None)
    assert await error_of(clerk(session, "wrong").identify(clerk_simulator.USER_ID)) == ("REFUSES_US", False, None)


async def test_who_somebody_is_at_facebook(simulators: Providers, session: aiohttp.ClientSession) -> None:
    who = await facebook(session).identify(simulators.facebook.access_token())
    assert who == Identity(
        Provider.FACEBOOK, facebook_simulator.NOA["id"], "noa@example.com", email_proven=False, name="Noa Levi",
        avatar_url="https://platform-lookaside.fbsbx.com/noa",
    )  # fmt: skip
    faceless = {"data": {"url": "https://x", "is_silhouette": True}}
    bare = await facebook(session).identify(
        simulators.facebook.access_token(expires_in=0, email=None, name=None, picture=faceless)
    )
    assert bare == Identity(Provider.FACEBOOK, facebook_simulator.NOA["id"])


@pytest.mark.parametrize(
    "data",
    [
        "null",
        "[]",
        '{"is_valid": "true"}',
        f'{{"is_valid": true, "app_id": "{facebook_simulator.APP_ID}", "expires_at": "soon", "user_id": "7"}}',
        f'{{"is_valid": true, "app_id": "{facebook_simulator.APP_ID}"}}',
        '{"is_valid": true, "user_id": "7"}',
    ],
)
async def test_an_answer_that_does_not_say_so_vouches_for_nobody(
    simulators: Providers, session: aiohttp.ClientSession, data: str
) -> None:
    simulators.facebook.faults = [Fault(200, f'{{"data": {data}}}'.encode())]
    with pytest.raises(IdentityRefused):
        await facebook(session).identify(simulators.facebook.access_token())


@pytest.mark.parametrize(
    ("change", "email", "proven"),
    [
        ({}, "noa@example.com", True),
        ({"primary_email_address_id": "idn_9"}, None, False),
        ({"primary_email_address_id": None}, None, False),
        ({"email_addresses": None}, None, False),
        ({"email_addresses": [{"id": "idn_2", "email_address": "a@b.co", "verification": None}]}, "a@b.co", False),
    ],
)
async def test_the_primary_mail_counts_at_clerk_and_whether_it_is_verified(
    simulators: Providers, session: aiohttp.ClientSession, change: dict[str, Any], email: str | None, proven: bool
) -> None:
    simulators.clerk.users[clerk_simulator.USER_ID] |= change
    who = await clerk(session).identify(clerk_simulator.USER_ID)
    assert (who.email, who.email_proven, who.name) == (email, proven, "Noa Levi")


async def test_an_id_leads_to_no_other_address(simulators: Providers, session: aiohttp.ClientSession) -> None:
    for id_ in ("../jwks", "user_1/../../x", "?limit=1", "user 1#"):
        with pytest.raises(IdentityRefused):
            await clerk(session).identify(id_)
