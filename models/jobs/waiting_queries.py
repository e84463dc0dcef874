"""What is done to jobs that wait: they expire, are moved in time, and give way to a later submit of their key."""

from models.jobs.queries import JOB, LATE
from models.jobs.rules import WAITING

_WAITING = "status IN (" + ", ".join(f"'{status}'" for status in WAITING) + ")"

LATE_ONES = f"SELECT id FROM jobs WHERE {LATE} AND {_WAITING} ORDER BY start_by LIMIT $1 FOR UPDATE SKIP LOCKED"

# `$2` the error.
EXPIRE = f"""
WITH expired AS (
    UPDATE jobs SET status = 'failed', error = $2::text::jsonb, finished_at = clock_timestamp(), published_at = NULL
    WHERE id = ANY($1::uuid[]) AND {LATE} AND {_WAITING}
    RETURNING {JOB}
)
SELECT *, pg_notify('bellwork_job', id::text) FROM expired
"""

# `$2` owner; a null is everybody.
LOCK = f"SELECT {JOB} FROM jobs WHERE id = $1 AND ($2::text IS NULL OR owner = $2) FOR UPDATE"

# `$2` whether it is moved, `$3` to when: now if that is null or past, and then it keeps the place it has if it is due.
# `$4` priority, unless null. `$5` whether `$6` is the new bound of its start. What was sent of a job that is put off is
# not found waiting by the worker, and so is nothing.
MOVE = f"""
WITH moved AS (
    UPDATE jobs
    SET status = CASE WHEN NOT $2::bool THEN status
                      WHEN $3::timestamptz > statement_timestamp()
                      THEN CASE status WHEN 'retrying' THEN 'retrying' ELSE 'scheduled' END
                      ELSE 'queued' END,
        run_at = CASE WHEN NOT $2 THEN run_at
                      WHEN $3 > statement_timestamp() THEN $3
                      ELSE least(run_at, statement_timestamp()) END,
        published_at = CASE WHEN $2 AND $3 > statement_timestamp() THEN NULL ELSE published_at END,
        priority = coalesce($4::smallint, priority),
        start_by = CASE WHEN $5::bool THEN $6::timestamptz ELSE start_by END
    WHERE id = $1 AND {_WAITING}
    RETURNING {JOB}
)
SELECT *, pg_notify('bellwork_job', id::text) FROM moved
"""

# All that a submit says, in the place of what waits under its kind, owner and key and has not started. What was sent of
# it was let go under its former limit key, and waits for its turn under the new one.
REPLACE = f"""
WITH replaced AS (
    UPDATE jobs
    SET status = CASE WHEN $4::timestamptz > statement_timestamp() THEN 'scheduled' ELSE 'queued' END,
        run_at = CASE WHEN $4 > statement_timestamp() THEN $4 ELSE least(run_at, statement_timestamp()) END,
        published_at = CASE WHEN $4 > statement_timestamp() OR limit_key IS DISTINCT FROM $6 THEN NULL
                            ELSE published_at END,
        payload = $5::text::jsonb, limit_key = $6, priority = $7, start_by = $8, tags = $9::text::text[],
        max_attempts = $10, callback_url = $11, request_id = $12, error = NULL
    WHERE kind = $1 AND owner = $2 AND dedupe_key = $3 AND attempt = 0 AND {_WAITING}
    RETURNING {JOB}
)
SELECT *, pg_notify('bellwork_job', id::text) FROM replaced
"""
