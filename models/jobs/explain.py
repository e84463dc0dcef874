"""Why a job is not running or not done, and what comes next. Pure: the facts are passed in."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from models.jobs.limits import Limits, Rate, Use
from models.jobs.records import NOTHING, JobRecord
from models.jobs.rules import KIND_UNKNOWN, MOST_COUNTED, WAITING, JobError, JobStatus

SILENT_AFTER = timedelta(seconds=60)


class Reason(StrEnum):
    RUN_AT_AHEAD = "run_at_ahead"
    BACKOFF = "backoff"
    POSTPONED = "postponed"
    KIND_UNKNOWN = "kind_unknown"
    KIND_PAUSED = "kind_paused"
    KIND_LIMIT = "kind_limit"
    KEY_LIMIT = "key_limit"
    RATE_LIMIT = "rate_limit"
    KEY_RATE_LIMIT = "key_rate_limit"
    QUEUE_AHEAD = "queue_ahead"
    SENT_TO_WORKERS = "sent_to_workers"
    NO_WORKER = "no_worker"
    NO_SCHEDULER = "no_scheduler"
    BROKER_AWAY = "broker_away"
    RUNNING = "running"
    STOP_REQUESTED = "stop_requested"
    CHILDREN_UNFINISHED = "children_unfinished"
    START_BY_AHEAD = "start_by_ahead"
    EXPIRED = "expired"
    ENDED = "ended"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known around a job. `known` is whether this version has its kind; `worker_seen_at` when any worker last
    took something from its queue, or was busy with that; `scheduler_seen_at` when any scheduler last looked at what
    waits, `broker_away` whether all of them miss the broker; `use` and `key_use` what is taken under the limits of its
    kind, in all and by its key."""

    job: JobRecord
    known: bool
    now: datetime
    paused: bool
    limits: Limits
    limit_key: str | None
    use: Use
    key_use: Use
    waiting_before: int
    others_wait: bool
    published_at: datetime | None
    worker: str | None
    lease_until: datetime | None
    worker_seen_at: datetime | None
    scheduler_seen_at: datetime | None
    broker_away: bool
    children_unfinished: int


class Because(msgspec.Struct, frozen=True):
    reason: Reason
    detail: str


class Explanation(msgspec.Struct, frozen=True, rename="camel"):
    """`because` holds every reason that applies, the one in the way first; `next` says what happens then."""

    status: JobStatus
    because: list[Because]
    next: str


def explain(facts: Facts) -> Explanation:
    job = facts.job
    if job.finished:
        ended = Because(Reason.ENDED, f"It is {job.status} after {job.attempt} attempt(s).")
        return _because(facts, [*_expired(job), ended], "Nothing; it has ended.")
    if job.status == JobStatus.RUNNING:
        return _running(facts)
    if job.status == JobStatus.SCHEDULED:
        because = Because(Reason.RUN_AT_AHEAD, f"It was asked to run at {_text(job.run_at)}.")
        return _because(facts, [because, *_in_the_way(facts)], "It joins its queue when its time comes.")
    if job.status == JobStatus.RETRYING and (refused := _refused(facts)):
        return _because(facts, [refused, *_in_the_way(facts)], f"It is offered to them again at {_text(job.run_at)}.")
    if job.status == JobStatus.RETRYING:
        attempt = f"Attempt {job.attempt} of {job.max_attempts}"
        because = Because(Reason.BACKOFF, f"{attempt} broke; it waits until {_text(job.run_at)}.")
        if bytes(job.error) == bytes(NOTHING):
            because = Because(Reason.POSTPONED, f"{attempt} put it off until {_text(job.run_at)}, and is not counted.")
        return _because(facts, [because, *_in_the_way(facts)], f"Attempt {job.attempt + 1} follows.")
    return _waiting(facts)


def _running(facts: Facts) -> Explanation:
    job = facts.job
    if facts.children_unfinished:
        because = Because(Reason.CHILDREN_UNFINISHED, f"{facts.children_unfinished} of its jobs have not ended.")
        return _because(facts, [because], "It ends with the last of its jobs.")
    running = f"Attempt {job.attempt} of {job.max_attempts} runs in {facts.worker} since {_text(job.started_at)}"
    found = [Because(Reason.RUNNING, f"{running}; its lease is good until {_text(facts.lease_until)}.")]
    if job.cancel_requested_at is not None:
        found.insert(0, Because(Reason.STOP_REQUESTED, f"It was asked to stop at {_text(job.cancel_requested_at)}."))
        return _because(facts, found, "It stops at its next checkpoint, or ends before it sees the request.")
    return _because(facts, found, "It ends, or runs again elsewhere once its lease has run out.")


def _waiting(facts: Facts) -> Explanation:
    if facts.published_at is not None:
        sent = Because(
            Reason.SENT_TO_WORKERS, f"It was sent to the workers of `{facts.job.queue}` at {_text(facts.published_at)}."
        )
        following = "A worker takes it as soon as one is free; what gets lost is sent again."
        return _because(facts, [*_unserved(facts), sent], following)
    found = [*_in_the_way(facts), *_unserved(facts)]
    if facts.waiting_before or not found:
        found.append(Because(Reason.QUEUE_AHEAD, _ahead(facts)))
    return _because(facts, found, "Owners are served in turn; it is sent to a worker when its turn comes.")


def _ahead(facts: Facts) -> str:
    own = f"{facts.waiting_before:,}{' or more' if facts.waiting_before >= MOST_COUNTED else ''}"
    others = " Others have jobs there too; owners take turns." if facts.others_wait else ""
    return f"{own} of its owner's jobs wait in `{facts.job.queue}` before it.{others}"


def _in_the_way(facts: Facts) -> list[Because]:
    """What would keep the job from being sent even if it were its turn."""
    kind, limits, found = facts.job.kind, facts.limits, []
    if not facts.known:
        gone = f"This version has no kind `{kind}`, so no worker of it is sent the job."
        found.append(Because(Reason.KIND_UNKNOWN, f"{gone} Cancel it, or deploy a version that has the kind."))
    if facts.paused:
        found.append(Because(Reason.KIND_PAUSED, f"`{kind}` is paused; an administrator resumes it."))
    if limits.in_all is not None and (busy := facts.use.under_way) >= limits.in_all:
        found.append(Because(Reason.KIND_LIMIT, f"{busy} jobs of `{kind}` are under way, the most there may be."))
    if limits.rate is not None and facts.use.starts >= limits.rate.jobs:
        found.append(Because(Reason.RATE_LIMIT, _spent(f"`{kind}`", limits.rate, facts.use.opens_in)))
    if facts.limit_key is None:
        return found
    if limits.per_key is not None and (busy := facts.key_use.under_way) >= limits.per_key:
        found.append(Because(Reason.KEY_LIMIT, f"{busy} jobs of its key are under way, the most there may be."))
    if limits.rate_per_key is not None and facts.key_use.key_starts >= limits.rate_per_key.jobs:
        found.append(Because(Reason.KEY_RATE_LIMIT, _spent("its key", limits.rate_per_key, facts.key_use.key_opens_in)))
    return found


def _spent(whose: str, rate: Rate, opens_in: float | None) -> str:
    opens = "once those on their way have started"
    if opens_in is not None:
        opens = f"in {opens_in:,.0f} s" if opens_in >= 100 else f"in {opens_in:.3g} s"
    return f"Of {whose}, {rate.jobs} may start in {rate.seconds:g} s, and have; there is room again {opens}."


def _refused(facts: Facts) -> Because | None:
    """Whether the worker that was to take it did not know its kind."""
    error = msgspec.json.decode(bytes(facts.job.error), type=JobError | None)
    if error is None or error.code != KIND_UNKNOWN:
        return None
    return Because(Reason.KIND_UNKNOWN, f"{error.message} Until that one has been replaced, others may take it.")


def _unserved(facts: Facts) -> list[Because]:
    """Who is missing of those that bring a job to a worker; without the one before nothing is known of the next."""
    if since := _silence(facts, facts.scheduler_seen_at):
        return [Because(Reason.NO_SCHEDULER, f"No scheduler has looked at what waits {since}: nothing is sent.")]
    if facts.broker_away:
        return [Because(Reason.BROKER_AWAY, "The broker cannot be reached; jobs are sent once it is back.")]
    if since := _silence(facts, facts.worker_seen_at):
        return [Because(Reason.NO_WORKER, f"No worker has taken anything from `{facts.job.queue}` {since}.")]
    return []


def _silence(facts: Facts, seen: datetime | None) -> str:
    """Since when someone was not seen, in words; nothing when they were a moment ago."""
    if seen is None:
        return "so far"
    return f"since {_text(seen)}" if facts.now - seen > SILENT_AFTER else ""


def _because(facts: Facts, found: list[Because], following: str) -> Explanation:
    return Explanation(facts.job.status, [*found, *_start_bound(facts.job)], following)


def _start_bound(job: JobRecord) -> list[Because]:
    if job.start_by is None or job.attempt > 0 or job.status not in WAITING:
        return []
    return [Because(Reason.START_BY_AHEAD, f"It fails if it has not started by {_text(job.start_by)}.")]


def _expired(job: JobRecord) -> list[Because]:
    if job.start_by is None or job.attempt > 0 or job.status != JobStatus.FAILED:
        return []
    return [Because(Reason.EXPIRED, f"It had not started by {_text(job.start_by)}.")]


def _text(instant: datetime | None) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z") if instant else "an unknown time"
