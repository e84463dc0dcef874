"""Asking for files, finding and removing them."""

from typing import Any

import httpx
import pytest

from models.kernel.session import Database
from tests.conftest import sign_in
from tests.support.client import ApiClient
from tests.support.exports import download, make_export
from tests.support.factories import make_customer
from tests.support.keys import key_with

CUSTOMERS = {"resource": "customers", "format": "csv"}


@pytest.mark.usefixtures("workers")
async def test_a_file_asked_for_as_a_job_is_an_export_too(client: ApiClient) -> None:
    job = await client.submit("exports.create", CUSTOMERS)
    assert (await client.finish(job["id"]))["status"] == "succeeded"
    export = await client.expect(200, "GET", f"/exports/{job['id']}")
    assert (export["resource"], export["status"], export["owner"]) == ("customers", "ready", job["owner"])


@pytest.mark.usefixtures("workers")
async def test_a_ready_file_is_announced_by_event_and_mail(client: ApiClient, database: Database) -> None:
    async with database.transaction() as session:
        await make_customer(session)
    export = await make_export(client, "customers", "xlsx", notifyEmail="noa@example.com")
    (event,) = await database.fetch("SELECT * FROM events WHERE type = 'export.ready'")
    assert str(event["resource_id"]) == export["id"]
    (message,) = await database.fetch("SELECT * FROM messages WHERE template = 'export_ready'")
    assert message["recipient"] == "noa@example.com"
    assert f"/api/v1/exports/{export['id']}/download?expires=" in message["text"]


@pytest.mark.usefixtures("workers")
async def test_nobody_is_mailed_unasked(client: ApiClient, database: Database) -> None:
    await make_export(client, "customers")
    assert await database.fetch("SELECT id FROM messages") == []


async def test_an_export_is_there_before_its_file(client: ApiClient) -> None:
    response = await client.post("/exports", json={**CUSTOMERS, "filters": {"city": "Haifa"}, "locale": "he"})
    job = response.json()
    assert (response.status_code, job["kind"], job["queue"]) == (202, "exports.create", "exports")
    assert response.headers["location"] == f"/api/v1/jobs/{job['id']}"
    export = await client.expect(200, "GET", f"/exports/{job['id']}")
    assert (export["filters"], export["options"]["locale"]) == ({"city": "Haifa"}, "he")


@pytest.mark.parametrize("path", ["/exports", "/jobs"])
async def test_who_may_not_read_a_list_may_not_export_it(client: ApiClient, path: str) -> None:
    key = await key_with(client, "write:exports", "write:jobs", "read:students")
    body: dict[str, Any] = CUSTOMERS if path == "/exports" else {"kind": "exports.create", "payload": CUSTOMERS}
    problem = await client.expect(403, "POST", path, json=body, headers=key)
    assert "read:customers" in problem["detail"]


@pytest.mark.parametrize("role", ["instructor", "student"])
async def test_instructors_and_students_do_not_export_customers(
    client: ApiClient, database: Database, role: str
) -> None:
    await sign_in(client, database, role)
    await client.expect(403, "POST", "/exports", json=CUSTOMERS)
    assert (await client.expect(200, "GET", "/exports"))["data"] == []


async def test_everybody_sees_their_own_and_staff_all(quiet_client: ApiClient) -> None:
    mine = await quiet_client.expect(202, "POST", "/exports", json=CUSTOMERS)
    key = await key_with(quiet_client, "write:exports", "read:exports", "read:customers")
    theirs = await quiet_client.expect(202, "POST", "/exports", json=CUSTOMERS, headers=key)
    everything = await quiet_client.expect(200, "GET", "/exports")
    assert {row["id"] for row in everything["data"]} == {mine["id"], theirs["id"]}
    assert {row["status"] for row in everything["data"]} == {"pending"}
    own = await quiet_client.expect(200, "GET", "/exports", headers=key)
    assert [row["id"] for row in own["data"]] == [theirs["id"]]
    for method, path in [("GET", ""), ("GET", "/download"), ("DELETE", "")]:
        await quiet_client.expect(404, method, f"/exports/{mine['id']}{path}", headers=key)


async def test_a_file_in_the_making_is_neither_given_nor_removed(quiet_client: ApiClient) -> None:
    job = await quiet_client.expect(202, "POST", "/exports", json=CUSTOMERS)
    for method, path in [("GET", "/download"), ("DELETE", "")]:
        problem = await quiet_client.expect(409, method, f"/exports/{job['id']}{path}")
        assert problem["jobId"] == job["id"]


async def test_an_export_whose_job_was_cancelled_has_failed_and_can_be_removed(quiet_client: ApiClient) -> None:
    job = await quiet_client.expect(202, "POST", "/exports", json=CUSTOMERS)
    await quiet_client.request("POST", f"/jobs/{job['id']}/cancel")
    assert (await quiet_client.expect(200, "GET", f"/exports/{job['id']}"))["status"] == "failed"
    await quiet_client.expect(204, "DELETE", f"/exports/{job['id']}")
    await quiet_client.expect(404, "GET", f"/exports/{job['id']}")


@pytest.mark.usefixtures("workers")
async def test_removing_an_export_removes_its_file(client: ApiClient) -> None:
    export = await make_export(client, "customers")
    await download(client, export)
    await client.expect(204, "DELETE", f"/exports/{export['id']}")
    for path in ("", "/download"):
        await client.expect(404, "GET", f"/exports/{export['id']}{path}")
    link = httpx.URL(export["downloadUrl"])
    del client.headers["Authorization"]
    assert (await client.get(f"/exports/{export['id']}/download?{link.query.decode()}")).status_code == 404


@pytest.mark.usefixtures("workers")
async def test_exports_are_filtered_by_resource_and_status(client: ApiClient, database: Database) -> None:
    ready = await make_export(client, "customers")
    failed = await make_export(client, "students")
    await database.execute(
        """UPDATE exports SET file_key = NULL, row_count = NULL, size_bytes = NULL, ready_at = NULL
           WHERE resource = 'students'"""
    )
    for params, wanted in [
        ({"status": "ready"}, [ready]),
        ({"status": "failed"}, [failed]),
        ({"status": "pending"}, []),
        ({"resource": "students"}, [failed]),
    ]:
        page = await client.expect(200, "GET", "/exports", params=params)
        assert [row["id"] for row in page["data"]] == [export["id"] for export in wanted], params
    await client.expect(400, "GET", "/exports", params={"status": "lost"})
