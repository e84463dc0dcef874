"""What can be seen of a run once it is over: by its clients, in the database, and by the outside."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from tests.chaos.faults import Fault


class Lost(msgspec.Struct, frozen=True):
    """An attempt whose lease ran out; `next_at` is when the job was claimed again, or ended for good."""

    job: str
    pid: int
    started_at: datetime
    lost_at: datetime
    next_at: datetime | None


class Wait(msgspec.Struct, frozen=True):
    """A job that waited in its queue, or `sent` to the broker, until it was claimed, moved on or taken back (None: it
    waits still); `moved_at` is when what stood before it last moved."""

    job: str
    queue: str
    sent: bool
    since: datetime
    until: datetime | None
    moved_at: datetime | None


class Batch(msgspec.Struct, frozen=True):
    """Its end, how many jobs it says it has, how they ended (by state), and how it says they ended."""

    id: str
    status: str
    jobs: int
    ends: Mapping[str, int]
    told: Mapping[str, int] | None


class Fire(msgspec.Struct, frozen=True):
    """A job of a schedule, and how many effects it left."""

    schedule: str
    at: datetime
    status: str
    effects: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything by the number of the submitted job. `calls` are rows of number, step, and how often each key came.

    `told` is the end that a waiting client was told, `verdicts` what a client was told of its cancel, `stored` how many
    jobs there are, `due_fires` the schedules and times of which there must be a fire by `judged_until`.
    """

    accepted: Collection[int]
    keyless: int
    stored: Mapping[int, int]
    statuses: Mapping[int, str]
    effects: Mapping[int, Mapping[int, int]]
    calls: Sequence[tuple[int, str, dict[str, int]]]
    told: Mapping[int, str]
    verdicts: Mapping[int, str]
    batches: Sequence[Batch]
    fires: Sequence[Fire]
    due_fires: Collection[tuple[str, datetime]]
    judged_until: datetime
    lost_attempts: Sequence[Lost]
    waits: Sequence[Wait]
    skewed_effects: int
    refusals: Sequence[str]
    faults: Sequence[Fault]
