"""Every statement over jobs. The hot ones are single statements with `$1` parameters, run on the pool or a session."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from models.jobs.tables import Job

UNFINISHED = "('scheduled', 'queued', 'running', 'retrying')"

INSERT = f"""
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, dedupe_key, request_id)
VALUES ($1, $2, $3, $4::text::jsonb, CASE WHEN $7::timestamptz > clock_timestamp() THEN 'scheduled' ELSE 'queued' END,
        $5, $6, coalesce($7, clock_timestamp()), $8, $9, $10)
ON CONFLICT (kind, dedupe_key) WHERE dedupe_key IS NOT NULL AND status IN {UNFINISHED} DO NOTHING
RETURNING *
"""

INSERT_MANY = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, request_id)
SELECT id, $2, $3, payload::jsonb, 'queued', $5, $6, clock_timestamp(), $7, $8
FROM unnest($1::uuid[], $4::text[]) AS given (id, payload)
"""

UNFINISHED_TWIN = f"SELECT * FROM jobs WHERE kind = $1 AND dedupe_key = $2 AND status IN {UNFINISHED}"

BY_ID = "SELECT * FROM jobs WHERE id = $1"

ATTEMPTS = "SELECT * FROM job_attempts WHERE job_id = $1 ORDER BY attempt"

# A claim is the only way into `running`. It raises the attempt, which fences everything the worker does afterwards.
CLAIM = """
WITH claimed AS (
    UPDATE jobs
    SET status = 'running', attempt = attempt + 1, lease_worker = $2,
        lease_until = clock_timestamp() + $3::float8 * interval '1 second', started_at = clock_timestamp(),
        published_at = NULL, progress_current = NULL, progress_total = NULL, progress_message = NULL
    WHERE id = ANY($1::uuid[]) AND status = 'queued'
    RETURNING *
), logged AS (
    INSERT INTO job_attempts (job_id, attempt, worker, started_at)
    SELECT id, attempt, $2, clock_timestamp() FROM claimed
)
SELECT * FROM claimed
"""

RENEW = """
UPDATE jobs SET lease_until = clock_timestamp() + $3::float8 * interval '1 second'
WHERE id = $1 AND attempt = $2 AND status = 'running'
RETURNING id
"""

REPORT_PROGRESS = """
WITH reported AS (
    UPDATE jobs SET progress_current = $3, progress_total = $4, progress_message = $5
    WHERE id = $1 AND attempt = $2 AND status = 'running'
    RETURNING id
)
SELECT pg_notify('bellwork_job', id::text) FROM reported
"""

# `$3` status, `$4` result, `$5` error, `$6` attempt outcome, `$7` seconds until the next attempt.
CLOSE = """
WITH closed AS (
    UPDATE jobs
    SET status = $3, result = $4::text::jsonb, error = $5::text::jsonb, lease_worker = NULL, lease_until = NULL,
        run_at = CASE WHEN $3 = 'retrying' THEN clock_timestamp() + $7::float8 * interval '1 second' ELSE run_at END,
        finished_at = CASE WHEN $3 = 'retrying' THEN NULL ELSE clock_timestamp() END
    WHERE id = $1 AND attempt = $2 AND status = 'running'
    RETURNING id, attempt
), logged AS (
    UPDATE job_attempts SET finished_at = clock_timestamp(), outcome = $6, error = $5::text::jsonb
    FROM closed
    WHERE job_attempts.job_id = closed.id AND job_attempts.attempt = closed.attempt
)
SELECT id, pg_notify('bellwork_job', id::text) FROM closed
"""

DUE_QUEUES = """
SELECT queue FROM unnest($1::text[]) AS given (queue)
WHERE EXISTS (
    SELECT FROM jobs
    WHERE jobs.queue = given.queue AND published_at IS NULL AND status IN ('queued', 'scheduled', 'retrying')
      AND run_at <= clock_timestamp()
)
"""

PUBLISHED_COUNT = """
SELECT count(*) AS published,
       count(*) FILTER (WHERE published_at < clock_timestamp() - $2::float8 * interval '1 second') AS overdue
FROM jobs WHERE queue = $1 AND status = 'queued' AND published_at IS NOT NULL
"""

PUBLISH = """
UPDATE jobs SET status = 'queued', published_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM jobs
    WHERE queue = $1 AND published_at IS NULL AND status IN ('queued', 'scheduled', 'retrying')
      AND run_at <= clock_timestamp()
    ORDER BY priority DESC, run_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING id, kind, priority, run_at
"""

UNPUBLISH = "UPDATE jobs SET published_at = NULL WHERE id = ANY($1::uuid[]) AND status = 'queued'"

UNPUBLISH_OVERDUE = """
UPDATE jobs SET published_at = NULL
WHERE id IN (
    SELECT id FROM jobs
    WHERE queue = $1 AND status = 'queued' AND published_at < clock_timestamp() - $2::float8 * interval '1 second'
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""

# A lease that ran out: the worker died, or was paused for so long that it must not be believed any more.
RESCUE = """
WITH lost AS (
    SELECT id FROM jobs
    WHERE status = 'running' AND lease_until < clock_timestamp()
    ORDER BY lease_until LIMIT 500
    FOR UPDATE SKIP LOCKED
), rescued AS (
    UPDATE jobs
    SET status = CASE WHEN attempt >= max_attempts THEN 'failed' ELSE 'retrying' END,
        finished_at = CASE WHEN attempt >= max_attempts THEN clock_timestamp() END,
        error = $1::text::jsonb, run_at = clock_timestamp(), lease_worker = NULL, lease_until = NULL
    FROM lost WHERE jobs.id = lost.id
    RETURNING jobs.*
), logged AS (
    UPDATE job_attempts SET finished_at = clock_timestamp(), outcome = 'lost', error = $1::text::jsonb
    FROM rescued
    WHERE job_attempts.job_id = rescued.id AND job_attempts.attempt = rescued.attempt
)
SELECT rescued.*, pg_notify('bellwork_job', id::text) FROM rescued
"""

COUNTS = """
SELECT queue, status, count(*) AS jobs,
       extract(epoch FROM clock_timestamp() - min(run_at))::float8 AS oldest_seconds
FROM jobs WHERE status IN ('scheduled', 'queued', 'running', 'retrying')
GROUP BY queue, status
"""


def jobs(filters: Mapping[str, Any], *, only_owner: str | None) -> Select[Job]:
    """`kind`, `status` and `owner` are exact, `from_` and `to` inclusive bounds of the creation."""
    statement = select(Job)
    for name in ("kind", "status", "owner"):
        if name in filters:
            statement = statement.where(getattr(Job, name) == filters[name])
    if only_owner is not None:
        statement = statement.where(Job.owner == only_owner)
    if "from_" in filters:
        statement = statement.where(Job.created_at >= filters["from_"])
    if "to" in filters:
        statement = statement.where(Job.created_at <= filters["to"])
    return statement
