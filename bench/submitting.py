"""`POST /jobs` under so many keep-alive connections, each asking for the next job when it has its answer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from bench.harness import Contenders, Stage
from bench.load import drive, request

REQUESTS = 12_000
SECONDS = 6.0
BODY = b'{"kind":"bench.noop","payload":{}}'


def submitting(figure: str, connections: int) -> Callable[[Stage], AbstractContextManager[Contenders]]:
    """Records the latencies and how many failed."""

    @contextmanager
    def contenders(stage: Stage) -> Iterator[Contenders]:
        with stage.processes("web", "peer-web", "limit-web") as urls:
            key = {"x-api-key": stage.api_key()}
            submit = partial(submit_for_a_while, stage, figure, connections)
            yield Contenders(
                partial(submit, f"{stage.api}/api/v1/jobs", key),
                partial(submit, f"{urls['peer']}/jobs", {}),
                partial(submit, f"{urls['limit']}/jobs", {}),
            )

    return contenders


def submit_for_a_while(stage: Stage, figure: str, connections: int, url: str, headers: dict[str, str]) -> float:
    stage.empty()
    message = request("POST", url, body=BODY, headers=headers)
    total = stage.scaled(REQUESTS)
    load = stage.run(drive(url, [message], connections=connections, total=total, seconds=SECONDS, status=202))
    stage.record(**load.in_ms(), failed=len(load.failures))
    for failure in load.failures[:1]:
        stage.note(figure, f"a request to {url} failed: {failure}")
    return load.per_second
