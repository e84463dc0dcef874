"""What a job leaves is bounded: its result, the receipts of its steps, the state of its checkpoints."""

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient

pytestmark = pytest.mark.usefixtures("workers")
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("what", ["result", "receipt", "state"])
async def test_what_is_too_large_ends_the_job_and_nothing_of_it_is_kept(
    client: ApiClient, database: Database, what: str
) -> None:
    job = await client.submit("probe.large", {"what": what, "size": MEBIBYTE + 1})
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"], done["error"]["code"]) == ("failed", 1, "RESULT_TOO_LARGE")
    assert done["error"]["retryable"] is False
    assert (done["result"], done["steps"]) == (None, None)
    assert await database.fetch("SELECT 1 FROM probe_effects") == []


@pytest.mark.parametrize("what", ["result", "receipt", "state"])
async def test_what_is_large_and_not_too_large_is_kept(client: ApiClient, what: str) -> None:
    job = await client.submit("probe.large", {"what": what, "size": MEBIBYTE // 2})
    assert (await client.finish(job["id"]))["status"] == "succeeded"


async def test_receipts_are_bounded_together(client: ApiClient) -> None:
    job = await client.submit("probe.large", {"what": "receipt", "size": MEBIBYTE // 4, "steps": 5})
    done = await client.finish(job["id"])
    assert (done["error"]["code"], len(done["steps"])) == ("RESULT_TOO_LARGE", 3)
