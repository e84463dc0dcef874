"""Log lines as a collector reads them."""

import json
from pathlib import Path
from typing import Any

from cli.platform import LocalPlatform
from tests.support.client import ApiClient, eventually


async def test_the_callers_request_id_is_on_the_lines_of_the_job_it_asked_for(
    client: ApiClient, workers: LocalPlatform
) -> None:
    client.headers["X-Request-ID"] = "trace-4711"
    job = await client.finish((await client.submit("probe.echo", {"text": "hello"}))["id"])
    assert job["requestId"] == "trace-4711"
    log = workers.state_dir / "log" / "worker.log"

    async def ended() -> dict[str, Any] | None:
        return _line_of(log, job["id"])

    line = await eventually(ended)
    assert {"request_id": "trace-4711", "kind": "probe.echo", "attempt": 1, "level": "info"}.items() <= line.items()


def _line_of(log: Path, job_id: str) -> dict[str, Any] | None:
    """The line that says how the attempt ended; every line is an object of its own."""
    for text in log.read_text().splitlines():
        if job_id in text and "attempt_ended" in text:
            line: dict[str, Any] = json.loads(text)
            return line
    return None
