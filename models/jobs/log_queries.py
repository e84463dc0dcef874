"""The statements over the lines of jobs' logs."""

# `$10` is when the attempt `$2` was claimed. `$3` are the lines' places in the attempt, `$4` their ages in seconds,
# `$8` how many a job may have; the one after them becomes `$9`. Sending a line again changes nothing. Like a claim, the
# lines need not be on disk at once.
#
# The lock keeps the next attempt from being claimed meanwhile: once its lines can be read, no earlier one adds any.
KEEP = """
WITH job AS (
    SELECT (SELECT coalesce(max(number), 0) FROM job_log_lines WHERE job_id = $1 AND attempt < $2) AS before
    FROM jobs WHERE id = $1 AND started_at = $10 AND status = 'running' FOR SHARE
), given AS (
    SELECT before + place AS number, statement_timestamp() - age * interval '1 second' AS at, level, message, fields
    FROM job, unnest($3::int[], $4::float8[], $5::text[], $6::text[], $7::text[])
        AS given (place, age, level, message, fields)
), kept AS (
    INSERT INTO job_log_lines (job_id, attempt, number, at, level, message, fields)
    SELECT $1, $2, number, at, CASE WHEN number > $8 THEN 'warning' ELSE level END,
           CASE WHEN number > $8 THEN $9 ELSE message END, CASE WHEN number > $8 THEN NULL ELSE fields::jsonb END
    FROM given WHERE number <= $8 + 1
    ON CONFLICT (job_id, number) DO NOTHING
    RETURNING job_id
)
SELECT pg_notify('bellwork_job', $1::text), set_config('synchronous_commit', 'off', true)
WHERE EXISTS (SELECT FROM kept)
"""

AFTER = """
SELECT number, attempt, at, level, message, fields::text AS fields FROM job_log_lines
WHERE job_id = $1 AND number > $2::int AND ($4::text[] IS NULL OR level = ANY ($4::text[]))
  AND ($5::int IS NULL OR attempt = $5)
ORDER BY number LIMIT $3
"""

COUNT = "SELECT count(*) AS lines FROM job_log_lines WHERE job_id = $1"
