"""The API as a process of its own, with settings of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from cli.embedded.ports import choose_port
from cli.platform import LocalPlatform
from cli.processes import ProcessGroup, ProcessSpec
from tests.support.servers import REPOSITORY


@contextmanager
def lone_api(platform: LocalPlatform, **settings: str) -> Iterator[str]:
    """Its base URL; it serves the platform's tables."""
    port = choose_port(None)
    url = f"http://127.0.0.1:{port}"
    group = ProcessGroup(platform.state_dir / "log", REPOSITORY)
    env = {**platform.env, "BELLWORK_API_PORT": str(port), **settings}
    command = (sys.executable, "-m", "tests.support.api")
    try:
        group.start([ProcessSpec("lone-api", command, env, lambda: _answers(url))])
        yield url
    finally:
        group.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
