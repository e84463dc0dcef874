"""A handler that computes and awaits nothing keeps its job, and the loop's other jobs keep theirs; not for ever."""

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient

pytestmark = pytest.mark.usefixtures("workers")


async def test_a_computation_longer_than_the_lease_is_done_in_one_attempt(client: ApiClient) -> None:
    job = await client.submit("probe.compute", {"seconds": 8})
    done = await client.finish(job["id"], within=60)
    assert (done["status"], done["attempt"]) == ("succeeded", 1)


async def test_computing_with_the_transaction_open_is_named(client: ApiClient, database: Database) -> None:
    """PostgreSQL ends a transaction that is idle for as long as a lease, so that a paused process holds no locks."""
    job = await client.submit("probe.compute", {"seconds": 6, "inTransaction": True}, maxAttempts=1)
    done = await client.finish(job["id"], within=60)
    assert (done["status"], done["error"]["code"]) == ("failed", "LOOP_BLOCKED")
    assert await database.fetch("SELECT 1 FROM probe_effects") == []


async def test_a_computation_longer_than_the_time_limit_loses_its_lease_and_its_process(
    client: ApiClient, database: Database
) -> None:
    """12 seconds and a lease of 3; a process that will never look at its loop again would keep its place for ever."""
    job = await client.submit("probe.compute", {"seconds": 600}, maxAttempts=1)
    done = await client.finish(job["id"], within=60)
    assert (done["status"], done["error"]["code"]) == ("failed", "LEASE_EXPIRED")
    both = [await client.submit("probe.effect", {"label": f"after {n}", "seconds": 0.5}) for n in range(4)]
    for each in both:
        assert (await client.finish(each["id"]))["status"] == "succeeded"
    rows = await database.fetch("SELECT DISTINCT worker FROM jobs WHERE kind = 'probe.effect'")
    assert len(rows) == 2, "both processes work again"
