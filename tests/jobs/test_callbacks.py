"""The ended job is sent, signed, to the address its submitter named."""

import json
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from models.webhooks.callbacks import CallBack
from tests.support.client import ApiClient
from tests.support.receiver import Reply, running_receiver


@pytest.mark.usefixtures("workers")
async def test_an_ended_job_reaches_its_callback_url_signed(client: ApiClient) -> None:
    secret = (await client.expect(200, "GET", "/webhooks/callback-secret"))["secret"]
    async with running_receiver(Reply(status=503)) as receiver:
        url = f"{receiver.url}/resume/42"
        job = await client.submit("probe.echo", {"text": "go on"}, callbackUrl=url)
        first, second = await receiver.wait_for(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-id"].startswith(job["id"])
    Webhook(secret).verify(second.body, second.headers)
    body = json.loads(second.body)
    assert (second.path, body["type"], body["data"]["result"]) == ("/resume/42", "job.succeeded", {"text": "go on"})


@pytest.mark.usefixtures("workers")
async def test_failed_jobs_and_batches_call_back_too(client: ApiClient) -> None:
    async with running_receiver() as receiver:
        payload = {"label": "f", "final": True}
        await client.submit("probe.effect", payload, callbackUrl=f"{receiver.url}/failed")
        batch = {"jobs": [{"kind": "probe.effect", "payload": payload}], "callbackUrl": f"{receiver.url}/batch"}
        await client.expect(202, "POST", "/jobs/batch", json=batch)
        requests = await receiver.wait_for(2)
    types = {request.path: json.loads(request.body)["type"] for request in requests}
    assert types == {"/failed": "job.failed", "/batch": "job.failed"}


@pytest.mark.usefixtures("workers")
async def test_an_end_that_was_undone_before_it_could_be_told_is_not_told(
    client: ApiClient, database: Database
) -> None:
    async with running_receiver() as receiver:
        url, later = f"{receiver.url}/undone", "2199-01-01T00:00:00Z"
        job = await client.submit("probe.echo", {"text": "again"}, callbackUrl=url, runAt=later)
        call = await enqueue(database, SYSTEM, CallBack(job_id=UUID(job["id"])))
        assert (await client.finish(call.id))["result"] == {"statusCode": None}
        assert receiver.requests == []


async def test_an_address_that_must_not_be_called_is_refused(client: ApiClient) -> None:
    for url in ("http://169.254.169.254/latest", "https://10.0.0.1/hook"):
        body = {"kind": "probe.echo", "payload": {"text": "x"}, "callbackUrl": url}
        problem = await client.expect(400, "POST", "/jobs", json=body)
        assert [fault["field"] for fault in problem["errors"]] == ["callbackUrl"]


async def test_every_owner_has_a_secret_of_their_own(client: ApiClient) -> None:
    mine = (await client.expect(200, "GET", "/webhooks/callback-secret"))["secret"]
    key = await client.create("/api-keys", name="partner", scopes=["read:jobs"])
    client.headers["Authorization"] = f"Bearer {key['secret']}"
    assert (await client.expect(200, "GET", "/webhooks/callback-secret"))["secret"] != mine
