"""Flower as an operator sees it."""

import httpx

from cli.platform import LocalPlatform
from models.kernel.settings import Settings
from tests.browser.conftest import Browser
from tests.support.client import ApiClient, eventually


async def test_without_the_password_nothing_is_shown(
    flower: LocalPlatform, browser: Browser, settings: Settings
) -> None:
    url, login = flower.urls["flower"], _login(settings)
    await eventually(lambda: _knows_a_worker(url, login))
    async with httpx.AsyncClient(trust_env=False) as http:
        page, listed = await http.get(url), await http.get(f"{url}/api/workers")
    assert (page.status_code, page.headers["www-authenticate"]) == (401, 'Basic realm="flower"')
    assert (listed.status_code, "tests@" in listed.text) == (401, False)
    browser.open(url)
    assert browser.text == ""
    browser.see_at(url, "tests@", login)


async def test_an_operator_finds_the_worker_and_a_job_by_its_kind_and_by_its_id(
    client: ApiClient, flower: LocalPlatform, browser: Browser, settings: Settings
) -> None:
    url, login = flower.urls["flower"], _login(settings)
    await eventually(lambda: _knows_a_worker(url, login))
    job = await client.finish((await client.submit("probe.echo", {"text": "Seen by Flower"}))["id"])
    browser.see_at(url, "tests@", login)
    browser.see("Online")
    browser.picture("workers")

    browser.open(f"{url}/tasks", login)
    browser.see("probe.echo")
    browser.see("SUCCESS")
    browser.picture("tasks")

    browser.see_at(f"{url}/task/{job['id']}", "succeeded", login)
    browser.see("probe.echo")
    browser.picture("task")
    assert browser.requested_hosts() == {"127.0.0.1"}


async def test_nothing_can_be_done_from_it(flower: LocalPlatform, browser: Browser, settings: Settings) -> None:
    url, login = flower.urls["flower"], _login(settings)
    name = await eventually(lambda: _knows_a_worker(url, login))
    browser.see_at(f"{url}/worker/{name}", "Pool", login)
    browser.picture("worker")
    assert not browser.has("#worker-shutdown, #worker-pool-grow")
    async with httpx.AsyncClient(base_url=url, auth=login, trust_env=False) as http:
        for path in ("/api/task/async-apply/probe.echo", "/api/task/revoke/1", f"/api/worker/shutdown/{name}"):
            assert (await http.post(path, json={"args": [["1"]]})).status_code == 403, path


async def _knows_a_worker(url: str, login: tuple[str, str]) -> str | None:
    """Flower asks the workers anew: one who was busy when it asked them first is not known to it."""
    async with httpx.AsyncClient(auth=login, trust_env=False, timeout=20) as http:
        answer = await http.get(f"{url}/api/workers", params={"refresh": "true"})
    names = answer.json() if answer.status_code == httpx.codes.OK else ()
    return next((name for name in names if name.startswith("tests@")), None)


def _login(settings: Settings) -> tuple[str, str]:
    return settings.flower_user, settings.flower_password.get_secret_value()
