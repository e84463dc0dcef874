"""What a caller may rely on once a job is accepted, with real workers."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis.asyncio

from cli.platform import LocalPlatform
from models.kernel.session import Database
from tests.support.client import ApiClient, eventually
from tests.support.jobs import LATER, effects

pytestmark = pytest.mark.usefixtures("workers")


SHARED_MESSAGES = "SELECT message_id FROM jobs GROUP BY message_id HAVING count(message_id) > 1"


async def test_a_submitted_job_runs_and_leaves_its_result(client: ApiClient) -> None:
    job = await client.submit("probe.echo", {"text": "hello"})
    done = await client.finish(job["id"])
    assert (done["status"], done["result"], done["attempt"]) == ("succeeded", {"text": "hello"}, 1)
    attempts = await client.expect(200, "GET", f"/jobs/{job['id']}/attempts")
    assert [attempt["outcome"] for attempt in attempts] == ["succeeded"]


async def test_a_retried_attempt_leaves_nothing_of_the_broken_ones(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.effect", {"label": "retry", "failUntil": 2})
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"]) == ("succeeded", 3)
    assert await effects(database, "retry") == [3]
    attempts = await client.expect(200, "GET", f"/jobs/{job['id']}/attempts")
    assert [attempt["outcome"] for attempt in attempts] == ["retry", "retry", "succeeded"]
    assert attempts[0]["error"]["code"] == "PROVIDER_DOWN"


async def test_exhausted_attempts_end_in_failed_with_the_last_error(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.effect", {"label": "never", "failUntil": 9})
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"], done["error"]["code"]) == ("failed", 3, "PROVIDER_DOWN")
    assert await effects(database, "never") == []


async def test_a_final_error_is_not_retried(client: ApiClient) -> None:
    job = await client.submit("probe.effect", {"label": "final", "final": True})
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"], done["error"]["code"]) == ("failed", 1, "UNPROCESSABLE")


async def test_jobs_that_travel_with_one_that_takes_long_do_not_wait_for_it(
    client: ApiClient, database: Database
) -> None:
    async def travel_together() -> bool:
        await _run_together(client, [{"label": "quick"}] * 4)
        rows = await database.fetch(SHARED_MESSAGES)
        return bool(rows)

    await eventually(travel_together)
    slow, *quick = await _run_together(client, [{"label": "slow", "seconds": 2.0}, *[{"label": "quick"}] * 4])
    assert {job["status"] for job in (slow, *quick)} == {"succeeded"}
    assert max(job["finishedAt"] for job in quick) < slow["finishedAt"]


async def _run_together(client: ApiClient, payloads: list[dict[str, Any]]) -> list[Any]:
    jobs = [{"kind": "probe.effect", "payload": payload} for payload in payloads]
    parent = await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs})
    await client.finish(parent["id"])
    found = await client.expect(200, "GET", f"/jobs?parentId={parent['id']}&sortBy=createdAt&sortOrder=asc")
    return list(found["data"])


async def test_a_job_that_kills_its_worker_fails_after_its_attempts_and_poisons_nobody(
    client: ApiClient,
) -> None:
    poison = await client.submit("probe.die")
    other = await client.submit("probe.echo", {"text": "alive"})
    assert (await client.finish(other["id"]))["status"] == "succeeded"
    done = await client.finish(poison["id"], within=60)
    assert (done["status"], done["attempt"], done["error"]["code"]) == ("failed", 2, "LEASE_EXPIRED")


async def test_a_job_for_later_waits_for_its_time(client: ApiClient) -> None:
    run_at = datetime.now(UTC) + timedelta(seconds=1.5)
    job = await client.submit("probe.echo", {"text": "later"}, runAt=run_at.isoformat())
    assert job["status"] == "scheduled"
    done = await client.finish(job["id"])
    assert datetime.fromisoformat(done["startedAt"]) >= run_at


async def test_the_same_key_is_one_job_while_it_is_unfinished(client: ApiClient) -> None:
    first = await client.submit("probe.effect", {"label": "one"}, dedupeKey="k", runAt=LATER)
    second = await client.submit("probe.effect", {"label": "two"}, dedupeKey="k")
    assert second["id"] == first["id"]
    await client.expect(200, "PATCH", f"/jobs/{first['id']}", json={"runAt": None})
    await client.finish(first["id"])
    third = await client.submit("probe.effect", {"label": "three"}, dedupeKey="k")
    assert third["id"] != first["id"]


async def test_a_lost_broker_loses_no_job_and_doubles_none(
    client: ApiClient, database: Database, workers: LocalPlatform
) -> None:
    async with redis.asyncio.from_url(workers.settings["BELLWORK_REDIS_URL"]) as broker:
        with fetching_nothing(workers):
            jobs = [await client.submit("probe.effect", {"label": f"flush {n}"}) for n in range(20)]
            await eventually(lambda: broker.llen("default"))
            await broker.flushall()
    for job in jobs:
        assert (await client.finish(job["id"]))["status"] == "succeeded"
    rows = await database.fetch("SELECT job_id, attempt FROM probe_effects")
    assert sorted((str(row["job_id"]), row["attempt"]) for row in rows) == sorted((job["id"], 1) for job in jobs)


@contextmanager
def fetching_nothing(workers: LocalPlatform) -> Iterator[None]:
    """The workers stay as they are, connected to the broker, and take no message from it."""
    workers.processes.send_signal("worker", signal.SIGSTOP)
    try:
        yield
    finally:
        workers.processes.send_signal("worker", signal.SIGCONT)


async def test_jobs_are_accepted_while_the_broker_is_down(client: ApiClient, workers: LocalPlatform) -> None:
    assert workers.valkey is not None
    workers.valkey.stop()
    try:
        jobs = [await client.submit("probe.echo", {"text": str(n)}) for n in range(3)]
    finally:
        workers.valkey.start()
    for job in jobs:
        assert (await client.finish(job["id"]))["status"] == "succeeded"


async def test_many_small_jobs_travel_in_one_message(client: ApiClient, database: Database) -> None:
    jobs = [{"kind": "probe.batch", "payload": {"label": f"batch {n}"}} for n in range(30)]
    batch = await client.expect(202, "POST", "/jobs/batch", json={"jobs": jobs})
    assert (await client.finish(batch["id"]))["result"]["succeeded"] == 30
    rows = await database.fetch("SELECT DISTINCT message_id FROM jobs WHERE kind = 'probe.batch'")
    assert len(rows) == 1
    assert len(await database.fetch("SELECT FROM probe_effects WHERE label LIKE 'batch %'")) == 30


async def test_progress_is_seen_while_the_transaction_is_still_open(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.effect", {"label": "slow", "seconds": 60, "steps": 600})

    async def halfway() -> bool:
        seen = await client.expect(200, "GET", f"/jobs/{job['id']}")
        return bool(seen["progress"] and seen["progress"]["current"] >= 2 and seen["status"] == "running")

    assert await eventually(halfway)
    assert await effects(database, "slow") == []
    await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    quick = await client.submit("probe.effect", {"label": "quick", "steps": 4})
    assert (await client.finish(quick["id"]))["progress"] == {"current": 4, "total": 4, "message": "step 4"}
