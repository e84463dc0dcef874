"""`If-Match` and `If-None-Match`, in all the ways in which they may be written."""

from typing import Any

import pytest

from tests.support.client import ApiClient

ECHO = {"kind": "probe.echo", "payload": {"text": "x"}}
LATER = "2199-01-01T00:00:00Z"
DAILY = {"name": "x", "cron": "0 3 * * *", **ECHO}


def ways(etag: str) -> list[Any]:
    """Headers that name the ETag."""
    return [
        [("If-None-Match", etag)],
        [("If-None-Match", f"W/{etag}")],
        [("If-None-Match", f'"other", {etag}')],
        [("If-None-Match", f'"a,b" ,W/{etag},"c"')],
        [("If-None-Match", '"other"'), ("If-None-Match", etag)],
        [("If-None-Match", "*")],
    ]


async def test_a_job_that_one_has_is_not_sent_again_however_its_etag_is_written(client: ApiClient) -> None:
    job = await client.submit("probe.echo", {"text": "x"}, runAt=LATER)
    etag = (await client.get(f"/jobs/{job['id']}")).headers["etag"]
    for headers in ways(etag):
        answer = await client.get(f"/jobs/{job['id']}", headers=headers)
        assert (answer.status_code, answer.content) == (304, b""), headers
        assert answer.headers["etag"] == etag
    for other in ('"other"', etag.strip('"'), "", f"{etag} {etag}", 'W/"', f'"other", "{etag}'):
        answer = await client.get(f"/jobs/{job['id']}", headers={"If-None-Match": other})
        assert answer.status_code == 200, other


async def test_every_answer_with_a_job_has_the_etag_that_a_read_gives(client: ApiClient) -> None:
    for headers in ({}, {"Prefer": "respond-async"}):
        answer = await client.post("/jobs", json={**ECHO, "runAt": LATER}, headers=headers)
        place = answer.headers["location"].removeprefix("/api/v1")
        assert answer.headers["etag"] == (await client.get(place)).headers["etag"]
    changed = await client.patch(place, json={"priority": 7}, headers={"If-Match": answer.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] == (await client.get(place)).headers["etag"]


@pytest.mark.parametrize("header", ["*", '"{now}"', 'W/"{now}"', '"7", "{now}"'])
async def test_a_write_goes_ahead_on_any_of_the_states_it_expects(client: ApiClient, header: str) -> None:
    customer = await client.create("/customers", name="Noa")
    sent = {"If-Match": header.format(now=customer["version"])}
    await client.expect(200, "PATCH", f"/customers/{customer['id']}", json={"city": "Lod"}, headers=sent)
    job = await client.post("/jobs", json={**ECHO, "runAt": LATER})
    sent = {"If-Match": header.format(now=job.headers["etag"].strip('"'))}
    await client.expect(200, "PATCH", f"/jobs/{job.json()['id']}", json={"priority": 7}, headers=sent)


@pytest.mark.parametrize("header", ['"x"', '"999999999999999999999"', '"77", "78"', 'W/"0123456789abcdef"', '""'])
async def test_a_write_that_expects_another_state_is_refused(client: ApiClient, header: str) -> None:
    customer = await client.create("/customers", name="Noa")
    job = await client.submit("probe.echo", {"text": "x"}, runAt=LATER)
    for path in (f"/customers/{customer['id']}", f"/jobs/{job['id']}"):
        await client.expect(412, "PATCH", path, json={}, headers={"If-Match": header})


async def test_a_schedule_of_a_key_is_only_made_or_only_changed_if_one_says_so(client: ApiClient) -> None:
    path = "/schedules/by-key/nightly"
    for header in ("*", '"1"'):
        await client.expect(412, "PUT", path, json=DAILY, headers={"If-Match": header})
    made = await client.expect(201, "PUT", path, json=DAILY, headers={"If-None-Match": "*"})
    refused = await client.expect(412, "PUT", path, json={**DAILY, "name": "y"}, headers={"If-None-Match": "*"})
    assert refused["code"] == "PRECONDITION_FAILED"
    assert await client.expect(200, "PUT", path, json=DAILY, headers={"If-Match": "*"}) == made
    problem = await client.expect(400, "PUT", path, json=DAILY, headers={"If-None-Match": '"1"'})
    assert [fault["field"] for fault in problem["errors"]] == ["If-None-Match"]


async def test_a_change_of_a_schedule_is_one_version(client: ApiClient) -> None:
    schedule = await client.create("/schedules", **DAILY)
    in_tokyo = {"cron": "0 5 * * *", "timezone": "Asia/Tokyo"}
    for number, change in enumerate([{"cron": "0 4 * * *"}, {"name": "y"}, in_tokyo], start=1):
        changed = await client.expect(200, "PATCH", f"/schedules/{schedule['id']}", json=change)
        assert changed["version"] == schedule["version"] + number
    assert changed["nextFireAt"].endswith("T20:00:00Z")
