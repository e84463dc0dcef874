"""The API as a process of its own, with settings of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cli.embedded.ports import choose_port
from cli.platform import LocalPlatform, answers
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
        group.start([ProcessSpec("lone-api", command, env, lambda: answers(f"{url}/health/ready"))])
        yield url
    finally:
        group.stop()
