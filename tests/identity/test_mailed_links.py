"""A mail that opens an account is read by its recipient, and by nobody who reads what the platform keeps."""

from uuid import UUID

import pytest

from models.identity.permissions import Role
from models.identity.services import mailed_links
from models.identity.values import LinkPurpose
from models.kernel.actor import SYSTEM
from models.kernel.errors import Unprocessable
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.notifications.service import record_sent
from tests.conftest import sign_in
from tests.support.accounts import mail_to, make_person, token_in
from tests.support.client import ApiClient

ADMIN = "boss@example.com"


@pytest.fixture
async def link(quiet_database: Database, settings: Settings) -> UUID:
    """A link to reset an administrator's password, with its mail written; no worker writes it once more."""
    await make_person(quiet_database, ADMIN, Role.ADMIN)
    async with quiet_database.transaction() as session:
        made = await mailed_links.ask(session, SYSTEM, LinkPurpose.PASSWORD_RESET, ADMIN)
        await mailed_links.send(session, settings, SYSTEM, made.id)
    return made.id


async def sent_by(database: Database, provider: str) -> UUID:
    (row,) = await database.fetch("SELECT id FROM messages")
    async with database.transaction() as session:
        await record_sent(session, row["id"], provider, None)
    id_: UUID = row["id"]
    return id_


@pytest.mark.usefixtures("link")
@pytest.mark.parametrize(("role", "seen"), [("admin", True), ("manager", False)])
async def test_in_the_sandbox_only_administrators_read_it(
    quiet_anonymous: ApiClient, quiet_database: Database, role: str, seen: bool
) -> None:
    """Else a manager would ask for an administrator's password, and read the answer."""
    id_ = await sent_by(quiet_database, "sandbox")
    reader = await sign_in(quiet_anonymous, quiet_database, role)
    page = await reader.expect(200, "GET", "/sandbox/messages", params={"search": "password"})
    assert (len(page["data"]), page["pagination"]["total"]) == (int(seen), int(seen))
    answer = await reader.get(f"/sandbox/messages/{id_}")
    assert answer.status_code == (200 if seen else 404)
    assert ("#token=" in answer.text) == seen


@pytest.mark.usefixtures("link")
async def test_once_a_provider_has_it_it_is_not_kept(quiet_database: Database) -> None:
    token = token_in(await mail_to(quiet_database, ADMIN, "reset_password"))
    await sent_by(quiet_database, "resend")
    (row,) = await quiet_database.fetch("SELECT * FROM messages")
    assert row["status"] == "sent"
    assert token not in str(dict(row))


async def test_the_job_and_the_answer_tell_nothing_of_it(quiet_database: Database, link: UUID) -> None:
    token = token_in(await mail_to(quiet_database, ADMIN, "reset_password"))
    for table in ("jobs", "events", "mailed_links"):
        for row in await quiet_database.fetch(f"SELECT * FROM {table}"):
            assert token not in str(dict(row)), table
    (job,) = await quiet_database.fetch("SELECT payload::text FROM jobs WHERE kind = 'identity.send_link'")
    assert job["payload"] == f'{{"linkId": "{link}"}}'


async def test_a_link_leads_to_the_web_application(quiet_database: Database, settings: Settings) -> None:
    await make_person(quiet_database, ADMIN, Role.ADMIN)
    there = settings.model_copy(update={"web_url": "https://app.example.com/he/"})
    async with quiet_database.transaction() as session:
        made = await mailed_links.ask(session, SYSTEM, LinkPurpose.INVITATION, ADMIN)
        await mailed_links.send(session, there, SYSTEM, made.id)
    assert "https://app.example.com/he/reset-password#token=" in await mail_to(quiet_database, ADMIN, "invitation")


async def test_a_mail_is_not_written_for_a_link_that_has_expired_or_been_followed(
    quiet_database: Database, settings: Settings, link: UUID
) -> None:
    await quiet_database.execute("UPDATE mailed_links SET expires_at = clock_timestamp()")
    async with quiet_database.transaction() as session:
        await mailed_links.send(session, settings, SYSTEM, link)
    await quiet_database.execute("DELETE FROM mailed_links")
    async with quiet_database.transaction() as session:
        await mailed_links.send(session, settings, SYSTEM, link)
    assert len(await quiet_database.fetch("SELECT 1 FROM messages")) == 1


async def test_a_link_is_followed_for_its_purpose_only(quiet_database: Database, link: UUID) -> None:
    token = token_in(await mail_to(quiet_database, ADMIN, "reset_password"))
    for purpose in (LinkPurpose.REGISTRATION, LinkPurpose.INVITATION):
        with pytest.raises(Unprocessable):
            async with quiet_database.transaction() as session:
                await mailed_links.follow(session, token, purpose)
    async with quiet_database.transaction() as session:
        assert (await mailed_links.follow(session, token, LinkPurpose.PASSWORD_RESET))["email"] == ADMIN
