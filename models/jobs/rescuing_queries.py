"""The statements that take jobs back: from workers that died, and from those that do not know their kind."""

# A lease that ran out: the worker died, or was paused for so long that it must not be believed any more.
# The job keeps its `run_at`, and with it its place before those that came due later: it has waited long enough.
RESCUE = """
WITH lost AS (
    SELECT id FROM jobs
    WHERE status = 'running' AND lease_until < statement_timestamp() AND ($2::uuid IS NULL OR id = $2)
    ORDER BY lease_until LIMIT 500
    FOR UPDATE SKIP LOCKED
), rescued AS (
    UPDATE jobs
    SET status = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
                      WHEN attempt >= max_attempts THEN 'failed' ELSE 'retrying' END,
        cancel_verdict = CASE WHEN cancel_requested_at IS NOT NULL THEN 'stopped' END,
        finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR attempt >= max_attempts THEN clock_timestamp() END,
        error = $1::text::jsonb, lease_until = NULL
    FROM lost WHERE jobs.id = lost.id
    RETURNING jobs.*
), logged AS (
    INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
    SELECT id, attempt, worker, started_at, clock_timestamp(), 'lost', $1::text::jsonb FROM rescued
)
SELECT rescued.*, pg_notify('bellwork_job', id::text) FROM rescued
"""

# One whose end cannot be written is left for a minute, so that it does not stand before others.
PUT_OFF = """
UPDATE jobs SET lease_until = clock_timestamp() + interval '1 minute'
WHERE id = $1 AND status = 'running' AND lease_until < statement_timestamp()
"""

# Back from a worker that does not know the kind, without having been an attempt. It is offered again at once, and each
# time later: within seconds while old workers and new ones stand side by side, and without a storm when all are old.
REFUSE = """
UPDATE jobs
SET status = 'retrying', published_at = NULL,
    run_at = clock_timestamp() + given.wait * interval '1 second',
    error = jsonb_build_object('code', 'KIND_UNKNOWN', 'message', $2::text, 'retryable', true,
                               'waitSeconds', given.wait)
FROM (SELECT id AS refused, CASE WHEN error->>'code' = 'KIND_UNKNOWN'
                                 THEN least(2 * (error->>'waitSeconds')::float8, 30) ELSE 1 END AS wait
      FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE) AS given
WHERE id = refused AND status = 'queued'
RETURNING kind
"""
