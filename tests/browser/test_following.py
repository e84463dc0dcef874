"""A page of another origin follows a job by its token: `examples/follow.html`, in a real browser."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest

from cli.platform import LocalPlatform
from tests.browser.conftest import Browser
from tests.support.client import ApiClient
from tests.support.lone_api import lone_api
from tests.support.servers import REPOSITORY


@pytest.fixture
def origin() -> Iterator[str]:
    """Where the examples are served."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(REPOSITORY / "examples"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_page_follows_a_job_to_its_end(
    client: ApiClient, workers: LocalPlatform, browser: Browser, origin: str
) -> None:
    with lone_api(workers, BELLWORK_CORS_ORIGINS=origin) as url:
        job = await client.submit("probe.effect", {"label": "page", "seconds": 2.0, "steps": 4})
        made = await client.expect(201, "POST", f"/jobs/{job['id']}/tokens")
        place = {"job": f"{url}/api/v1/jobs/{job['id']}", "token": made["token"]}
        browser.open(f"{origin}/follow.html#{urlencode(place)}")
        browser.see("succeeded")
        bar = browser.find("#bar")
        assert (bar.get_attribute("value"), bar.get_attribute("max")) == ("4", "4")
        browser.picture("followed")
        assert [line for line in browser.complaints() if "favicon" not in line] == []
        browser.open("about:blank")
        browser.open(f"{origin}/follow.html#{urlencode({**place, 'token': made['token'] + 'x'})}")
        browser.see("ask for another token")
