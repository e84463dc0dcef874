"""Memory of each process over an hour's worth of jobs, at ten a second: submitted, done, and read over HTTP.

The figure is the growth from the first third's median to the last third's, of all processes together.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.cpu import resident_mb
from bench.harness import Contenders, Figure, Stage, until
from bench.load import drive, request
from bench.noops import UNFINISHED

JOBS, SAMPLES = 36_000, 60
CONNECTIONS = 8
SUBMIT = b'{"kind":"bench.stamp","payload":{}}'
PROCESSES = ("web", "scheduler", "worker")
NEWEST = "SELECT id FROM jobs ORDER BY id DESC LIMIT $1"


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    stage.empty()
    with stage.processes(*PROCESSES):
        yield Contenders(partial(_growth, stage, {"x-api-key": stage.api_key()}))


def _growth(stage: Stage, headers: dict[str, str]) -> float:
    samples = [_sample(stage, headers) for _ in range(SAMPLES)]
    third = SAMPLES // 3
    first = {name: statistics.median(each[name] for each in samples[:third]) for name in PROCESSES}
    last = {name: statistics.median(each[name] for each in samples[-third:]) for name in PROCESSES}
    for name in PROCESSES:
        stage.record(**{f"{name} first third MB": first[name], f"{name} last third MB": last[name]})
    return (sum(last.values()) / sum(first.values()) - 1) * 100


def _sample(stage: Stage, headers: dict[str, str]) -> dict[str, float]:
    """Memory after a further share of the jobs."""
    jobs = stage.scaled(JOBS) // SAMPLES
    url = f"{stage.api}/api/v1/jobs"
    _drive(stage, url, [request("POST", url, body=SUBMIT, headers=headers)], jobs, 202)
    until(lambda: not stage.sql(UNFINISHED)[0]["some"], 0.1)
    reads = [request("GET", f"{url}/{row['id']}", headers=headers) for row in stage.sql(NEWEST, jobs)]
    _drive(stage, url, reads, jobs, 200)
    return resident_mb({name: stage.pids[name] for name in PROCESSES})


def _drive(stage: Stage, url: str, requests: list[bytes], total: int, status: int) -> None:
    load = drive(url, requests, connections=CONNECTIONS, total=total, seconds=60.0, status=status)
    stage.run(load).must_be_whole()


FIGURE = Figure("memory", "% growth", "", "", contenders, lower_is_better=True, repeated=False)
