"""The life of a job and the policies around it, as pure values.

                      run_at reached              claimed                  handler done
    scheduled ───────────────────────▶ queued ──────────────▶ running ──────────────────▶ succeeded
        │                              ▲    │                 │  │ │
        │               run_at reached │    │                 │  │ └── final error, or no attempt left ──▶ failed
        │                              │    │                 │  │
        │                           retrying ◀────────────────┘  │
        │                              │    │  error worth       │ cancel seen at a checkpoint
        │                              │    │  a retry, or       ▼
        └──────────────────────────────┴────┴──────────────▶ cancelled
                 cancelled before it ran       lease expired, or put off

    failed and cancelled jobs go back to queued, or to scheduled for later, when someone asks for a retry; a queued one
    whose message came to a worker that does not know its kind (a deploy is under way) waits in retrying, without that
    having been an attempt; one whose first attempt has not begun by its `start_by` is failed; one that waits is queued,
    or for later, when someone gives it another `run_at`

Every arrow is one statement fenced by the state it starts from (and, out of `running`, by the claim), so a
repeated message, a twin worker, or a worker back from a long pause changes nothing.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta


class JobStatus(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Happening(StrEnum):
    """What can happen to a job."""

    DUE = "due"
    CLAIMED = "claimed"
    DONE = "done"
    BROKE = "broke"
    GAVE_UP = "gave_up"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    RETRIED = "retried"
    RETRIED_LATER = "retried_later"
    EXPIRED = "expired"
    HASTENED = "hastened"
    POSTPONED = "postponed"
    REFUSED = "refused"


class AttemptOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    RETRY = "retry"
    FAILED = "failed"
    LOST = "lost"
    STOPPED = "stopped"
    POSTPONED = "postponed"
    INTERRUPTED = "interrupted"


# Attempts that ended so are not counted against a job's `maxAttempts`.
UNCOUNTED = (AttemptOutcome.POSTPONED, AttemptOutcome.INTERRUPTED)


class CancelVerdict(StrEnum):
    """What a cancel came to. `requested` until the running attempt has seen it or has ended."""

    PREVENTED = "prevented"
    STOPPED = "stopped"
    TOO_LATE = "too_late"
    REQUESTED = "requested"


class Twin(StrEnum):
    """What became of the unfinished job that a submit with the same dedupe key met."""

    KEPT = "kept"
    REPLACED = "replaced"


class LogLevel(StrEnum):
    """Of a line that a handler writes about its job."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class OnDuplicate(StrEnum):
    """What a submit does to the unfinished job with its dedupe key: leave it as it is, or put itself in its place if
    that has not started."""

    KEEP = "keep"
    REPLACE = "replace"


WAITING = (JobStatus.SCHEDULED, JobStatus.QUEUED, JobStatus.RETRYING)
UNFINISHED = (JobStatus.SCHEDULED, JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.RETRYING)
FINISHED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)

TRANSITIONS: dict[tuple[JobStatus, Happening], JobStatus] = {
    (JobStatus.SCHEDULED, Happening.DUE): JobStatus.QUEUED,
    (JobStatus.RETRYING, Happening.DUE): JobStatus.QUEUED,
    (JobStatus.QUEUED, Happening.CLAIMED): JobStatus.RUNNING,
    (JobStatus.QUEUED, Happening.REFUSED): JobStatus.RETRYING,
    (JobStatus.RUNNING, Happening.DONE): JobStatus.SUCCEEDED,
    (JobStatus.RUNNING, Happening.BROKE): JobStatus.RETRYING,
    (JobStatus.RUNNING, Happening.GAVE_UP): JobStatus.FAILED,
    (JobStatus.RUNNING, Happening.STOPPED): JobStatus.CANCELLED,
    (JobStatus.FAILED, Happening.RETRIED): JobStatus.QUEUED,
    (JobStatus.CANCELLED, Happening.RETRIED): JobStatus.QUEUED,
    (JobStatus.FAILED, Happening.RETRIED_LATER): JobStatus.SCHEDULED,
    (JobStatus.CANCELLED, Happening.RETRIED_LATER): JobStatus.SCHEDULED,
    (JobStatus.SCHEDULED, Happening.CANCELLED): JobStatus.CANCELLED,
    (JobStatus.QUEUED, Happening.CANCELLED): JobStatus.CANCELLED,
    (JobStatus.RETRYING, Happening.CANCELLED): JobStatus.CANCELLED,
    (JobStatus.SCHEDULED, Happening.EXPIRED): JobStatus.FAILED,
    (JobStatus.QUEUED, Happening.EXPIRED): JobStatus.FAILED,
    (JobStatus.RETRYING, Happening.EXPIRED): JobStatus.FAILED,
    (JobStatus.SCHEDULED, Happening.HASTENED): JobStatus.QUEUED,
    (JobStatus.RETRYING, Happening.HASTENED): JobStatus.QUEUED,
    (JobStatus.QUEUED, Happening.POSTPONED): JobStatus.SCHEDULED,
}


# A batch is running without a worker, and ends by how its jobs ended. A retry of it, or of one of its jobs, lets it
# run again, and it tells its end again.
BATCH_TRANSITIONS: dict[tuple[JobStatus, Happening], JobStatus] = {
    (JobStatus.RUNNING, Happening.DONE): JobStatus.SUCCEEDED,
    (JobStatus.RUNNING, Happening.GAVE_UP): JobStatus.FAILED,
    (JobStatus.RUNNING, Happening.STOPPED): JobStatus.CANCELLED,
    (JobStatus.FAILED, Happening.RETRIED): JobStatus.RUNNING,
    (JobStatus.CANCELLED, Happening.RETRIED): JobStatus.RUNNING,
}


class Queue(StrEnum):
    DEFAULT = "default"
    WEBHOOKS = "webhooks"
    MAIL = "mail"
    CALENDAR = "calendar"
    EXPORTS = "exports"
    BULK = "bulk"


Priority = Annotated[int, Meta(ge=0, le=9, description="0 to 9; the higher is taken first")]
DEFAULT_PRIORITY = 5


class RetryPolicy(msgspec.Struct, frozen=True, rename="camel", omit_defaults=False):
    """When a job runs again after an error worth it.

    `schedule` gives the seconds before each further attempt; without one the wait doubles from `first_seconds` up to
    `cap_seconds`. Jitter spreads each wait by up to `jitter` of itself, so that what failed together does not come
    back together.

    An error says itself whether it is worth another attempt; of those that are, `only` names the codes that are so for
    the kind (none: all are), `final` those that are not.
    """

    max_attempts: int = 5
    first_seconds: float = 2.0
    cap_seconds: float = 3600.0
    jitter: float = 0.2
    schedule: tuple[float, ...] = ()
    only: tuple[str, ...] = ()
    final: tuple[str, ...] = ()

    def retries(self, error: "JobError") -> bool:
        """Whether the error is worth another attempt."""
        if error.code in self.final or (self.only and error.code not in self.only):
            return False
        return error.retryable

    def wait(self, attempt: int, chance: float, retry_after: float | None = None) -> float:
        """Seconds between the end of `attempt` (1 is the first) and the next; `chance` is uniform in [0, 1).

        A provider's Retry-After is honoured up to a day, and never shortens the wait.
        """
        if self.schedule:
            base = self.schedule[min(attempt, len(self.schedule)) - 1]
        else:
            base = min(self.first_seconds * 2 ** min(attempt - 1, 60), self.cap_seconds)
        spread = base * (1 + self.jitter * chance)
        return max(spread, min(retry_after or 0.0, 86_400.0))


DEFAULT_RETRY = RetryPolicy()
# For work over our own rows, which comes out the same each time unless something else was in the way.
WHEN_DISTURBED = RetryPolicy(
    only=("SERIALIZATION_FAILURE", "SERVICE_UNAVAILABLE", "LOOP_BLOCKED", "TIME_LIMIT_EXCEEDED", "TIMEOUT")
)


class JobError(msgspec.Struct, frozen=True, rename="camel"):
    """Why an attempt did not succeed: a stable code, a sentence, and whether another attempt made sense."""

    code: str
    message: str
    retryable: bool


KIND_UNKNOWN = "KIND_UNKNOWN"
MOST_COUNTED = 100_000  # of the jobs before one


class Progress(msgspec.Struct, frozen=True, rename="camel"):
    current: int
    total: int | None
    message: str | None
