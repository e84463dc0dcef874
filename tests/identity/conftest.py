"""Google, Facebook and Clerk as simulators that the platform's processes talk to."""

from collections.abc import AsyncIterator

import pytest

from cli.platform import LocalPlatform
from tests.support.clerk_simulator import ClerkSimulator
from tests.support.facebook_simulator import FacebookSimulator
from tests.support.google_simulator import GoogleSimulator
from tests.support.identity_providers import Providers, running_providers


@pytest.fixture(scope="session")
async def all_providers() -> AsyncIterator[Providers]:
    async with running_providers() as providers:
        yield providers


@pytest.fixture
def providers(all_providers: Providers, workers: LocalPlatform) -> Providers:
    """Well, with one key each, and workers who ask them."""
    all_providers.reset()
    return all_providers


@pytest.fixture
def google(providers: Providers) -> GoogleSimulator:
    return providers.google


@pytest.fixture
def facebook(providers: Providers) -> FacebookSimulator:
    return providers.facebook


@pytest.fixture
def clerk(providers: Providers) -> ClerkSimulator:
    return providers.clerk
