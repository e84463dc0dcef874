"""Events become deliveries: each once, in order, numbered without gaps."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from api.webhooks.schemas import EndpointIn
from models.events.catalogue import event_type_named
from models.events.service import emit_many
from models.kernel.actor import SYSTEM, Actor
from models.kernel.crypto import KeyRing
from models.kernel.ids import new_id
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.webhooks.deliveries import Planned, plan_deliveries
from models.webhooks.fan_out import A_WHILE, BATCH, FanOut, fan_out
from models.webhooks.service import Webhooks
from tests.support.statements import noted_statements

DELIVERIES = """
SELECT delivery.*, event.position, job.status AS job_status, job.kind, job.max_attempts, job.owner
FROM webhook_deliveries AS delivery
JOIN events AS event ON event.id = delivery.event_id
JOIN jobs AS job ON job.id = delivery.job_id AND job.payload ->> 'deliveryId' = delivery.id::text
WHERE endpoint_id = $1 ORDER BY sequence
"""


@pytest.fixture
def subscribe(quiet_database: Database, settings: Settings) -> Any:
    async def create(*event_types: str, **fields: Any) -> UUID:
        data = EndpointIn(url="https://example.com", event_types=list(event_types), **fields)
        async with quiet_database.transaction() as session:
            endpoint, _ = await Webhooks(KeyRing(settings.encryption_keys), settings).create_endpoint(
                session, SYSTEM, data
            )
        return endpoint.id

    return create


async def happen(database: Database, type_name: str, count: int = 1, **changes: Any) -> None:
    type_ = event_type_named(type_name)
    payload = msgspec.convert({**type_.example, **changes}, type_.payload, strict=False)
    async with database.transaction() as session:
        await emit_many(session, SYSTEM, type_, {new_id(): payload for _ in range(count)})


async def fan_out_all(database: Database) -> int:
    total = 0
    while count := await fan_out(database):
        total += count
    return total


async def test_each_endpoint_gets_what_it_asked_for(quiet_database: Database, subscribe: Any) -> None:
    wanted = {
        await subscribe("*"): ["customer.created", "customer.deleted", "student.created"],
        await subscribe("customer.*"): ["customer.created", "customer.deleted"],
        await subscribe("*.created"): ["customer.created", "student.created"],
        await subscribe("customer.deleted", "customer.*", "*"): [
            "customer.created",
            "customer.deleted",
            "student.created",
        ],
        await subscribe("job.*"): [],
        await subscribe("*", is_active=False): [],
    }
    for type_name in ("customer.created", "customer.deleted", "student.created"):
        await happen(quiet_database, type_name)
    assert await fan_out(quiet_database) == 3
    for endpoint_id, types in wanted.items():
        rows = await quiet_database.fetch(DELIVERIES, endpoint_id)
        assert [row["event_type"] for row in rows] == types
        assert [row["sequence"] for row in rows] == list(range(1, len(types) + 1))


async def test_a_filter_looks_into_the_payload(quiet_database: Database, subscribe: Any) -> None:
    haifa = await subscribe("customer.*", payload_filter={"city": "Haifa"})
    nobody = await subscribe("customer.*", payload_filter={"city": "Haifa", "name": "Somebody else"})
    await happen(quiet_database, "customer.created", city="Haifa")
    await happen(quiet_database, "customer.created", city="Lagos")
    await fan_out(quiet_database)
    assert len(await quiet_database.fetch(DELIVERIES, haifa)) == 1
    assert await quiet_database.fetch(DELIVERIES, nobody) == []


async def test_every_delivery_has_its_job_with_the_schedule_of_the_settings(
    quiet_database: Database, subscribe: Any, settings: Settings
) -> None:
    endpoint_id = await subscribe("*")
    await happen(quiet_database, "customer.created")
    await fan_out(quiet_database)
    (row,) = await quiet_database.fetch(DELIVERIES, endpoint_id)
    assert (row["kind"], row["job_status"], row["owner"]) == ("webhooks.deliver", "queued", "system")
    assert row["max_attempts"] == len(settings.webhook_retry_seconds) + 1


async def test_two_schedulers_at_once_plan_each_delivery_once_and_in_order(
    quiet_database: Database, subscribe: Any
) -> None:
    endpoint_id = await subscribe("*")
    await happen(quiet_database, "customer.created", 2500)
    counts = await asyncio.gather(*(fan_out_all(quiet_database) for _ in range(4)))
    await fan_out_all(quiet_database)
    assert sum(counts) <= 2500
    await quiet_database.execute("ANALYZE events, jobs, webhook_deliveries")  # or the join may take them for empty
    rows = await quiet_database.fetch(DELIVERIES, endpoint_id)
    assert [row["sequence"] for row in rows] == list(range(1, 2501))
    assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
    assert len({row["event_id"] for row in rows}) == 2500


async def test_the_sequence_has_no_gap_with_many_emitters_and_some_that_fail(
    quiet_database: Database, subscribe: Any
) -> None:
    endpoint_id = await subscribe("customer.created")
    emitting = True

    async def emitter(number: int) -> None:
        for turn in range(5):
            if turn % 2 == number % 2:
                await happen(quiet_database, "customer.created", 3)
            else:
                await _fail_to_happen(quiet_database)

    async def scheduler() -> None:
        while emitting:
            await fan_out(quiet_database)
            await asyncio.sleep(0)

    schedulers = [asyncio.create_task(scheduler()) for _ in range(2)]
    await asyncio.gather(*(emitter(number) for number in range(4)))
    emitting = False
    await asyncio.gather(*schedulers)
    await fan_out_all(quiet_database)
    events = await quiet_database.fetch("SELECT count(*) AS n FROM events")
    rows = await quiet_database.fetch(DELIVERIES, endpoint_id)
    assert len(rows) == events[0]["n"] > 0
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))


async def test_a_fan_out_that_fails_leaves_nothing_behind(
    quiet_database: Database, subscribe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint_id = await subscribe("*")
    await happen(quiet_database, "customer.created")

    async def broken(*_: object) -> list[UUID]:
        raise ConnectionError("PostgreSQL went away")

    with monkeypatch.context() as patch:
        patch.setattr("models.webhooks.deliveries.enqueue_many", broken)
        with pytest.raises(ConnectionError):
            await fan_out(quiet_database)
    assert await quiet_database.fetch("SELECT 1 FROM events WHERE position IS NOT NULL") == []
    assert await fan_out(quiet_database) == 1
    assert [row["sequence"] for row in await quiet_database.fetch(DELIVERIES, endpoint_id)] == [1]


async def _fail_to_happen(database: Database) -> None:
    class Broken(Exception):
        pass

    type_ = event_type_named("customer.created")
    try:
        async with database.transaction() as session:
            payload = msgspec.convert(type_.example, type_.payload, strict=False)
            await emit_many(session, SYSTEM, type_, {new_id(): payload})
            raise Broken
    except Broken:
        return


async def test_many_events_take_no_more_statements_than_one(quiet_database: Database, subscribe: Any) -> None:
    for _ in range(3):
        await subscribe("*")
    counts = []
    for events in (1, 1000):
        await happen(quiet_database, "customer.created", events)
        with noted_statements(quiet_database) as statements:
            assert await fan_out(quiet_database) == events
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 6


async def test_the_more_endpoints_the_fewer_events_are_taken_at_once(
    quiet_database: Database, subscribe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done in one transaction does not grow with them."""
    monkeypatch.setattr("models.webhooks.fan_out.MOST_DELIVERIES", 10)
    await subscribe("*", is_active=False)
    await happen(quiet_database, "customer.created", 20)
    taken = []
    for _ in range(4):
        await subscribe("*")
        taken.append(await fan_out(quiet_database))
    monkeypatch.setattr("models.webhooks.fan_out.MOST_DELIVERIES", 3)
    assert (taken, await fan_out(quiet_database)) == ([10, 5, 3, 2], 0)
    await happen(quiet_database, "customer.created", 2)
    assert [await fan_out(quiet_database) for _ in range(3)] == [1, 1, 0]


async def test_events_that_take_too_long_together_are_published_in_smaller_parts(
    quiet_database: Database, subscribe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the feed would stand for good."""
    endpoint_id = await subscribe("*")
    sizes: list[int] = []

    async def slowly(session: AsyncSession, actor: Actor, planned: Sequence[Planned]) -> list[UUID]:
        sizes.append(len(planned))
        if len(planned) > BATCH / 3:
            raise TimeoutError
        return await plan_deliveries(session, actor, planned)

    monkeypatch.setattr("models.webhooks.fan_out.plan_deliveries", slowly)
    await happen(quiet_database, "customer.created", 3 * BATCH)
    publishing = FanOut(quiet_database)
    while len(sizes) < 15:
        with contextlib.suppress(TimeoutError):
            await publishing.step()
    assert sizes == [BATCH, BATCH // 2, *[BATCH // 4] * A_WHILE, BATCH // 2, BATCH // 4, BATCH // 4]
    rows = await quiet_database.fetch(DELIVERIES, endpoint_id)
    assert [row["sequence"] for row in rows] == list(range(1, 3 * BATCH + 1))
