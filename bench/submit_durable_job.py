"""`POST /jobs` under 64 connections: a committed row before the `202`.

The peer's `delay()` leaves a message in Valkey (on disk within a second) and keeps no status; the limit commits the
same row by one statement behind a bare ASGI function.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import Contenders, Figure, Run, Stage
from bench.load import drive, request

CONNECTIONS = 64
REQUESTS = 12_000
SECONDS = 6.0
BODY = b'{"kind":"bench.noop","payload":{}}'


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    with stage.processes("web", "peer-web", "limit-web") as urls:
        key = {"x-api-key": stage.api_key()}
        yield Contenders(
            _run(stage, f"{stage.api}/api/v1/jobs", key),
            _run(stage, f"{urls['peer']}/jobs", {}),
            _run(stage, f"{urls['limit']}/jobs", {}),
        )


def _run(stage: Stage, url: str, headers: dict[str, str]) -> Run:
    def run() -> float:
        stage.empty()
        message = request("POST", url, body=BODY, headers=headers)
        load = stage.run(drive(url, [message], connections=CONNECTIONS, total=REQUESTS, seconds=SECONDS, status=202))
        stage.record(**load.in_ms())
        return load.per_second

    return run


FIGURE = Figure("submit_durable_job", "jobs/s", "FastAPI + celery.delay()", "one INSERT, bare ASGI", contenders)
