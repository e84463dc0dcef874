"""What a change of a schedule does to its fire times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.kernel.session import Database
from tests.support.client import ApiClient

HOURLY: dict[str, Any] = {"name": "hourly", "kind": "probe.echo", "payload": {"text": "tick"}, "cron": "0 * * * *"}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "every hour"}, {"payload": {"text": "tock"}}, {"catchUp": "all"}, {"priority": 9},
        {"cron": HOURLY["cron"], "timezone": "UTC"}, {},
    ],
)  # fmt: skip
async def test_what_is_not_its_timing_leaves_an_overdue_fire_due(
    quiet_client: ApiClient, quiet_database: Database, change: dict[str, Any]
) -> None:
    made = await quiet_client.create("/schedules", **HOURLY)
    overdue = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    await quiet_database.execute("UPDATE schedules SET next_fire_at = $1", overdue)
    changed = await quiet_client.expect(200, "PATCH", f"/schedules/{made['id']}", json=change)
    assert datetime.fromisoformat(changed["nextFireAt"]) == overdue
    replaced = await quiet_client.expect(200, "PUT", f"/schedules/{made['id']}", json={**HOURLY, "name": "again"})
    assert datetime.fromisoformat(replaced["nextFireAt"]) == overdue


async def test_a_new_timing_counts_from_now_on(quiet_client: ApiClient, quiet_database: Database) -> None:
    made = await quiet_client.create("/schedules", **HOURLY)
    await quiet_database.execute("UPDATE schedules SET next_fire_at = $1", datetime.now(UTC) - timedelta(hours=3))
    changed = await quiet_client.expect(200, "PATCH", f"/schedules/{made['id']}", json={"cron": "30 * * * *"})
    assert datetime.fromisoformat(changed["nextFireAt"]) > datetime.now(UTC)
    assert changed["nextFireAt"].endswith(":30:00Z")


async def test_a_change_of_a_paused_one_leaves_it_paused(client: ApiClient) -> None:
    path = f"/schedules/{(await client.create('/schedules', **HOURLY))['id']}"
    await client.expect(200, "POST", f"{path}/pause")
    assert (await client.expect(200, "PATCH", path, json={"cron": "5 * * * *"}))["nextFireAt"] is None


async def test_resuming_what_is_not_paused_loses_no_overdue_fire(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    made = await quiet_client.create("/schedules", **HOURLY)
    overdue = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    await quiet_database.execute("UPDATE schedules SET next_fire_at = $1", overdue + timedelta(days=36_500))
    resumed = await quiet_client.expect(200, "POST", f"/schedules/{made['id']}/resume")
    assert datetime.fromisoformat(resumed["nextFireAt"]) == overdue + timedelta(days=36_500)


async def test_a_timing_that_never_fires_is_refused_by_name(client: ApiClient) -> None:
    rule: dict[str, Any] = {**HOURLY, "cron": None, "startsAt": "2026-01-01T00:00:00"}
    never: list[tuple[dict[str, Any], str]] = [
        ({"rrule": "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30"}, "rrule"),
        ({"rrule": "FREQ=DAILY", "startsAt": "2999-01-01T00:00:00"}, "rrule"),
        ({"rrule": None, "startsAt": None, "cron": "0 0 */40 * 1#5"}, "cron"),
    ]
    for timing, field in never:
        problem = await client.expect(400, "POST", "/schedules", json={**rule, **timing})
        assert [(fault["field"], "does not fire" in fault["message"]) for fault in problem["errors"]] == [(field, True)]
    path = f"/schedules/{(await client.create('/schedules', **HOURLY))['id']}"
    problem = await client.expect(400, "PATCH", path, json={"cron": "0 0 */40 * 1#5"})
    assert [fault["field"] for fault in problem["errors"]] == ["cron"]
