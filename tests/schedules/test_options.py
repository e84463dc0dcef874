"""The jobs of a schedule are made with whatever a submit can say of a job."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.jobs.service import JobOptions
from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.schedules import NOON, fire, fire_over_http, plant

OPTIONS: dict[str, Any] = {
    "priority": 0, "tags": ["nightly", "figures", "nightly"], "maxAttempts": 2, "startWithinSeconds": 3600,
    "callbackUrl": "https://example.com/done",
}  # fmt: skip
BODY: dict[str, Any] = {"name": "a", "kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *", **OPTIONS}
# Its own time and overlap say what a schedule means by these.
NOT_FOR_SCHEDULES = {"run_at", "dedupe_key", "on_duplicate"}
MADE_WITH = {"priority", "tags", "max_attempts", "start_by", "callback_url", "schedule_id", "fire_at"}


def test_no_option_of_a_submit_is_forgotten() -> None:
    assert set(JobOptions.__struct_fields__) == MADE_WITH | NOT_FOR_SCHEDULES


async def test_a_fire_and_a_run_by_hand_are_made_with_them(quiet_client: ApiClient, quiet_database: Database) -> None:
    made = await quiet_client.create("/schedules", **BODY)
    assert {name: made[name] for name in OPTIONS} == OPTIONS
    await quiet_database.execute("INSERT INTO paused_kinds (kind, paused_by) VALUES ('probe.echo', 'system')")
    fired = (await fire_over_http(quiet_client, quiet_database, made["id"]))["lastJobId"]
    by_hand = (await quiet_client.expect(202, "POST", f"/schedules/{made['id']}/run-now"))["id"]
    for id_ in (fired, by_hand):
        job = await quiet_client.expect(200, "GET", f"/jobs/{id_}")
        assert (job["priority"], job["tags"], job["maxAttempts"]) == (0, ["nightly", "figures"], 2)
        assert (job["callbackUrl"], job["startBy"] is None) == (OPTIONS["callbackUrl"], False)


async def test_a_job_made_late_has_its_whole_time_to_start(quiet_database: Database) -> None:
    await plant(quiet_database, start_within_seconds=60)
    now = NOON + timedelta(minutes=30)
    await fire(quiet_database, now)
    rows = await quiet_database.fetch("SELECT start_by FROM jobs")
    assert [row["start_by"] for row in rows] == [now + timedelta(seconds=60)]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("tags", ["x"] * 11), ("tags", [""]), ("maxAttempts", 0), ("startWithinSeconds", 0), ("priority", 10),
        ("callbackUrl", "ftp://example.com"), ("callbackUrl", "http://10.0.0.1/"),
    ],
)  # fmt: skip
async def test_one_that_means_nothing_is_refused_wherever_it_is_given(
    client: ApiClient, option: str, value: Any
) -> None:
    made = await client.create("/schedules", **BODY)
    bad = {**BODY, option: value}
    for method, path, body in [
        ("POST", "/schedules", bad), ("PUT", f"/schedules/{made['id']}", bad), ("PUT", "/schedules/by-key/k", bad),
        ("PATCH", f"/schedules/{made['id']}", {option: value}),
    ]:  # fmt: skip
        problem = await client.expect(400, method, path, json=body)
        assert [fault["field"].partition("[")[0] for fault in problem["errors"]] == [option]
    kept = await client.expect(200, "GET", f"/schedules/{made['id']}")
    assert kept[option] == OPTIONS[option]


async def test_they_are_taken_back_by_null(client: ApiClient) -> None:
    path = f"/schedules/{(await client.create('/schedules', **BODY))['id']}"
    nothing: dict[str, Any] = {"maxAttempts": None, "startWithinSeconds": None, "callbackUrl": None, "tags": []}
    changed = await client.expect(200, "PATCH", path, json=nothing)
    assert {name: changed[name] for name in nothing} == nothing
    assert datetime.fromisoformat(changed["nextFireAt"])
