"""A delivery and the job that tries it: who may go on, and what becomes of it when nobody does."""

from uuid import UUID

import pytest

from api.webhooks.schemas import EndpointIn
from models.jobs import lifecycle
from models.jobs.records import JobRecord
from models.jobs.service import get_job
from models.kernel.actor import SYSTEM
from models.kernel.clock import utc_now
from models.kernel.crypto import KeyRing
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.notifications.service import request_written_email
from models.webhooks.deliveries import Letter, begin_attempt, retry_delivery, send_example
from models.webhooks.service import Webhooks
from scheduler.rescue import rescue_lost


@pytest.fixture
def keys(settings: Settings) -> KeyRing:
    return KeyRing(settings.encryption_keys)


@pytest.fixture
async def job(quiet_database: Database, settings: Settings, keys: KeyRing) -> JobRecord:
    """Of a new delivery."""
    async with quiet_database.transaction() as session:
        data = EndpointIn(url="https://example.com", event_types=["*"])
        endpoint, _ = await Webhooks(keys, settings).create_endpoint(session, SYSTEM, data)
        return await send_example(session, SYSTEM, endpoint.id, "customer.created")


async def claim(database: Database, job: JobRecord) -> JobRecord:
    (claimed,) = await lifecycle.claim(database, [job.id], "tester", 30)
    return claimed


async def lose_on_last_attempt(database: Database, job: JobRecord) -> None:
    """As when the worker dies."""
    await database.execute("UPDATE jobs SET max_attempts = 1 WHERE id = $1", job.id)
    await claim(database, job)
    await database.execute("UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = $1", job.id)
    assert await rescue_lost(database) == 1
    assert (await get_job(database, job.id)).status == "failed"


async def delivery_id(database: Database) -> UUID:
    (row,) = await database.fetch("SELECT id FROM webhook_deliveries")
    id_: UUID = row["id"]
    return id_


async def begin(database: Database, keys: KeyRing, job: JobRecord) -> Letter | None:
    return await begin_attempt(database, keys, await delivery_id(database), job, utc_now())


async def test_a_delivery_whose_last_worker_died_has_failed(quiet_database: Database, job: JobRecord) -> None:
    await lose_on_last_attempt(quiet_database, job)
    (row,) = await quiet_database.fetch("SELECT status, finished_at FROM webhook_deliveries")
    assert row["status"] == "failed"
    assert row["finished_at"] is not None


async def test_a_mail_whose_last_worker_died_has_failed_and_says_why(quiet_database: Database) -> None:
    async with quiet_database.transaction() as session:
        job = await request_written_email(
            session, SYSTEM, to="noa@example.com", to_name=None, subject="Hello", html="<p>Hi</p>", text=None
        )
    await lose_on_last_attempt(quiet_database, job)
    (row,) = await quiet_database.fetch("SELECT status, error FROM messages")
    assert row["status"] == "failed"
    assert row["error"].startswith("LEASE_EXPIRED")


async def test_an_attempt_is_written_down_before_it_is_made(
    quiet_database: Database, keys: KeyRing, job: JobRecord
) -> None:
    letter = await begin(quiet_database, keys, await claim(quiet_database, job))
    assert letter is not None
    (row,) = await quiet_database.fetch("SELECT * FROM webhook_attempts")
    assert (row["number"], row["status_code"], row["duration_ms"]) == (1, None, None)


async def test_a_worker_back_from_a_long_pause_sends_nothing(
    quiet_database: Database, keys: KeyRing, job: JobRecord
) -> None:
    stale = await claim(quiet_database, job)
    await quiet_database.execute("UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s'")
    await rescue_lost(quiet_database)
    assert await begin(quiet_database, keys, stale) is None
    await quiet_database.execute("UPDATE jobs SET status = 'queued'")
    fresh = await claim(quiet_database, job)
    assert await begin(quiet_database, keys, stale) is None
    assert await begin(quiet_database, keys, fresh) is not None


async def test_a_retry_takes_the_delivery_over_from_the_job_that_waits(
    quiet_database: Database, keys: KeyRing, job: JobRecord
) -> None:
    async with quiet_database.transaction() as session:
        second = await retry_delivery(session, SYSTEM, await delivery_id(quiet_database))
    assert await begin(quiet_database, keys, await claim(quiet_database, job)) is None
    assert await begin(quiet_database, keys, await claim(quiet_database, second)) is not None


@pytest.mark.parametrize("change", ["is_active = false", "deleted_at = clock_timestamp()"])
async def test_nothing_is_sent_to_an_endpoint_that_is_not_there(
    quiet_database: Database, keys: KeyRing, job: JobRecord, change: str
) -> None:
    await quiet_database.execute(f"UPDATE webhook_endpoints SET {change}")
    assert await begin(quiet_database, keys, await claim(quiet_database, job)) is None
    assert await quiet_database.fetch("SELECT 1 FROM webhook_attempts") == []
