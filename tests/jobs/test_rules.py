"""The policies of jobs, as tables."""

import errno
import re

import asyncpg
import msgspec
import pytest
import sqlalchemy.exc

from models.jobs.lifecycle import Closing
from models.jobs.records import JobRecord
from models.jobs.rules import (
    DEFAULT_RETRY,
    FINISHED,
    TRANSITIONS,
    UNFINISHED,
    AttemptOutcome,
    Happening,
    JobStatus,
    RetryPolicy,
)
from models.kernel.clock import utc_now
from models.kernel.errors import Invalid, NotFound, Unavailable
from models.kernel.ids import new_id
from models.kernel.session import Unreachable
from tasks.outcomes import ProviderError, TimeLimitExceeded, after_error
from tests.support.servers import REPOSITORY

SCHEDULE = RetryPolicy(schedule=(5, 60, 300), jitter=0.5)


def job_at(attempt: int, max_attempts: int = 5) -> JobRecord:
    fields = dict.fromkeys(JobRecord.__struct_fields__) | {"uncounted_attempts": 0, "attempts_before": 0}
    now = utc_now()
    return JobRecord(**{**fields, "id": new_id(), "attempt": attempt, "max_attempts": max_attempts, "run_at": now})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "attempt", "chance", "retry_after", "seconds"),
    [
        pytest.param(RetryPolicy(jitter=0), 1, 0.9, None, 2, id="first wait"),
        pytest.param(RetryPolicy(jitter=0), 4, 0.9, None, 16, id="doubles"),
        pytest.param(RetryPolicy(jitter=0), 40, 0.9, None, 3600, id="capped"),
        pytest.param(RetryPolicy(jitter=0), 30_000, 0, None, 3600, id="however many"),
        pytest.param(RetryPolicy(jitter=0.2), 1, 0.5, None, 2.2, id="jitter only adds"),
        pytest.param(SCHEDULE, 1, 0, None, 5, id="schedule"),
        pytest.param(SCHEDULE, 3, 0.5, None, 375, id="schedule with jitter"),
        pytest.param(SCHEDULE, 9, 0, None, 300, id="the last entry repeats"),
        pytest.param(SCHEDULE, 1, 0, 30, 30, id="Retry-After lengthens"),
        pytest.param(SCHEDULE, 3, 0, 30, 300, id="Retry-After never shortens"),
        pytest.param(SCHEDULE, 1, 0, 10**9, 86_400, id="Retry-After is believed for a day"),
    ],
)
def test_the_wait_before_the_next_attempt(
    policy: RetryPolicy, attempt: int, chance: float, retry_after: float | None, seconds: float
) -> None:
    assert policy.wait(attempt, chance, retry_after) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("error", "code", "retried"),
    [
        (ProviderError("RATE_LIMITED", "429", retryable=True), "RATE_LIMITED", True),
        (ProviderError("INVALID_ADDRESS", "422", retryable=False), "INVALID_ADDRESS", False),
        (NotFound("There is no cycle."), "NOT_FOUND", False),
        (Invalid.field("payload.x", "is required"), "VALIDATION_ERROR", False),
        (Unavailable("The store is away."), "SERVICE_UNAVAILABLE", True),
        (Unreachable(111, "refused"), "SERVICE_UNAVAILABLE", True),
        (asyncpg.ConnectionDoesNotExistError(), "SERVICE_UNAVAILABLE", True),
        (sqlalchemy.exc.TimeoutError(), "SERVICE_UNAVAILABLE", True),
        (ConnectionRefusedError(), "UNEXPECTED", True),
        (FileNotFoundError(errno.ENOENT, "no such file"), "UNEXPECTED", True),
        (TimeoutError(), "TIMEOUT", True),
        (asyncpg.DeadlockDetectedError(), "SERIALIZATION_FAILURE", True),
        (asyncpg.SerializationError(), "SERIALIZATION_FAILURE", True),
        (asyncpg.UniqueViolationError(), "DATABASE_ERROR", True),
        (asyncpg.UndefinedTableError(), "DATABASE_ERROR", True),
        (asyncpg.CheckViolationError(), "DATABASE_ERROR", False),
        (asyncpg.DataError(), "DATABASE_ERROR", False),
        (OSError(errno.ENOSPC, "no space"), "DISK_FULL", True),
        (TimeLimitExceeded("The attempt took longer than 1 s."), "TIME_LIMIT_EXCEEDED", True),
        (ZeroDivisionError("division by zero"), "UNEXPECTED", True),
    ],
)
def test_what_an_error_means_for_the_job(error: Exception, code: str, retried: bool) -> None:
    closing = after_error(DEFAULT_RETRY, job_at(1), error, 0.0)
    assert closing.error is not None
    assert closing.error.code == code
    assert closing.status == (JobStatus.RETRYING if retried else JobStatus.FAILED)


@pytest.mark.parametrize(
    ("policy", "code", "retried"),
    [
        (RetryPolicy(final=("DISK_FULL",)), "DISK_FULL", False),
        (RetryPolicy(final=("DISK_FULL",)), "TIMEOUT", True),
        (RetryPolicy(only=("SERIALIZATION_FAILURE",)), "TIMEOUT", False),
        (RetryPolicy(only=("SERIALIZATION_FAILURE",)), "SERIALIZATION_FAILURE", True),
    ],
)
def test_a_kind_says_which_errors_are_worth_another_attempt(policy: RetryPolicy, code: str, retried: bool) -> None:
    error = ProviderError(code, "It broke.", retryable=True)
    assert (after_error(policy, job_at(1), error, 0.0).status == JobStatus.RETRYING) is retried
    final = ProviderError(code, "It is broken.", retryable=False)
    assert after_error(policy, job_at(1), final, 0.0).status == JobStatus.FAILED


def test_a_retry_waits_as_if_the_job_were_new() -> None:
    broken = msgspec.structs.replace(job_at(7, max_attempts=11), attempts_before=5, uncounted_attempts=1)
    assert after_error(RetryPolicy(jitter=0), broken, Unavailable("away"), 0.0).wait_seconds == 2


@pytest.mark.parametrize("text", ["with a \0 in it", "half a \ud800 pair"])
def test_an_error_that_cannot_be_stored_is_told_all_the_same(text: str) -> None:
    closing = after_error(DEFAULT_RETRY, job_at(1), ProviderError("E", text * 1000, retryable=True), 0.0)
    assert closing.error is not None
    assert "\0" not in closing.error.message
    assert len(closing.error.message.encode()) <= 8000


def test_the_last_attempt_fails_whatever_the_error() -> None:
    closing = after_error(DEFAULT_RETRY, job_at(5, max_attempts=5), ConnectionResetError(), 0.0)
    assert (closing.status, closing.outcome) == (JobStatus.FAILED, AttemptOutcome.FAILED)


def test_no_sql_reaches_the_owner() -> None:
    error = asyncpg.UndefinedColumnError("column secret of relation users does not exist")
    closing: Closing = after_error(DEFAULT_RETRY, job_at(1), error, 0.0)
    assert closing.error is not None
    assert "secret" not in closing.error.message


def test_only_a_retry_leads_out_of_a_finished_state() -> None:
    retries = (Happening.RETRIED, Happening.RETRIED_LATER)
    assert {status for status, happening in TRANSITIONS if happening not in retries} <= set(UNFINISHED)
    assert set(UNFINISHED) | set(FINISHED) == set(JobStatus)


def test_every_state_can_be_reached_and_left() -> None:
    entered = set(TRANSITIONS.values()) | {JobStatus.SCHEDULED, JobStatus.QUEUED}
    assert entered == set(JobStatus)
    assert {status for status, _ in TRANSITIONS} == set(JobStatus) - {JobStatus.SUCCEEDED}
    assert {happening for _, happening in TRANSITIONS} == set(Happening)


def test_the_states_are_drawn_as_they_are() -> None:
    drawing = (REPOSITORY / "docs/jobs.md").read_text().partition("stateDiagram-v2")[2].partition("```")[0]
    drawn = set(re.findall(r"^ +(\w+) --> (\w+):", drawing, re.M))
    assert drawn == {(before.value, after.value) for (before, _), after in TRANSITIONS.items()}
