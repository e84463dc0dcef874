"""No secret that was handed out, typed in or set stands in any log line of any process, however much is logged."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cli.platform import LocalPlatform
from models.identity import totp
from models.identity.permissions import Role
from models.kernel.clock import utc_now
from models.kernel.session import Database
from tests.conftest import TEST_SETTINGS
from tests.support.accounts import bearer, mail_to, make_person, token_in
from tests.support.client import ApiClient, eventually
from tests.support.receiver import Reply, running_receiver
from tests.support.servers import REPOSITORY, server_folder

ADMIN, NOA = "admin@example.com", "noa@example.com"
PASSWORDS = {
    "right": "correct-horse-battery-staple", "wrong": "incorrect-horse-battery-staple",
    "registered": "registered-horse-battery-staple", "new": "new-horse-battery-staple",
    "newest": "newest-horse-battery-staple",
}  # fmt: skip
SETTINGS = {
    **TEST_SETTINGS,
    "BELLWORK_LOG_LEVEL": "DEBUG",
    "BELLWORK_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "BELLWORK_WEBHOOK_ALLOW_HTTP": "true",
}
SECRET_MEMBERS = {"accessToken", "refreshToken", "challengeToken", "token", "secret", "recoveryCodes", "downloadUrl"}
SECRET_SETTINGS = re.compile("SECRET|KEYS|PASSWORD|TOKEN")


@pytest.fixture
def chatty(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalPlatform]:
    """A platform of its own, which logs all there is to log."""
    for name in [name for name in os.environ if name.startswith("BELLWORK_")]:
        monkeypatch.delenv(name)
    with server_folder() as folder:
        procfile = REPOSITORY / "tests/support/Procfile"
        with LocalPlatform(REPOSITORY, state_dir=folder, procfile=procfile, settings=SETTINGS, fsync=False) as platform:
            platform.start(processes=["web", "scheduler", "worker"])
            yield platform


class Story:
    """Calls the API as people do, and remembers whatever must stay between them and it."""

    def __init__(self, client: ApiClient, stranger: ApiClient) -> None:
        self.client = client
        self.stranger = stranger
        self.secrets: set[str] = set(PASSWORDS.values())

    async def call(self, status: int, method: str, path: str, **kwargs: Any) -> Any:
        """With credentials of its own in `headers`, or as the administrator."""
        client = self.stranger if "headers" in kwargs else self.client
        answer = await client.expect(status, method, path, **kwargs)
        self._remember(answer)
        return answer

    def _remember(self, answer: Any) -> None:
        if isinstance(answer, list):
            for each in answer:
                self._remember(each)
        elif isinstance(answer, dict):
            for name, value in answer.items():
                if name in SECRET_MEMBERS and value:
                    self.secrets.update([value] if isinstance(value, str) else value)
                else:
                    self._remember(value)


@pytest.mark.timeout(300)
async def test_no_secret_stands_in_any_log(chatty: LocalPlatform) -> None:
    database = Database(chatty.database_url, pool_size=2, application="bellwork-tests")
    owner = Database(chatty.owner_url, pool_size=1, application="bellwork-tests")
    try:
        await make_person(database, ADMIN, Role.ADMIN, PASSWORDS["right"])
        api: dict[str, Any] = {"base_url": f"{chatty.urls['api']}/api/v1", "timeout": 60, "trust_env": False}
        async with ApiClient(**api) as client, ApiClient(**api) as stranger:
            story = Story(client, stranger)
            await _register(story, database)
            tokens = await _log_in(story)
            client.headers.update(bearer(tokens))
            await _second_step(story)
            await _keys(story)
            await _exports(story)
            await _pages(story, owner)
            await _webhooks(story, owner)
            await _mail(story)
    finally:
        await owner.close()
        await database.close()
    chatty.processes.stop()
    logs = {path.name: path.read_text(errors="replace") for path in _logs_in(chatty.state_dir)}
    assert {"web.log", "worker.log", "scheduler.log"} <= logs.keys()
    assert all('"level":"debug"' in logs[f"{name}.log"] for name in ("worker",))
    assert "/auth/login" in logs["web.log"]
    assert len(story.secrets) > 20
    secrets = story.secrets | _parts_of_links(story.secrets) | _secret_settings(chatty)
    leaks = [f"{name}: {secret}" for name, text in logs.items() for secret in secrets if secret in text]
    assert leaks == []


async def _register(story: Story, database: Database) -> None:
    body = {"email": NOA, "password": PASSWORDS["registered"], "name": "Noa Levi"}
    await story.call(202, "POST", "/auth/register", json=body)
    link = token_in(await mail_to(database, NOA, "confirm_email"))
    await story.call(200, "POST", "/auth/verify-email", json={"token": link})
    await story.call(204, "POST", "/auth/forgot-password", json={"email": NOA})
    reset = token_in(await mail_to(database, NOA, "reset_password"))
    await story.call(204, "POST", "/auth/reset-password", json={"token": reset, "newPassword": PASSWORDS["new"]})
    tokens = await story.call(200, "POST", "/auth/login", json={"email": NOA, "password": PASSWORDS["new"]})
    change = {"currentPassword": PASSWORDS["new"], "newPassword": PASSWORDS["newest"]}
    await story.call(204, "POST", "/auth/password", json=change, headers=bearer(tokens))
    await story.call(201, "POST", "/auth/session")
    story.secrets |= {link, reset}


async def _log_in(story: Story) -> Any:
    login = {"email": ADMIN, "password": PASSWORDS["wrong"]}
    await story.call(401, "POST", "/auth/login", json=login)
    await story.call(400, "POST", "/auth/login", json={**login, "unknown": PASSWORDS["wrong"]})
    await story.call(400, "POST", "/auth/login", content=json.dumps(login)[:-1].encode())
    first = await story.call(200, "POST", "/auth/login", json={"email": ADMIN, "password": PASSWORDS["right"]})
    second = await story.call(200, "POST", "/auth/refresh", json={"refreshToken": first["refreshToken"]})
    await story.call(401, "GET", "/auth/me", headers={"Authorization": f"Bearer {second['accessToken']}x"})
    return second


async def _second_step(story: Story) -> None:
    enrolment = await story.call(200, "POST", "/auth/totp", json={"password": PASSWORDS["right"]})
    await story.call(403, "POST", "/auth/totp/confirm", json={"code": "000000"})
    code = totp.code_at(enrolment["secret"], totp.step_at(utc_now()))
    await story.call(200, "POST", "/auth/totp/confirm", json={"code": code})


async def _keys(story: Story) -> None:
    key = await story.call(201, "POST", "/api-keys", json={"name": "Shop", "scopes": ["read:*"]})
    await story.call(200, "GET", "/customers", headers={"X-API-Key": key["secret"]})
    rotated = await story.call(200, "POST", f"/api-keys/{key['key']['id']}/rotate", json={})
    await story.call(401, "GET", "/customers", headers={"Authorization": f"Bearer {rotated['secret'][:-1]}"})
    story.secrets.add(rotated["secret"][:-1])


async def _exports(story: Story) -> None:
    customer = {"name": "Dana Katz"}
    await story.call(201, "POST", "/customers", json=customer)
    asked = await story.call(202, "POST", "/exports", json={"resource": "customers", "format": "csv"})

    async def ready() -> Any:
        export = await story.call(200, "GET", f"/exports/{asked['id']}")
        return export if export["downloadUrl"] else None

    link = (await eventually(ready, within=60))["downloadUrl"]
    assert (await story.stranger.get(link)).status_code == 200
    assert (await story.stranger.get(f"{link}0")).status_code == 403


async def _pages(story: Story, owner: Database) -> None:
    """Their tokens stand in addresses: of what is answered, refused, and broken."""
    job = await story.call(202, "POST", "/exports", json={"resource": "customers", "format": "csv"})
    await story.client.finish(job["id"])
    path = f"/jobs/{job['id']}"
    token = (await story.call(201, "POST", f"{path}/tokens"))["token"]
    for status, place in ((200, path), (200, f"{path}/attempts"), (401, f"{path}/explain"), (401, "/customers")):
        await story.call(status, "GET", place, params={"access_token": token}, headers={})
    stream = await story.stranger.get(f"{path}/events", params={"access_token": token})
    assert "event: end" in stream.text
    await story.call(401, "GET", path, params={"access_token": f"{token}x"}, headers={})
    await owner.execute("ALTER TABLE jobs RENAME COLUMN tags TO tags_away")
    await story.call(500, "GET", path, params={"access_token": token}, headers={})
    await owner.execute("ALTER TABLE jobs RENAME COLUMN tags_away TO tags")


async def _webhooks(story: Story, owner: Database) -> None:
    header = "the-receivers-own-header-secret"
    story.secrets.add(header)
    async with running_receiver(Reply(500), Reply(302), after=Reply(200)) as receiver:
        endpoint = {"url": receiver.url, "eventTypes": ["customer.*"], "headers": {"x-receiver-key": header}}
        made = await story.call(201, "POST", "/webhooks", json=endpoint)
        await story.call(201, "POST", "/customers", json={"name": "Omer Katz"})
        await receiver.wait_for(3, within=60)
        await story.call(200, "POST", f"/webhooks/{made['id']}/rotate-secret")
        await story.call(200, "GET", "/webhooks/callback-secret")
        await owner.execute("ALTER TABLE webhook_endpoints RENAME TO endpoints_away")
        await story.call(500, "POST", "/webhooks", json=endpoint)
        await owner.execute("ALTER TABLE endpoints_away RENAME TO webhook_endpoints")


async def _mail(story: Story) -> None:
    mail = {"to": NOA, "subject": "Your class on Tuesday", "html": "<p>See you.</p>"}
    job = await story.call(202, "POST", "/send-email", json=mail)
    assert (await story.client.finish(job["id"]))["status"] == "succeeded"


def _logs_in(folder: Path) -> list[Path]:
    """Of the processes and of the servers."""
    return [path for path in folder.rglob("*.log") if path.is_file()]


def _parts_of_links(secrets: set[str]) -> set[str]:
    queries = [parse_qs(urlsplit(secret).query) for secret in secrets if secret.startswith("http")]
    return {value for query in queries for value in query.get("signature", [])}


def _secret_settings(platform: LocalPlatform) -> set[str]:
    urls = [platform.database_url, platform.owner_url, platform.settings["BELLWORK_REDIS_URL"]]
    passwords = {urlsplit(url).password or "" for url in urls}
    named = {value for name, value in platform.settings.items() if SECRET_SETTINGS.search(name)}
    return {secret for secret in passwords | named if len(secret) >= 8}
