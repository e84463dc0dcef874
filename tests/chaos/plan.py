"""What a run does: which jobs, which settings, how long. All of it follows from jobs, minutes and seed."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from random import Random
from typing import Any

import msgspec

STARTING_SECONDS = 18.0
SHORT_MINUTES = 3.0
STEPS = ["reserve", "confirm"]
POISON_EVERY, LONG_EVERY = 2000, 64
BATCH_EVERY, BATCH_FIRST, BATCH_SIZE = 200, 100, 20
CANCELLED, FOLLOWED = 0.06, 0.04
LATER_SECONDS = 2.0


class Following(StrEnum):
    """How a client learns of the end of its job."""

    WAIT = "wait"
    STREAM = "stream"


class Work(msgspec.Struct, frozen=True):
    """A job to submit, with what must have come of it: rows, calls of the outside, and the state it ends in.

    It becomes due so many seconds `later`, is cancelled so long after it was accepted (None: it is not), and somebody
    waits for its end.
    """

    number: int
    kind: str
    payload: dict[str, Any]
    rows: int = 1
    steps: int = 0
    ends: str = "succeeded"
    later: float = 0.0
    cancelled_after: float | None = None
    followed_by: Following | None = None


class Order(msgspec.Struct, frozen=True):
    """What one request asks for: a job, or all jobs of a batch. One without an Idempotency-Key cannot be repeated
    before it is known that it was not taken."""

    works: list[Work]
    keyed: bool

    @property
    def number(self) -> int:
        return self.works[0].number

    @property
    def is_batch(self) -> bool:
        return len(self.works) > 1


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`minutes` is meant for the whole run; where jobs still end after that, it goes on.

    Below three, leases, pauses and outages are short.
    """

    jobs: int
    minutes: float
    seed: int

    @property
    def short(self) -> bool:
        return self.minutes < SHORT_MINUTES

    @property
    def settings(self) -> dict[str, str]:
        """The defaults are what the long form is about."""
        brisk = {"BELLWORK_JOB_LEASE_SECONDS": "3", "BELLWORK_JOB_REDELIVER_SECONDS": "2"} if self.short else {}
        return {
            "BELLWORK_ENV": "test", "BELLWORK_API_PORT": "0", "BELLWORK_FLOWER_PORT": "0",
            "BELLWORK_LOG_LEVEL": "INFO", "BELLWORK_DATABASE_POOL_SIZE": "5",
            "BELLWORK_RATE_LIMIT_GENERAL": "1000000", **brisk,
        }  # fmt: skip

    @property
    def pause_seconds(self) -> float:
        """How long a stopped process stays so: longer than any lease."""
        return 4.5 if self.short else 18.0

    @property
    def doubt_seconds(self) -> float:
        """How long a request whose answer was cut off may still be taken: the server that has it is paused, then its
        database is away, and comes back slowly."""
        return self.pause_seconds + (10.0 if self.short else 25.0)

    @property
    def outage_seconds(self) -> float:
        """How long the first outage of the broker lasts; the others are a sixth of it."""
        return 6.0 if self.short else 60.0

    def calm_seconds(self, servers: bool) -> tuple[float, float]:
        """The least and the most between two faults of a lane: a platform without servers has nothing to show."""
        if self.short:
            return 0.2, 1.0
        return (5.0, 15.0) if servers else (2.0, 8.0)

    @property
    def ending_seconds(self) -> float:
        """What is kept for the jobs to end in, once the storm is over."""
        return max(45.0, self.minutes * 60 * 0.28)

    @property
    def storm_seconds(self) -> float:
        return max(20.0, self.minutes * 60 - self.ending_seconds - STARTING_SECONDS)

    @property
    def submitting_seconds(self) -> float:
        return self.storm_seconds * 0.9

    def random(self, purpose: str) -> Random:
        return Random(f"{self.seed} {purpose}")

    def works(self) -> list[Work]:
        """In the order of submission: of each kind something early, those that take longest not at the end."""
        chance = self.random("works")
        return [_work(number, chance) for number in range(self.jobs)]

    def orders(self) -> list[Order]:
        """The works as they are asked for, about half of them without a key."""
        chance = self.random("orders")
        grouped = [list(works) for _, works in groupby(self.works(), lambda work: order_of(work.number))]
        return [Order(works, chance.random() < 0.5) for works in grouped]


def order_of(number: int) -> int:
    """The number of the order that a work belongs to: now and then twenty in a row are a batch."""
    into = number % BATCH_EVERY - BATCH_FIRST
    return number - into if 0 <= into < BATCH_SIZE else number


def _work(number: int, chance: Random) -> Work:
    if number % POISON_EVERY in (10, 60) and (number < 100 or number % POISON_EVERY == 10):
        return Work(number, "chaos.poison", {"number": number}, rows=0, ends="failed")
    work = _long(number, chance) if number % LONG_EVERY == 5 else _brief(number, chance)
    alone = number % BATCH_EVERY not in range(BATCH_FIRST, BATCH_FIRST + BATCH_SIZE)
    if alone and chance.random() < (0.5 if work.rows > 1 else CANCELLED):
        later = chance.choice([0.0, LATER_SECONDS])
        work = msgspec.structs.replace(work, later=later, cancelled_after=chance.uniform(0.0, 2 * LATER_SECONDS))
    if alone and chance.random() < FOLLOWED:
        work = msgspec.structs.replace(work, followed_by=chance.choice(list(Following)))
    return work


def _long(number: int, chance: Random) -> Work:
    chunks = chance.randint(8, 16)
    return Work(number, "chaos.long", {"number": number, "chunks": chunks, "seconds": 0.25}, rows=chunks)


def _brief(number: int, chance: Random) -> Work:
    name = chance.choices(["write", "call", "tiny", "flaky"], [45, 20, 25, 10])[0]
    if name == "write":
        return Work(number, "chaos.write", {"number": number, "seconds": round(chance.expovariate(20), 3)})
    if name == "call":
        return Work(number, "chaos.call", {"number": number, "steps": STEPS}, steps=len(STEPS))
    if name == "tiny":
        return Work(number, "chaos.tiny", {"number": number})
    return Work(number, "chaos.flaky", {"number": number, "breaks": chance.randint(1, 2)})


def paced(orders: Sequence[Order], seconds: float) -> Iterator[tuple[float, Order]]:
    """Each with the second it is due at."""
    for place, order in enumerate(orders):
        yield seconds * place / len(orders), order
