"""What an error in a handler means for its job: another attempt, or the end. A pure decision in one place."""

import errno

import msgspec

from models.jobs.lifecycle import Closing
from models.jobs.records import JobRecord
from models.jobs.rules import AttemptOutcome, JobError, JobStatus, RetryPolicy
from models.kernel.errors import DomainError, Unavailable
from models.kernel.session import is_away, is_from_database, is_serialization_failure, sqlstate
from models.kernel.storable import storable

MOST_POSTPONEMENTS = 1000
MESSAGE_CHARACTERS = 2000
SURPRISES = {"UNEXPECTED", "DATABASE_ERROR", "TIMEOUT"}
# SQLSTATEs that the same work meets again: data that do not fit, a NULL, a CHECK. Keys that are taken or missing may
# have changed by the next attempt, and so may tables and columns while a deploy is under way.
BAD_DATA = ("22", "23502", "23514")


class ProviderError(Exception):
    """A provider's answer that is not a success.

    `retryable` for 429, 5xx and timeouts; `retry_after` in seconds when the provider named a wait.
    """

    def __init__(self, code: str, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.error = JobError(code, message, retryable)
        self.retry_after = retry_after


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """How an attempt came out, for those who watch workers."""

    outcome: AttemptOutcome
    error: str | None
    seconds: float | None

    @classmethod
    def of(cls, closing: Closing) -> "Ended":
        error = f"{closing.error.code}: {closing.error.message}"[:500] if closing.error else None
        return cls(closing.outcome, error, closing.work_seconds)


class JobStopped(Exception):
    """A checkpoint saw that someone asked the job to stop."""


class JobPostponed(Exception):
    """The handler wants to go on some seconds later."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"postponed for {seconds:g} s")
        self.seconds = seconds


class JobInterrupted(Exception):
    """The worker ends before the handler is done."""


class ResultTooLarge(DomainError):
    """What a job leaves, which every look at it would have to carry."""

    code = "RESULT_TOO_LARGE"


def check_size(what: str, size: int, limit: int) -> None:
    """`size` and `limit` are in bytes. Raises ResultTooLarge."""
    if size > limit:
        raise ResultTooLarge(
            f"{what} has {size} bytes, and may have {limit}. Leave a file, and its name in the result."
        )


class LoopBlocked(Exception):
    """The handler computed on the loop, and PostgreSQL took its open transaction for that of a dead process."""


class TimeLimitExceeded(Exception):
    """The handler ran longer than its kind allows."""


def after_success(result: bytes, work_seconds: float) -> Closing:
    return Closing(
        status=JobStatus.SUCCEEDED, outcome=AttemptOutcome.SUCCEEDED, result=result, work_seconds=work_seconds
    )


def after_error(policy: RetryPolicy, job: JobRecord, error: BaseException, chance: float) -> Closing:
    """`chance`, uniform in [0, 1), is the jitter."""
    if isinstance(error, JobStopped):
        return Closing(status=JobStatus.CANCELLED, outcome=AttemptOutcome.STOPPED)
    if isinstance(error, JobPostponed) and job.uncounted_attempts < MOST_POSTPONEMENTS:
        return Closing(status=JobStatus.RETRYING, outcome=AttemptOutcome.POSTPONED, wait_seconds=error.seconds)
    described = _storable(describe(error))
    if isinstance(error, JobInterrupted) and job.uncounted_attempts < MOST_POSTPONEMENTS:
        return Closing(status=JobStatus.RETRYING, outcome=AttemptOutcome.INTERRUPTED, error=described)
    if not policy.retries(described) or job.attempt >= job.max_attempts:
        return Closing(status=JobStatus.FAILED, outcome=AttemptOutcome.FAILED, error=described)
    wait = policy.wait(job.attempts_counted, chance, getattr(error, "retry_after", None))
    return Closing(status=JobStatus.RETRYING, outcome=AttemptOutcome.RETRY, error=described, wait_seconds=wait)


def _storable(error: JobError) -> JobError:
    return JobError(error.code, storable(error.message)[:MESSAGE_CHARACTERS], error.retryable)


def is_a_surprise(closing: Closing) -> bool:
    """Whether the log should say where in the code it happened: not for what handlers and providers answer by name."""
    return closing.error is not None and closing.error.code in SURPRISES


def describe(error: BaseException) -> JobError:
    """An error as its owner may read it: no SQL, no stack (the log line with the job's id has them)."""
    if isinstance(error, ProviderError):
        return error.error
    if isinstance(error, DomainError):
        details = "; ".join(f"{fault.field} {fault.message}" for fault in error.errors)
        message = f"{error.detail} {details}".strip()
        return JobError(error.code, message, isinstance(error, Unavailable))
    if isinstance(error, JobPostponed):
        return JobError("POSTPONED_TOO_OFTEN", f"It was put off {MOST_POSTPONEMENTS} times.", retryable=False)
    if isinstance(error, JobInterrupted):
        return JobError("INTERRUPTED", "Its worker was told to end before it was done.", retryable=True)
    if isinstance(error, LoopBlocked):
        message = "It computed for long without awaiting anything, and its open transaction was ended meanwhile."
        return JobError("LOOP_BLOCKED", message, retryable=True)
    if isinstance(error, TimeLimitExceeded):
        return JobError("TIME_LIMIT_EXCEEDED", str(error), retryable=True)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return JobError("DISK_FULL", "There is no space left for the file; nothing was stored.", retryable=True)
    if is_serialization_failure(error):
        return JobError("SERIALIZATION_FAILURE", "Another transaction was in the way.", retryable=True)
    if is_away(error) and is_from_database(error):
        return JobError("SERVICE_UNAVAILABLE", "The database could not be reached.", retryable=True)
    if state := sqlstate(error):
        return JobError("DATABASE_ERROR", f"The database refused the work ({state}).", not state.startswith(BAD_DATA))
    if isinstance(error, TimeoutError):
        return JobError("TIMEOUT", "What it waited for did not answer in time.", retryable=True)
    return JobError("UNEXPECTED", f"{type(error).__name__}: {error}"[:500], retryable=True)
