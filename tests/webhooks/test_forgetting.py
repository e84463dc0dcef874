"""Events are kept for a time, and the feed says so to who comes too late; mails are, too."""

from typing import Any
from uuid import UUID

import pytest

from models.events.service import list_after, publish
from models.kernel.errors import Gone
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.notifications.queries import FORGET
from models.notifications.service import forget_messages
from models.webhooks.forgetting import forget_events
from models.webhooks.queries import FORGET_EVENTS
from scheduler.prune import prune
from tests.support.client import ApiClient
from tests.support.plans import rows_read

OLD, YOUNG = 40, 20
PLANT = """
INSERT INTO events (id, type, resource_type, resource_id, payload, actor, occurred_at, position)
SELECT gen_random_uuid(), $4, split_part($4, '.', 1), gen_random_uuid(), '{}', 'system',
       now() - make_interval(days => $3), n
FROM generate_series($1::bigint, $2::bigint) AS n
"""
UNPUBLISHED = """
INSERT INTO events (id, type, resource_type, resource_id, payload, actor, occurred_at)
VALUES (gen_random_uuid(), 'customer.created', 'customer', gen_random_uuid(), '{}', 'system', now() - interval '1 year')
"""
ENDPOINT = """
INSERT INTO webhook_endpoints (id, url, event_types, secret, created_by)
VALUES (gen_random_uuid(), 'https://example.com', '{*}', '', 'system') RETURNING id
"""
# A delivery of each event, with an attempt, and its job in the given state.
DELIVER = """
WITH job AS (
    INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, finished_at)
    SELECT gen_random_uuid(), 'webhooks.deliver', 'webhooks', '{}', $3, 5, 'system', now(), 1,
           CASE WHEN $3 = 'failed' THEN now() END
    FROM events WHERE position = ANY($2::bigint[]) RETURNING id
), numbered AS (
    SELECT id, row_number() OVER () AS n FROM job
), delivery AS (
    INSERT INTO webhook_deliveries (id, endpoint_id, event_id, event_type, sequence, status, job_id)
    SELECT gen_random_uuid(), $1, events.id, type, position, $4, numbered.id
    FROM events JOIN numbered ON $2[n] = position RETURNING id
)
INSERT INTO webhook_attempts (delivery_id, number, started_at) SELECT id, 1, now() FROM delivery
"""
MESSAGE = """
INSERT INTO messages (id, channel, template, recipient, subject, text, html, status, updated_at)
VALUES (gen_random_uuid(), 'email', 'custom', 'x@example.com', $1, '', '', $2, now() - make_interval(days => $3))
"""


async def plant(database: Database, first: int, last: int, days: int, type_: str = "customer.created") -> None:
    await database.execute(PLANT, first, last, days, type_)


async def subscribe(database: Database) -> UUID:
    id_: UUID = (await database.fetch(ENDPOINT))[0]["id"]
    return id_


async def positions(database: Database) -> list[int]:
    return [row["position"] for row in await database.fetch("SELECT position FROM events ORDER BY position")]


async def count(database: Database, table: str) -> int:
    counted: int = (await database.fetch(f"SELECT count(*) AS n FROM {table}"))[0]["n"]
    return counted


async def test_the_oldest_go_first_a_chunk_at_a_time(quiet_database: Database) -> None:
    await plant(quiet_database, 1, 8, OLD)
    await plant(quiet_database, 9, 10, YOUNG)
    left = []
    while await forget_events(quiet_database, 30, limit=3):
        left.append((await positions(quiet_database))[0])
    assert (left, await positions(quiet_database)) == ([4, 7, 9], [9, 10])


async def test_positions_go_on_where_they_were_though_all_that_had_one_is_old(quiet_database: Database) -> None:
    """Else who has read up to the third would never see what happens next."""
    await plant(quiet_database, 1, 3, OLD)
    assert await forget_events(quiet_database, 30) == 2
    await quiet_database.execute(UNPUBLISHED)
    async with quiet_database.transaction() as session:
        assert [event.position for event in await publish(session, 10)] == [4]


async def test_what_is_not_published_yet_is_not_forgotten(quiet_database: Database) -> None:
    await quiet_database.execute(UNPUBLISHED)
    assert (await forget_events(quiet_database, 30), await count(quiet_database, "events")) == (0, 1)


async def test_what_is_still_to_be_delivered_stays_with_all_that_came_after_it(quiet_database: Database) -> None:
    """So that there are no gaps in the feed."""
    endpoint_id = await subscribe(quiet_database)
    await plant(quiet_database, 1, 6, OLD)
    await quiet_database.execute(DELIVER, endpoint_id, [1, 2, 4], "failed", "failed")
    await quiet_database.execute(DELIVER, endpoint_id, [3], "retrying", "pending")
    assert (await forget_events(quiet_database, 30), await positions(quiet_database)) == (2, [3, 4, 5, 6])
    assert (await count(quiet_database, "webhook_deliveries"), await count(quiet_database, "webhook_attempts")) == (
        2,
        2,
    )
    await quiet_database.execute("UPDATE webhook_deliveries SET status = 'delivered'")
    assert (await forget_events(quiet_database, 30), await positions(quiet_database)) == (3, [6])
    assert (await count(quiet_database, "webhook_deliveries"), await count(quiet_database, "webhook_attempts")) == (
        0,
        0,
    )


@pytest.mark.parametrize("how", ["UPDATE jobs SET status = 'failed', finished_at = now()", "DELETE FROM jobs"])
async def test_a_delivery_that_no_job_will_make_holds_nothing_up(quiet_database: Database, how: str) -> None:
    await plant(quiet_database, 1, 3, OLD)
    await quiet_database.execute(DELIVER, await subscribe(quiet_database), [1], "queued", "pending")
    assert await forget_events(quiet_database, 30) == 0
    await quiet_database.execute(how)
    assert await forget_events(quiet_database, 30) == 2


async def test_events_with_many_deliveries_go_a_few_at_a_time(
    quiet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.webhooks.forgetting.DELIVERIES_AT_ONCE", 3)
    await plant(quiet_database, 1, 6, OLD)
    for _ in range(2):
        await quiet_database.execute(DELIVER, await subscribe(quiet_database), [1, 2, 3, 4], "failed", "failed")
    assert [await forget_events(quiet_database, 30) for _ in range(4)] == [2, 2, 1, 0]


async def test_the_feed_begins_with_what_is_kept_and_says_what_is_not(client: ApiClient, database: Database) -> None:
    await plant(database, 11, 13, 0)

    async def after(position: int, status: int = 200) -> Any:
        return await client.expect(status, "GET", "/events", params={"after": position})

    for position, found in ((0, [11, 12, 13]), (10, [11, 12, 13]), (12, [13]), (13, []), (99, [])):
        page = await after(position)
        assert [event["position"] for event in page["data"]] == found
        assert page["nextAfter"] == max(position, 13)
    for position in (1, 9):
        problem = await after(position, 410)
        assert (problem["code"], problem["oldestPosition"]) == ("GONE", 11)


async def test_who_waits_for_what_is_rare_is_not_told_that_they_missed_something(quiet_database: Database) -> None:
    """What they did not ask for counts as read."""
    await plant(quiet_database, 1, 9, OLD)
    await plant(quiet_database, 10, 10, OLD, "meeting.scheduled")
    await plant(quiet_database, 11, 12, YOUNG)
    feed = await list_after(quiet_database, 1, 100, ["meeting.*"])
    assert ([event.position for event in feed.events], feed.reached) == ([10], 12)
    assert (await list_after(quiet_database, 1, 1, ["meeting.*"])).reached == 10
    await forget_events(quiet_database, 30)
    assert (await list_after(quiet_database, 12, 100, ["meeting.*"])).reached == 12
    with pytest.raises(Gone):
        await list_after(quiet_database, 9, 100, ["meeting.*"])


async def test_mails_go_once_they_were_sent_or_given_up(quiet_database: Database) -> None:
    for status in ("pending", "sent", "failed"):
        for days in (OLD, YOUNG):
            await quiet_database.execute(MESSAGE, f"{status} {days}", status, days)
    assert await forget_messages(quiet_database, 30) == 2
    rows = await quiet_database.fetch("SELECT subject FROM messages ORDER BY subject")
    assert [row["subject"] for row in rows] == [
        f"failed {YOUNG}",
        f"pending {YOUNG}",
        f"pending {OLD}",
        f"sent {YOUNG}",
    ]


async def test_the_scheduler_forgets_them_by_the_settings(quiet_database: Database, settings: Settings) -> None:
    await plant(quiet_database, 1, 3, OLD)
    await quiet_database.execute(MESSAGE, "x", "sent", OLD)
    assert await prune(quiet_database, settings) == 0
    keeping = {"event_keep_days": 30, "message_keep_days": 30}
    assert await prune(quiet_database, settings.model_copy(update=keeping)) == 3


async def test_looking_for_what_is_old_costs_by_what_is_found(quiet_database: Database) -> None:
    await plant(quiet_database, 1, 5000, YOUNG)
    await quiet_database.execute("VACUUM ANALYZE events")
    explaining = f"EXPLAIN (ANALYZE, FORMAT JSON) {FORGET_EVENTS}"
    rows = await quiet_database.fetch(explaining, 30, 500, 20_000)
    assert rows_read(rows[0]["QUERY PLAN"]) <= 2000, rows[0]["QUERY PLAN"]
    plan = [row["QUERY PLAN"] for row in await quiet_database.fetch(f"EXPLAIN {FORGET}", 30, 1000)]
    assert any("Index Cond" in line and "updated_at" in line for line in plan), "\n".join(plan)
