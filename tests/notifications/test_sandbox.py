"""Mail over HTTP, with real workers and no provider."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs.records import JobRecord
from models.kernel.actor import SYSTEM
from models.kernel.session import Database
from models.notifications.rendering import Template
from models.notifications.service import request_email
from tests.conftest import sign_in
from tests.notifications.test_rendering import EXPORT
from tests.support.client import ApiClient

HELLO = {"to": "noa@example.com", "toName": "Noa Levi", "subject": "Hello", "html": "<p>See you <b>soon</b>.</p>"}


@pytest.mark.usefixtures("workers")
async def test_a_mail_is_sent_by_a_job_and_kept_in_the_sandbox(client: ApiClient) -> None:
    job = await client.expect(202, "POST", "/send-email", json=HELLO)
    done = await client.finish(job["id"])
    assert done["result"] == {"provider": "sandbox", "providerMessageId": None}
    (listed,) = (await client.expect(200, "GET", "/sandbox/messages", params={"recipient": HELLO["to"]}))["data"]
    assert (listed["status"], listed["provider"], listed["recipientName"]) == ("sent", "sandbox", "Noa Levi")
    assert listed["sentAt"] is not None
    message = await client.expect(200, "GET", f"/sandbox/messages/{listed['id']}")
    assert (message["text"], message["html"]) == ("See you soon.\n", HELLO["html"])
    assert message["jobId"] == job["id"]


@pytest.mark.usefixtures("workers")
async def test_a_mail_from_a_template_goes_the_same_way(client: ApiClient, database: Database) -> None:
    job = await announce(database)
    assert (await client.finish(job.id))["status"] == "succeeded"
    page = await client.expect(200, "GET", "/sandbox/messages", params={"search": "export of"})
    assert [row["template"] for row in page["data"]] == ["export_ready"]


async def test_a_mail_asked_for_in_a_transaction_that_fails_does_not_exist(
    database: Database, client: ApiClient
) -> None:
    class Broken(Exception):
        pass

    async def request_and_break() -> None:
        async with database.transaction() as session:
            await _request(session)
            raise Broken

    with pytest.raises(Broken):
        await request_and_break()
    assert await database.fetch("SELECT 1 FROM messages") == []
    assert await database.fetch("SELECT 1 FROM jobs") == []


async def test_every_fault_of_a_mail_is_named(client: ApiClient) -> None:
    body = {"to": "nobody", "toName": "a\r\nBcc: x@example.com", "subject": "a\nb", "html": "", "cc": "x"}
    problem = await client.expect(400, "POST", "/send-email", json=body)
    assert {fault["field"] for fault in problem["errors"]} == {"to", "toName", "subject", "html", "cc"}


async def test_only_those_who_may_send_mail_and_read_it(client: ApiClient, database: Database) -> None:
    await sign_in(client, database, "instructor")
    await client.expect(403, "POST", "/send-email", json=HELLO)
    await client.expect(403, "GET", "/sandbox/messages")


async def announce(database: Database) -> JobRecord:
    async with database.transaction() as session:
        return await _request(session)


async def _request(session: AsyncSession) -> JobRecord:
    return await request_email(session, SYSTEM, Template.EXPORT_READY, "noa@example.com", EXPORT)
