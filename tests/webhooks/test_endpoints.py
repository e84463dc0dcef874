"""Webhook endpoints over HTTP."""

import json
from typing import Any

import pytest

from models.kernel.crypto import KeyRing
from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.conftest import sign_in
from tests.support.client import ApiClient

HOOK = {
    "url": "https://hooks.example.com/bellwork",
    "eventTypes": ["customer.*", "meeting.cancelled"],
    "payloadFilter": {"city": "Haifa"},
    "description": "CRM",
    "headers": {"Authorization": "Bearer of the receiver"},
}


async def test_a_created_endpoint_shows_its_secret_once(client: ApiClient) -> None:
    endpoint = await client.create("/webhooks", **HOOK)
    assert endpoint["secret"].startswith("whsec_")
    read = await client.expect(200, "GET", f"/webhooks/{endpoint['id']}")
    assert read == {name: value for name, value in endpoint.items() if name != "secret"}
    assert (read["url"], read["eventTypes"], read["isActive"]) == (HOOK["url"], HOOK["eventTypes"], True)
    assert (read["headerNames"], read["payloadFilter"]) == (["Authorization"], {"city": "Haifa"})


async def test_secrets_and_static_headers_are_nowhere_readable_again(
    client: ApiClient, database: Database, settings: Settings
) -> None:
    endpoint = await client.create("/webhooks", **HOOK)
    rotated = await client.expect(200, "POST", f"/webhooks/{endpoint['id']}/rotate-secret")
    shown = json.dumps(
        [
            await client.expect(200, "GET", "/webhooks"),
            await client.expect(200, "GET", f"/webhooks/{endpoint['id']}"),
            await client.expect(200, "PATCH", f"/webhooks/{endpoint['id']}", json={"description": "x"}),
        ]
    )
    (row,) = await database.fetch("SELECT *, webhook_endpoints::text AS everything FROM webhook_endpoints")
    for secret in (endpoint["secret"], rotated["secret"], "Bearer of the receiver"):
        assert secret not in shown
        assert secret.removeprefix("whsec_") not in row["everything"]
    keys = KeyRing(settings.encryption_keys)
    assert keys.decrypt(row["secret"]) == rotated["secret"]
    assert keys.decrypt(row["previous_secret"]) == endpoint["secret"]


async def test_rotation_says_until_when_the_old_secret_signs_too(client: ApiClient) -> None:
    endpoint = await client.create("/webhooks", **HOOK)
    assert endpoint["previousSecretUntil"] is None
    rotated = await client.expect(200, "POST", f"/webhooks/{endpoint['id']}/rotate-secret")
    assert rotated["secret"] != endpoint["secret"]
    assert rotated["previousSecretUntil"] is not None
    assert rotated["version"] == 2


async def test_every_fault_is_named_at_once(client: ApiClient) -> None:
    body = {**HOOK, "url": "http://169.254.169.254/latest", "eventTypes": ["customer.creatd", "lead.*"]}
    problem = await client.expect(400, "POST", "/webhooks", json={**body, "headers": {"Host": "x"}})
    assert {fault["field"] for fault in problem["errors"]} == {
        "url", "eventTypes[0]", "eventTypes[1]", "headers.Host",
    }  # fmt: skip
    problem = await client.expect(
        400, "POST", "/webhooks", json={"eventTypes": [], "isActive": "yes", "secret": "mine"}
    )
    assert {fault["field"] for fault in problem["errors"]} == {"url", "eventTypes", "isActive", "secret"}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_endpoint_points_to_the_cloud_s_metadata(client: ApiClient, scheme: str) -> None:
    good = await client.create("/webhooks", **HOOK)
    url = f"{scheme}://169.254.169.254/latest/meta-data"
    for method, path in (
        ("POST", "/webhooks"),
        ("PUT", f"/webhooks/{good['id']}"),
        ("PATCH", f"/webhooks/{good['id']}"),
    ):
        body: dict[str, Any] = {"url": url} if method == "PATCH" else {**HOOK, "url": url}
        problem = await client.expect(400, method, path, json=body)
        assert [fault["field"] for fault in problem["errors"]] == ["url"]


async def test_a_patch_keeps_static_headers_and_a_put_replaces_them(client: ApiClient) -> None:
    endpoint = await client.create("/webhooks", **HOOK)
    path = f"/webhooks/{endpoint['id']}"
    patched = await client.expect(200, "PATCH", path, json={"eventTypes": ["*"]}, headers={"If-Match": '"1"'})
    assert (patched["eventTypes"], patched["headerNames"]) == (["*"], ["Authorization"])
    await client.expect(412, "PATCH", path, json={"eventTypes": ["customer.*"]}, headers={"If-Match": '"1"'})
    replaced = await client.expect(200, "PUT", path, json={"url": HOOK["url"], "eventTypes": ["*"]})
    assert (replaced["headerNames"], replaced["payloadFilter"], replaced["description"]) == ([], {}, None)


async def test_a_deleted_endpoint_is_gone_until_restored(client: ApiClient) -> None:
    endpoint = await client.create("/webhooks", **HOOK)
    path = f"/webhooks/{endpoint['id']}"
    await client.expect(204, "DELETE", path)
    for method, end in (("GET", ""), ("GET", "/deliveries"), ("POST", "/enable"), ("POST", "/rotate-secret")):
        await client.expect(404, method, f"{path}{end}")
    await client.expect(404, "POST", f"{path}/test", json={})
    assert (await client.expect(200, "GET", "/webhooks"))["data"] == []
    await client.expect(200, "POST", f"{path}/restore")
    assert (await client.expect(200, "GET", path))["url"] == HOOK["url"]


async def test_a_switched_off_endpoint_takes_no_examples_until_it_is_enabled(client: ApiClient) -> None:
    endpoint = await client.create("/webhooks", **{**HOOK, "isActive": False})
    path = f"/webhooks/{endpoint['id']}"
    assert (await client.expect(409, "POST", f"{path}/test", json={}))["endpointId"] == endpoint["id"]
    page = await client.expect(200, "GET", "/webhooks", params={"isActive": "false", "search": "crm"})
    assert [row["id"] for row in page["data"]] == [endpoint["id"]]
    assert (await client.expect(200, "POST", f"{path}/enable"))["isActive"] is True


async def test_only_administrators_and_keys_with_the_scope_see_endpoints(client: ApiClient, database: Database) -> None:
    key = await client.create("/api-keys", name="n8n", scopes=["write:webhooks", "read:webhooks"])
    await sign_in(client, database, "manager")
    await client.expect(403, "GET", "/webhooks")
    await client.expect(403, "POST", "/webhooks", json=HOOK)
    del client.headers["Authorization"]
    client.headers["X-API-Key"] = key["secret"]
    endpoint = await client.create("/webhooks", **HOOK)
    assert endpoint["createdBy"].startswith("api_key:")


async def test_unknown_types_of_examples_are_not_found(client: ApiClient) -> None:
    endpoint = await client.create("/webhooks", **HOOK)
    await client.expect(404, "POST", f"/webhooks/{endpoint['id']}/test", json={"type": "customer.creatd"})
