"""What has happened in the world is not done again; what was committed is not lost."""

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient, eventually

pytestmark = pytest.mark.usefixtures("workers")


async def test_a_retry_skips_the_steps_that_have_receipts(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.steps", {"steps": ["mail sent", "room created"], "breakAfter": "mail sent"})
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"]) == ("succeeded", 2)
    rows = await database.fetch("SELECT attempt, label FROM probe_effects ORDER BY attempt")
    expected = [(1, f"mail sent {job['id']}:mail sent"), (2, f"room created {job['id']}:room created")]
    assert [(row["attempt"], row["label"]) for row in rows] == expected


async def test_the_job_shows_what_has_happened_in_the_world(client: ApiClient) -> None:
    job = await client.submit("probe.steps", {"steps": ["mail sent", "room created"]})
    done = await client.finish(job["id"])
    assert [(step["name"], step["receipt"]) for step in done["steps"]] == [
        ("mail sent", {"number": 9}),
        ("room created", {"number": 12}),
    ]


async def test_a_retry_resumes_from_the_last_checkpoint(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.chunks", {"label": "chunk", "chunks": 5, "breakAfter": 3})
    assert (await client.finish(job["id"]))["status"] == "succeeded"
    rows = await database.fetch("SELECT attempt, label FROM probe_effects ORDER BY attempt")
    assert [row["attempt"] for row in rows] == [1, 1, 1, 2, 2]
    assert {row["label"] for row in rows} == {"chunk"}


async def test_a_cancel_keeps_the_chunks_committed(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.chunks", {"label": "chunk", "chunks": 200, "seconds": 0.1})
    await eventually(lambda: database.fetch("SELECT FROM probe_effects WHERE label = 'chunk'"))
    answer = await client.expect(200, "POST", f"/jobs/{job['id']}/cancel", headers={"Prefer": "wait=20"})
    rows = await database.fetch("SELECT label FROM probe_effects")
    assert answer["verdict"] == "stopped"
    assert {row["label"] for row in rows} == {"chunk"}
    assert len(rows) < 200


async def test_two_steps_of_one_name_are_a_mistake_and_not_one_receipt_for_both(
    client: ApiClient, database: Database
) -> None:
    job = await client.submit("probe.steps", {"steps": ["mail sent", "mail sent"]}, maxAttempts=1)
    done = await client.finish(job["id"])
    assert (done["status"], "two steps named mail sent" in done["error"]["message"]) == ("failed", True)
    assert len(await database.fetch("SELECT 1 FROM probe_effects")) == 1
