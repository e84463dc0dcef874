"""Events on their way to receivers, with real workers and real HTTP."""

import asyncio
import json
from typing import Any

import pytest
from standardwebhooks import Webhook

from models.kernel.session import Database
from models.kernel.settings import Settings
from tests.support.client import ApiClient, eventually
from tests.support.receiver import Receiver, Reply, running_receiver

pytestmark = pytest.mark.usefixtures("workers")


async def subscribe(client: ApiClient, receiver: Receiver, *types: str, **fields: Any) -> Any:
    return await client.create("/webhooks", url=f"{receiver.url}/hook", eventTypes=types or ["customer.*"], **fields)


async def delivered(client: ApiClient, endpoint: Any, status: str, count: int = 1) -> Any:
    """The endpoint's deliveries, once so many have the status."""

    async def there() -> Any:
        params = {"status": status, "sortBy": "sequence", "sortOrder": "asc"}
        page = await client.expect(200, "GET", f"/webhooks/{endpoint['id']}/deliveries", params=params)
        return page["data"] if page["pagination"]["total"] >= count else None

    return await eventually(there, within=40)


async def log_of(client: ApiClient, delivery: Any) -> Any:
    return (await client.expect(200, "GET", f"/webhooks/deliveries/{delivery['id']}"))["log"]


async def test_a_delivery_that_fails_at_first_arrives_with_the_same_id_and_a_valid_signature(client: ApiClient) -> None:
    async with running_receiver(Reply(500), Reply(404)) as receiver:
        endpoint = await subscribe(client, receiver)
        customer = await client.create("/customers", name="Noa Levi", city="חיפה")
        requests = await receiver.wait_for(3)
        assert len(set(receiver.ids)) == 1
        for request in requests:
            body = Webhook(endpoint["secret"]).verify(request.body, request.headers)
            assert (body["type"], body["sequence"], body["data"]["id"]) == ("customer.created", 1, customer["id"])
        assert "חיפה".encode() in requests[0].body
        assert requests[0].headers["user-agent"] == "Bellwork"
        assert requests[0].headers["content-type"] == "application/json"


async def test_the_log_has_every_attempt(client: ApiClient) -> None:
    async with running_receiver(Reply(503, body=b"busy \xff\0" + b"x" * 10_000), Reply(201, body=b"")) as receiver:
        endpoint = await subscribe(client, receiver)
        await client.create("/customers", name="Noa Levi")
        (delivery,) = await delivered(client, endpoint, "delivered")
    assert (delivery["attempts"], delivery["sequence"], delivery["eventType"]) == (2, 1, "customer.created")
    assert receiver.ids == [delivery["eventId"]] * 2
    first, second = await log_of(client, delivery)
    assert (first["number"], first["statusCode"], first["error"]) == (1, 503, None)
    assert first["answer"].startswith("busy \ufffd\ufffdxxx")
    assert len(first["answer"]) == 4096
    assert (second["statusCode"], second["answer"]) == (201, "")
    assert first["durationMs"] >= 0
    assert first["startedAt"] < second["startedAt"]


async def test_an_exhausted_delivery_has_failed_and_can_be_retried(client: ApiClient, settings: Settings) -> None:
    attempts = len(settings.webhook_retry_seconds) + 1
    async with running_receiver(*[Reply(500)] * attempts) as receiver:
        endpoint = await subscribe(client, receiver)
        await client.create("/customers", name="Noa Levi")
        (delivery,) = await delivered(client, endpoint, "failed")
        job = await client.finish(delivery["jobId"])
        assert (job["status"], job["error"]["code"], job["attempt"]) == ("failed", "RECEIVER_REFUSED", attempts)
        retried = await client.expect(202, "POST", f"/webhooks/deliveries/{delivery['id']}/retry")
        assert retried["id"] != delivery["jobId"]
        (again,) = await delivered(client, endpoint, "delivered")
    assert (again["id"], again["sequence"], again["attempts"]) == (delivery["id"], 1, attempts + 1)
    assert len(set(receiver.ids)) == 1
    assert [attempt["number"] for attempt in await log_of(client, again)] == list(range(1, attempts + 2))


async def test_retrying_the_failed_job_itself_takes_the_delivery_up_again(
    client: ApiClient, settings: Settings
) -> None:
    async with running_receiver(*[Reply(500)] * (len(settings.webhook_retry_seconds) + 1)) as receiver:
        endpoint = await subscribe(client, receiver)
        await client.create("/customers", name="Noa Levi")
        (delivery,) = await delivered(client, endpoint, "failed")
        await client.request("POST", f"/jobs/{delivery['jobId']}/retry")
        (again,) = await delivered(client, endpoint, "delivered")
    assert again["jobId"] == delivery["jobId"]


async def test_a_delivery_whose_job_is_cancelled_has_ended(client: ApiClient) -> None:
    async with running_receiver(after=Reply(429, {"Retry-After": "3600"})) as receiver:
        endpoint = await subscribe(client, receiver)
        await client.create("/customers", name="Noa Levi")
        (delivery,) = await delivered(client, endpoint, "pending")
        await receiver.wait_for(1)
        await client.expect(200, "POST", f"/jobs/{delivery['jobId']}/cancel")
        await delivered(client, endpoint, "ended")


async def test_a_redirect_is_not_followed(client: ApiClient) -> None:
    async with running_receiver() as target:
        redirects = [Reply(status, {"Location": f"{target.url}/elsewhere"}) for status in (301, 302, 307, 308, 303)]
        async with running_receiver(*redirects) as receiver:
            endpoint = await subscribe(client, receiver)
            await client.create("/customers", name="Noa Levi")
            (delivery,) = await delivered(client, endpoint, "failed")
        assert [attempt["statusCode"] for attempt in await log_of(client, delivery)] == [301, 302, 307, 308, 303]
        assert target.requests == []


@pytest.mark.parametrize("reply", [Reply(410), Reply(500, {"webhook-delivery": "disable"})])
async def test_a_receiver_that_is_gone_is_disabled_and_somebody_is_told(client: ApiClient, reply: Reply) -> None:
    async with running_receiver(reply) as receiver, running_receiver() as operator:
        endpoint = await subscribe(client, receiver, description="CRM")
        await subscribe(client, operator, "webhook.*")
        await client.create("/customers", name="Noa Levi")
        (delivery,) = await delivered(client, endpoint, "ended")
        read = await client.expect(200, "GET", f"/webhooks/{endpoint['id']}")
        assert (read["isActive"], read["version"]) == (False, 2)
        assert read["disabledReason"]
        (told,) = await operator.wait_for(1)
        event = json.loads(told.body)
        assert event["type"] == "webhook.endpoint_disabled"
        assert event["data"] == {"id": endpoint["id"], "description": "CRM", "reason": read["disabledReason"]}
        await client.expect(409, "POST", f"/webhooks/deliveries/{delivery['id']}/retry")
        enabled = await client.expect(200, "POST", f"/webhooks/{endpoint['id']}/enable")
        assert (enabled["isActive"], enabled["disabledReason"]) == (True, None)
        await client.create("/customers", name="Dana")
        await delivered(client, endpoint, "delivered")
    assert len(receiver.requests) == 2


async def test_a_receiver_may_end_one_delivery(client: ApiClient) -> None:
    async with running_receiver(Reply(422, {"webhook-delivery": "abort"})) as receiver:
        endpoint = await subscribe(client, receiver)
        await client.create("/customers", name="Noa Levi")
        (delivery,) = await delivered(client, endpoint, "ended")
        assert (await client.finish(delivery["jobId"]))["status"] == "succeeded"
        assert (await client.expect(200, "GET", f"/webhooks/{endpoint['id']}"))["isActive"] is True
    assert len(receiver.requests) == 1


async def test_deliveries_of_a_deleted_endpoint_end_without_failing(client: ApiClient, database: Database) -> None:
    async with running_receiver(after=Reply(500, {"Retry-After": "1"})) as receiver:
        endpoint = await subscribe(client, receiver)
        await client.create("/customers", name="Noa Levi")
        await receiver.wait_for(1)
        (row,) = await database.fetch("SELECT job_id FROM webhook_deliveries")
        await client.expect(204, "DELETE", f"/webhooks/{endpoint['id']}")
        assert (await client.finish(row["job_id"]))["status"] == "succeeded"
    (row,) = await database.fetch("SELECT status, finished_at FROM webhook_deliveries")
    assert row["status"] == "ended"
    assert row["finished_at"] is not None


async def test_a_retry_after_is_waited_for(client: ApiClient, database: Database) -> None:
    async with running_receiver(Reply(429, {"Retry-After": "3600"})) as receiver:
        endpoint = await subscribe(client, receiver)
        await client.create("/customers", name="Noa Levi")
        await receiver.wait_for(1)
        (delivery,) = await delivered(client, endpoint, "pending")

        async def waiting() -> Any:
            job = await client.expect(200, "GET", f"/jobs/{delivery['jobId']}")
            return job if job["status"] == "retrying" else None

        await eventually(waiting)
        (row,) = await database.fetch("SELECT extract(epoch FROM run_at - clock_timestamp()) AS wait FROM jobs")
        assert 3500 < row["wait"] <= 3600
        job = await client.expect(202, "POST", f"/webhooks/deliveries/{delivery['id']}/retry")
        assert (await client.finish(job["id"]))["result"] == {"status": "delivered", "statusCode": 200}


async def test_while_a_secret_rotates_both_verify(client: ApiClient) -> None:
    async with running_receiver() as receiver:
        endpoint = await subscribe(client, receiver)
        rotated = await client.expect(200, "POST", f"/webhooks/{endpoint['id']}/rotate-secret")
        await client.create("/customers", name="Noa Levi")
        (request,) = await receiver.wait_for(1)
    for secret in (endpoint["secret"], rotated["secret"]):
        assert Webhook(secret).verify(request.body, request.headers)


async def test_a_day_later_only_the_new_one_does(client: ApiClient, database: Database) -> None:
    async with running_receiver() as receiver:
        endpoint = await subscribe(client, receiver)
        rotated = await client.expect(200, "POST", f"/webhooks/{endpoint['id']}/rotate-secret")
        await database.execute("UPDATE webhook_endpoints SET previous_until = previous_until - interval '24 hours'")
        await client.create("/customers", name="Noa Levi")
        (request,) = await receiver.wait_for(1)
    assert Webhook(rotated["secret"]).verify(request.body, request.headers)
    assert len(request.headers["webhook-signature"].split()) == 1


async def test_static_headers_and_the_request_s_id_go_with_it(client: ApiClient) -> None:
    async with running_receiver() as receiver:
        await subscribe(client, receiver, headers={"X-Api-Key": "of the receiver"})
        response = await client.post("/customers", json={"name": "Noa"}, headers={"X-Request-ID": "from-the-form-7"})
        (request,) = await receiver.wait_for(1)
    assert request.headers["x-api-key"] == "of the receiver"
    assert request.headers["x-request-id"] == response.headers["x-request-id"] == "from-the-form-7"


async def test_an_example_of_any_type_reaches_the_tested_endpoint_alone(client: ApiClient) -> None:
    async with running_receiver() as receiver, running_receiver() as other:
        endpoint = await subscribe(client, receiver)
        await subscribe(client, other, "*")
        types = {type_["name"]: type_ for type_ in await client.expect(200, "GET", "/event-types")}
        for type_name in ("student.created", "webhook.test"):
            path = f"/webhooks/{endpoint['id']}/test"
            job = await client.expect(202, "POST", path, json={"type": type_name})
            assert (await client.finish(job["id"]))["result"] == {"status": "delivered", "statusCode": 200}
        await client.create("/customers", name="the last")
        await other.wait_for(1)
    assert [json.loads(request.body)["type"] for request in other.requests] == ["customer.created"]
    first, second = receiver.requests[:2]
    body = Webhook(endpoint["secret"]).verify(first.body, first.headers)
    assert (body["type"], body["data"], body["sequence"]) == ("student.created", types["student.created"]["example"], 1)
    assert first.headers["webhook-test"] == "true"
    assert json.loads(second.body)["type"] == "webhook.test"
    feed = await client.expect(200, "GET", "/events", params={"types": "webhook.*,student.*"})
    assert [event["type"] for event in feed["data"]] == ["webhook.test", "webhook.test"]


async def test_one_that_hangs_delays_no_other_of_its_batch(client: ApiClient, settings: Settings) -> None:
    async with running_receiver(after=Reply(hang=True)) as hanging, running_receiver() as quick:
        await subscribe(client, hanging)
        await subscribe(client, quick)
        for number in range(3):
            await client.create("/customers", name=f"Customer {number}")
        await asyncio.gather(hanging.wait_for(3), quick.wait_for(3, within=settings.webhook_timeout_seconds - 1))


async def test_a_burst_arrives_whole_and_numbered(client: ApiClient) -> None:
    async with running_receiver(*[Reply(500)] * 20) as receiver:
        endpoint = await subscribe(client, receiver)
        await asyncio.gather(*(client.create("/customers", name=f"Customer {number}") for number in range(60)))
        await delivered(client, endpoint, "delivered", 60)
    accepted = {json.loads(request.body)["sequence"] for request in receiver.requests[20:]}
    assert accepted == set(range(1, 61))
    assert len(set(receiver.ids)) == 60
