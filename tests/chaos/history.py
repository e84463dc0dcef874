"""Where each job was when: written by the database itself in the transaction of each step, so that it is as true as the
jobs are, also after a crash."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

from tests.chaos.seen import Wait

HISTORY = (
    "SELECT job_id::text AS job, queue, status, published_at IS NOT NULL AS sent, at FROM chaos_history ORDER BY id"
)
SAME_MOMENT = timedelta(seconds=0.5)  # messages that are sent together are not in the order of their jobs' times


class Step(NamedTuple):
    """A job is in this state from `at` on; `sent` says that the broker was given a message with it."""

    job: str
    queue: str
    status: str
    sent: bool
    at: datetime


class Claim(NamedTuple):
    at: datetime
    sent_at: datetime


def waits_of(steps: Iterable[Step]) -> list[Wait]:
    """Every stretch in which a job waited in its queue, or on the broker."""
    in_order = sorted(steps, key=attrgetter("job"))  # stable: each job's own order stays
    jobs = [list(each) for _, each in groupby(in_order, attrgetter("job"))]
    claims = _claims(jobs)
    return [wait for steps in jobs for wait in _waits(steps, claims)]


def _claims(jobs: Sequence[Sequence[Step]]) -> dict[str, list[Claim]]:
    """By queue, the earliest first."""
    claims: defaultdict[str, list[Claim]] = defaultdict(list)
    for steps in jobs:
        for step, after in pairwise(steps):
            if step.sent and after.status == "running":
                claims[step.queue].append(Claim(after.at, step.at))
    for each in claims.values():
        each.sort()
    return claims


def _waits(steps: Sequence[Step], claims: dict[str, list[Claim]]) -> Iterable[Wait]:
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if step.status == "queued":
            until = after.at if after else None
            yield Wait(step.job, step.queue, step.sent, step.at, until, _moved_at(step, until, claims[step.queue]))


def _moved_at(step: Step, until: datetime | None, claims: Sequence[Claim]) -> datetime | None:
    """When the queue last moved before it: by any claim while it waits to be sent; once it was sent, by the claim of
    what was sent no later, for that is what its message stands behind."""
    last = len(claims) if until is None else bisect_left(claims, until, key=attrgetter("at"))
    for claim in reversed(claims[bisect_left(claims, step.at, key=attrgetter("at")) : last]):
        if not step.sent or claim.sent_at <= step.at + SAME_MOMENT:
            return claim.at
    return None
