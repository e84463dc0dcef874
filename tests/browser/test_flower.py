"""Flower as an operator sees it."""

import httpx

from cli.platform import LocalPlatform
from models.kernel.settings import Settings
from tests.browser.conftest import Browser
from tests.support.client import ApiClient, eventually


async def test_without_the_password_nothing_is_shown(flower: LocalPlatform, browser: Browser) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(flower.urls["flower"])
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="flower"')
    browser.open(flower.urls["flower"])
    assert "tests@" not in browser.text


async def test_an_operator_finds_the_worker_and_a_job_by_its_kind_and_by_its_id(
    client: ApiClient, flower: LocalPlatform, browser: Browser, settings: Settings
) -> None:
    url, login = flower.urls["flower"], _login(settings)
    await eventually(lambda: _knows_a_worker(url, login))
    job = await client.finish((await client.submit("probe.echo", {"text": "Seen by Flower"}))["id"])
    browser.open(url, login)
    browser.see("tests@")
    browser.see("Online")
    browser.picture("workers")

    browser.open(f"{url}/tasks", login)
    browser.see("probe.echo")
    browser.see("SUCCESS")
    browser.picture("tasks")

    browser.open(f"{url}/task/{job['id']}", login)
    browser.see("probe.echo")
    browser.see("succeeded")
    browser.picture("task")
    assert browser.requested_hosts() == {"127.0.0.1"}


async def test_nothing_can_be_done_from_it(flower: LocalPlatform, browser: Browser, settings: Settings) -> None:
    url, login = flower.urls["flower"], _login(settings)
    name = await eventually(lambda: _knows_a_worker(url, login))
    browser.open(f"{url}/worker/{name}", login)
    browser.see("Pool")
    browser.picture("worker")
    assert not browser.has("#worker-shutdown, #worker-pool-grow")
    async with httpx.AsyncClient(base_url=url, auth=login, trust_env=False) as http:
        for path in ("/api/task/async-apply/probe.echo", "/api/task/revoke/1", f"/api/worker/shutdown/{name}"):
            assert (await http.post(path, json={"args": [["1"]]})).status_code == 403, path


async def _knows_a_worker(url: str, login: tuple[str, str]) -> str | None:
    async with httpx.AsyncClient(auth=login, trust_env=False) as http:
        answer = await http.get(f"{url}/api/workers")
    return next((name for name in answer.json() if name.startswith("tests@")), None)


def _login(settings: Settings) -> tuple[str, str]:
    return settings.flower_user, settings.flower_password.get_secret_value()
