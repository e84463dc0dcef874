"""A schedule that was deleted comes back, or goes for good, as every other resource does."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from models.kernel.session import Database
from models.schedules.rules import Timing, fires_after
from tests.support.client import ApiClient
from tests.support.keys import key_with

DAILY = {"name": "x", "cron": "0 3 * * *", "kind": "probe.echo", "payload": {"text": "x"}}


async def test_a_deleted_schedule_comes_back_and_makes_up_for_nothing(client: ApiClient, database: Database) -> None:
    made = await client.create("/schedules", **DAILY)
    path = f"/schedules/{made['id']}"
    await client.expect(204, "DELETE", path)
    await client.expect(404, "GET", path)
    await database.execute("UPDATE schedules SET next_fire_at = '2001-01-01Z' WHERE id = $1", UUID(made["id"]))
    restored = await client.expect(200, "POST", f"{path}/restore")
    assert restored["nextFireAt"] == made["nextFireAt"]
    assert await client.expect(200, "GET", path) == restored
    assert await client.expect(200, "POST", f"{path}/restore") == restored


async def test_a_paused_schedule_comes_back_paused(client: ApiClient) -> None:
    path = f"/schedules/{(await client.create('/schedules', **DAILY))['id']}"
    await client.expect(200, "POST", f"{path}/pause")
    await client.expect(204, "DELETE", path)
    restored = await client.expect(200, "POST", f"{path}/restore")
    assert (restored["nextFireAt"], restored["pausedAt"] is None) == (None, False)


async def test_a_schedule_does_not_come_back_over_another_of_its_key(client: ApiClient) -> None:
    first = await client.expect(201, "PUT", "/schedules/by-key/k", json=DAILY)
    await client.expect(204, "DELETE", f"/schedules/{first['id']}")
    await client.expect(201, "PUT", "/schedules/by-key/k", json=DAILY)
    await client.expect(409, "POST", f"/schedules/{first['id']}/restore")


async def test_only_administrators_remove_a_schedule_for_good(client: ApiClient, database: Database) -> None:
    key = await key_with(client, "write:jobs", "read:jobs")
    for deleted_before in (False, True):
        made = await client.expect(201, "POST", "/schedules", json=DAILY, headers=key)
        path = f"/schedules/{made['id']}"
        if deleted_before:
            await client.expect(204, "DELETE", path, headers=key)
        await client.expect(403, "DELETE", path, params={"hard": True}, headers=key)
        await client.expect(403, "POST", f"{path}/restore", headers=key)
        await client.expect(204, "DELETE", path, params={"hard": True})
        await client.expect(404, "POST", f"{path}/restore")
    assert await database.fetch("SELECT 1 FROM schedules") == []


@pytest.mark.parametrize("timezone", ["localtime", "Factory"])
async def test_a_time_zone_is_a_place(client: ApiClient, timezone: str) -> None:
    problem = await client.expect(400, "POST", "/schedules", json={**DAILY, "timezone": timezone})
    assert [fault["field"] for fault in problem["errors"]] == ["timezone"]


@pytest.mark.parametrize(
    ("cron", "forward", "back"),
    [
        ("30 2 * * *", ["01:00"], ["00:30"]),
        ("*/30 2 * * *", [], ["00:00", "00:30", "01:00", "01:30"]),
        ("0 * * * *", ["00:00", "01:00", "02:00"], ["00:00", "01:00", "02:00"]),
        ("0 */2 * * *", ["02:00"], ["00:00", "01:00"]),
    ],
)
def test_a_cron_whose_minute_or_hour_begins_with_a_star_goes_by_the_clock_as_it_is(
    cron: str, forward: list[str], back: list[str]
) -> None:
    """In Berlin the clocks change at 01:00 UTC."""
    for day, fires in (((2026, 3, 29), forward), ((2026, 10, 25), back)):
        start, end = datetime(*day, 0, 0, tzinfo=UTC), datetime(*day, 2, 0, tzinfo=UTC)
        before = start.replace(day=day[2] - 1, hour=23, minute=59)
        found = fires_after(Timing("Europe/Berlin", cron), before, end)
        assert [fire.strftime("%H:%M") for fire in found] == fires
