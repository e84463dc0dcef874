"""How often a client asks before it knows that its job has ended, and how long after the end that is.

Ours looks again when the last answer said (`Retry-After`), and so does nothing but what the contract asks; the peer
asks the same platform for the same jobs each second. Jobs of three kinds come in two ways: a few at a time on an idle
platform, and all at once, so that most wait behind others. Both contenders know the pace of a kind from the run that is
not counted. The figure is the mean of all; beside it each way and kind, with the delay from `finishedAt` to the answer
that told it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from random import Random
from typing import Any, NamedTuple

import aiohttp

from bench.harness import Contenders, Figure, Stage
from bench.load import quantiles_in_ms

IDLE, BACKLOG = 24, 60
AT_ONCE_WHEN_IDLE = 2
FIXED_SECONDS = 1.0
PATIENCE_SECONDS = 120.0
# By kind: how many in ten jobs, and the seconds that half of them take at most; the others take up to twice as long.
KINDS = {"bench.noop": (3, 0.0), "bench.brief": (5, 0.3), "bench.middling": (2, 2.0)}
Pause = Callable[[Mapping[str, str]], float]


class Followed(NamedTuple):
    kind: str
    polls: int
    delay: float


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    stage.empty()
    with stage.processes("web", "scheduler", "worker"):
        follow = partial(_follow_all, stage, {"x-api-key": stage.api_key()})
        yield Contenders(partial(follow, _as_asked), partial(follow, _each_second))


def _as_asked(headers: Mapping[str, str]) -> float:
    return float(headers["Retry-After"])


def _each_second(headers: Mapping[str, str]) -> float:
    return FIXED_SECONDS


def _follow_all(stage: Stage, key: dict[str, str], pause: Pause) -> float:
    chance = Random(11)
    idle, backlog = _bodies(stage.scaled(IDLE), chance), _bodies(stage.scaled(BACKLOG), chance)
    few = stage.run(_follow(stage, key, pause, idle, AT_ONCE_WHEN_IDLE))
    many = stage.run(_follow(stage, key, pause, backlog, len(backlog)))
    for way, followed in (("idle", few), ("backlog", many)):
        _record(stage, way, followed)
        for kind in KINDS:
            _record(stage, f"{way} {kind.partition('.')[2]}", [each for each in followed if each.kind == kind])
    return _mean_polls([*few, *many])


def _record(stage: Stage, name: str, followed: Sequence[Followed]) -> None:
    if len(followed) > 1:
        delays = quantiles_in_ms([each.delay for each in followed])
        stage.record(**{f"{name} polls": _mean_polls(followed)})
        stage.record(**{f"{name} to notice {share}": delays[share] for share in ("p50 ms", "p95 ms")})


def _mean_polls(followed: Sequence[Followed]) -> float:
    return sum(each.polls for each in followed) / len(followed)


def _bodies(jobs: int, chance: Random) -> list[dict[str, Any]]:
    names = chance.choices(list(KINDS), [share for share, _ in KINDS.values()], k=jobs)
    return [_body(name, KINDS[name][1], chance) for name in names]


def _body(kind: str, seconds: float, chance: Random) -> dict[str, Any]:
    taken = seconds * chance.choice([chance.uniform(0.5, 1.0), chance.uniform(1.0, 2.0)])
    return {"kind": kind, "payload": {"seconds": round(taken, 3)} if seconds else {}}


async def _follow(
    stage: Stage, key: dict[str, str], pause: Pause, bodies: Sequence[dict[str, Any]], at_once: int
) -> list[Followed]:
    """Each of the clients submits a job, follows it to its end, and goes on to the next."""
    left, followed = iter(bodies), list[Followed]()

    async def client(http: aiohttp.ClientSession) -> None:
        for body in left:
            followed.append(await _follow_one(http, pause, body))

    async with (
        aiohttp.ClientSession(stage.api, headers=key, connector=aiohttp.TCPConnector(limit=0)) as http,
        asyncio.timeout(PATIENCE_SECONDS),
        asyncio.TaskGroup() as group,
    ):
        for _ in range(at_once):
            group.create_task(client(http))
    return followed


async def _follow_one(http: aiohttp.ClientSession, pause: Pause, body: dict[str, Any]) -> Followed:
    async with http.post("/api/v1/jobs", json=body) as answer:
        job, headers = await answer.json(), answer.headers
    polls = 0
    while True:
        await asyncio.sleep(pause(headers))
        async with http.get(f"/api/v1/jobs/{job['id']}") as answer:
            told_at, job, headers = time.time(), await answer.json(), answer.headers
        polls += 1
        if job["finishedAt"] is not None:
            delay = told_at - datetime.fromisoformat(job["finishedAt"]).timestamp()
            return Followed(body["kind"], polls, delay)


FIGURE = Figure(
    "polls_per_job", "polls/job", "the same jobs, asked for each second", "", contenders, lower_is_better=True
)
