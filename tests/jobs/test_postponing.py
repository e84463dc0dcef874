"""A handler may put its job off; that is no attempt, and nothing of it is done twice."""

import pytest

from models.jobs.records import JobRecord
from models.jobs.rules import AttemptOutcome, JobStatus, RetryPolicy
from models.kernel.session import Database
from tasks.outcomes import MOST_POSTPONEMENTS, JobPostponed, ProviderError, after_error
from tests.jobs.test_rules import job_at
from tests.support.client import ApiClient, eventually

POLICY = RetryPolicy(jitter=0)


def postponed_before(attempt: int, uncounted: int) -> JobRecord:
    from msgspec.structs import replace

    return replace(job_at(attempt, max_attempts=5 + uncounted), uncounted_attempts=uncounted)


def test_putting_off_is_no_failure_even_in_the_last_attempt() -> None:
    closing = after_error(POLICY, postponed_before(5, 0), JobPostponed(90.0), 0.0)
    assert (closing.status, closing.outcome) == (JobStatus.RETRYING, AttemptOutcome.POSTPONED)
    assert (closing.error, closing.wait_seconds) == (None, 90.0)


def test_the_wait_after_an_error_does_not_grow_with_what_was_put_off() -> None:
    error = ProviderError("PROVIDER_DOWN", "503", retryable=True)
    assert after_error(POLICY, postponed_before(40, 39), error, 0.0).wait_seconds == POLICY.wait(1, 0.0)


def test_nobody_puts_a_job_off_for_ever() -> None:
    closing = after_error(POLICY, postponed_before(1001, MOST_POSTPONEMENTS), JobPostponed(1.0), 0.0)
    assert closing.error is not None
    assert (closing.status, closing.error.code) == (JobStatus.FAILED, "POSTPONED_TOO_OFTEN")


@pytest.mark.usefixtures("workers")
async def test_a_job_put_off_runs_again_without_having_lost_an_attempt(client: ApiClient, database: Database) -> None:
    job = await client.submit("probe.postpone", {"times": 2, "seconds": 1.0}, maxAttempts=1)
    done = await client.finish(job["id"])
    assert (done["status"], done["attempt"], done["uncountedAttempts"]) == ("succeeded", 3, 2)
    attempts = await client.expect(200, "GET", f"/jobs/{job['id']}/attempts")
    assert [(each["outcome"], each["error"]) for each in attempts] == [
        ("postponed", None), ("postponed", None), ("succeeded", None),
    ]  # fmt: skip
    rows = await database.fetch("SELECT attempt, label FROM probe_effects ORDER BY attempt")
    assert [(row["attempt"], row["label"]) for row in rows] == [(1, "called"), (3, "written")]


@pytest.mark.usefixtures("workers")
async def test_a_job_put_off_says_until_when_and_can_be_cancelled(client: ApiClient) -> None:
    job = await client.submit("probe.postpone", {"times": 1, "seconds": 3600.0})

    async def put_off() -> bool:
        explanation = await client.expect(200, "GET", f"/jobs/{job['id']}/explain")
        return [because["reason"] for because in explanation["because"]] == ["postponed"]

    assert await eventually(put_off)
    answer = await client.expect(200, "POST", f"/jobs/{job['id']}/cancel")
    assert (answer["verdict"], answer["afterStep"]) == ("prevented", "called")
