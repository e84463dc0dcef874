"""A schedule that cannot fire says why, and keeps no other from firing."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from models.kernel.session import Database
from tests.support.client import ApiClient
from tests.support.schedules import NOON, fire, fire_over_http, fires_of, plant, read

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "gone.kind"}, "KIND_UNKNOWN"),
    ({"payload": {"txt": "tick"}}, "PAYLOAD_INVALID"),
    ({"timezone": "Mars/Olympus"}, "TIMING_INVALID"),
    ({"cron": "61 * * * *"}, "TIMING_INVALID"),
    ({"cron": None, "rrule": "FREQ=DAILY;BYDAY=XX", "starts_at": NOON.replace(tzinfo=None)}, "TIMING_INVALID"),
    ({"cron": None, "rrule": "FREQ=DAILY;INTERVAL=0", "starts_at": NOON.replace(tzinfo=None)}, "TIMING_INVALID"),
    ({"owner": "user:nobody"}, "UNEXPECTED"),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS)
async def test_one_that_cannot_fire_says_why_and_the_others_fire(
    quiet_database: Database, fault: dict[str, Any], code: str
) -> None:
    before = await plant(quiet_database)
    faulty = await plant(quiet_database, **fault)
    after = await plant(quiet_database)
    assert await fire(quiet_database) == 2
    for sound in (before, after):
        assert await fires_of(quiet_database, sound) == [NOON]
    row = await read(quiet_database, faulty)
    error = msgspec.json.decode(row["last_error"])
    assert (error["code"], bool(error["message"]), "at" in error) == (code, True, True)
    assert await fires_of(quiet_database, faulty) == []
    assert row["next_fire_at"] > NOON, "it is tried again at its next fire time, not every second"
    assert await fire(quiet_database, NOON + timedelta(seconds=1)) == 0


async def test_the_next_good_fire_clears_the_error(quiet_database: Database) -> None:
    id_ = await plant(quiet_database, payload={"txt": "tick"})
    await fire(quiet_database)
    await quiet_database.execute("""UPDATE schedules SET payload = '{"text": "tock"}'""")
    with capture_logs() as lines:
        assert await fire(quiet_database, NOON + timedelta(hours=1)) == 1
    row = await read(quiet_database, id_)
    assert (row["last_error"], row["last_fire_at"]) == (None, NOON + timedelta(hours=1))
    assert [line["event"] for line in lines] == ["schedule_fired"]


async def test_a_fault_is_told_once_for_each_fire_time(quiet_database: Database) -> None:
    id_ = await plant(quiet_database, kind="gone.kind")
    with capture_logs() as lines:
        for second in range(3):
            await fire(quiet_database, NOON + timedelta(seconds=second))
        await fire(quiet_database, NOON + timedelta(hours=1))
    told = [(line["event"], line["schedule_id"], line["code"]) for line in lines]
    assert told == [("schedule_failed", str(id_), "KIND_UNKNOWN")] * 2


async def test_a_timing_that_can_be_read_again_fires_at_its_next_time_and_not_when_it_was_looked_at(
    quiet_database: Database,
) -> None:
    id_ = await plant(quiet_database, timezone="Mars/Olympus", cron="30 * * * *", next_fire_at=NOON)
    await fire(quiet_database)
    await quiet_database.execute("UPDATE schedules SET timezone = 'UTC'")
    assert await fire(quiet_database, NOON + timedelta(hours=1)) == 0
    assert (await read(quiet_database, id_))["next_fire_at"] == NOON + timedelta(hours=1, minutes=30)
    assert await fire(quiet_database, NOON + timedelta(hours=1, minutes=30)) == 1


async def test_what_is_wrong_stands_in_its_answer_and_failing_ones_can_be_listed(
    quiet_client: ApiClient, quiet_database: Database
) -> None:
    bodies = [{"name": name, "kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *"} for name in "ab"]
    good, bad = [await quiet_client.create("/schedules", **body) for body in bodies]
    assert (good["lastError"], good["lastJobId"], good["lastSkippedAt"]) == (None, None, None)
    await quiet_database.execute("UPDATE schedules SET payload = '{}' WHERE id = $1", bad["id"])
    await fire_over_http(quiet_client, quiet_database, bad["id"])
    page = await quiet_client.expect(200, "GET", "/schedules", params={"failing": "true"})
    assert [each["id"] for each in page["data"]] == [bad["id"]]
    assert page["data"][0]["lastError"]["code"] == "PAYLOAD_INVALID"
    assert "text is required" in page["data"][0]["lastError"]["message"]
    page = await quiet_client.expect(200, "GET", "/schedules", params={"failing": "false"})
    assert [each["id"] for each in page["data"]] == [good["id"]]
    assert "bellwork_schedules_failing 1.0" in (await quiet_client.get("http://test/metrics")).text


async def test_an_unreadable_timing_is_told_by_what_needs_it_and_can_be_put_right(
    client: ApiClient, database: Database
) -> None:
    body = {"name": "a", "kind": "probe.echo", "payload": {"text": "x"}, "cron": "0 3 * * *"}
    path = f"/schedules/{(await client.create('/schedules', **body))['id']}"
    await database.execute("UPDATE schedules SET timezone = 'Mars/Olympus'")
    await client.expect(422, "GET", f"{path}/fire-times")
    await client.expect(200, "PATCH", path, json={"name": "b"})
    await client.expect(200, "POST", f"{path}/pause")
    await client.expect(422, "POST", f"{path}/resume")
    await client.expect(200, "PATCH", path, json={"timezone": "UTC"})
    assert (await client.expect(200, "POST", f"{path}/resume"))["nextFireAt"]
