"""The statements of a job's life, and over many jobs. The hot ones are single, with `$1` parameters."""

from models.jobs.records import JSON_COLUMNS, JobRecord
from models.jobs.rules import MOST_COUNTED

# JSON as its text: what reads it through a session gives the very same bytes.
JOB = ", ".join(f"{name}::text" if name in JSON_COLUMNS else name for name in JobRecord.__struct_fields__)
# One that has not started by then is not started any more.
LATE = "attempt = 0 AND start_by <= statement_timestamp()"
UNFINISHED = "('scheduled', 'queued', 'running', 'retrying')"

# One row per element of the arrays. A row whose dedupe key is taken by an unfinished job is left out. What was
# due in the past is due now: nothing waits before it is asked for, and nobody takes the place of those before them.
INSERT = f"""
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, dedupe_key, request_id,
                  limit_key, schedule_id, fire_at, callback_url, start_by, tags)
SELECT id, kind, queue, payload::jsonb, CASE WHEN run_at > clock_timestamp() THEN 'scheduled' ELSE 'queued' END,
       priority, owner, greatest(run_at, clock_timestamp()), max_attempts, dedupe_key, request_id, limit_key,
       schedule_id, fire_at, callback_url, start_by, tags::text[]
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::timestamptz[],
            $8::smallint[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::timestamptz[], $14::text[],
            $15::timestamptz[], $16::text[])
     AS given (id, kind, queue, payload, priority, owner, run_at, max_attempts, dedupe_key, request_id, limit_key,
               schedule_id, fire_at, callback_url, start_by, tags)
ON CONFLICT (kind, owner, dedupe_key) WHERE dedupe_key IS NOT NULL AND status IN {UNFINISHED} DO NOTHING
RETURNING {JOB}
"""

INSERT_MANY = """
INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, request_id, limit_key)
SELECT id, $2, $3, payload::jsonb, 'queued', $5, $6, clock_timestamp(), $7, $8, limit_key
FROM unnest($1::uuid[], $4::text[], $9::text[]) AS given (id, payload, limit_key)
"""

# The parent is `running` without a worker: it ends with its children.
INSERT_BATCH = """
WITH parent AS (
    INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, request_id,
                      started_at, progress_current, progress_total, callback_url, tags)
    VALUES ($1, 'jobs.batch', 'default', jsonb_build_object('jobs', cardinality($4::uuid[])), 'running', $2, $3,
            clock_timestamp(), 1, $10, clock_timestamp(), 0, cardinality($4::uuid[]), $11, $14::text::text[])
    RETURNING *
), children AS (
    INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, request_id, limit_key,
                      parent_id, start_by, tags)
    SELECT id, kind, queue, payload::jsonb,
           CASE WHEN run_at > clock_timestamp() THEN 'scheduled' ELSE 'queued' END, priority, $3,
           greatest(run_at, clock_timestamp()), max_attempts, $10, limit_key, $1, start_by,
           tags::text[]
    FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::smallint[], $9::timestamptz[], $12::smallint[],
                $13::text[], $15::timestamptz[], $16::text[])
         AS given (id, kind, queue, payload, priority, run_at, max_attempts, limit_key, start_by, tags)
)
SELECT * FROM parent
"""

EXPLAIN = f"""
SELECT jobs.*, clock_timestamp() AS now,
       EXISTS (SELECT FROM paused_kinds WHERE paused_kinds.kind = jobs.kind) AS paused,
       (SELECT count(*) FROM (SELECT FROM jobs AS other WHERE other.queue = jobs.queue AND other.owner = jobs.owner
            AND other.status = 'queued' AND other.published_at IS NULL
            AND (other.priority, jobs.run_at) > (jobs.priority, other.run_at)
            LIMIT {MOST_COUNTED}) AS before) AS waiting_before,
       EXISTS (SELECT FROM jobs AS other WHERE other.queue = jobs.queue AND other.owner <> jobs.owner
            AND other.status = 'queued' AND other.published_at IS NULL) AS others_wait,
       (SELECT max(at) FROM (
            SELECT seen_at AS at FROM lanes WHERE lanes.queue = jobs.queue
            UNION ALL SELECT started_at FROM jobs AS other WHERE other.queue = jobs.queue AND other.status = 'running'
            UNION ALL SELECT started_at FROM jobs AS other WHERE other.queue = jobs.queue
                AND other.finished_at > statement_timestamp() - interval '1 minute') AS signs) AS worker_seen_at,
       (SELECT max(seen_at) FROM schedulers_seen) AS scheduler_seen_at,
       (SELECT bool_and(broker_away) FROM schedulers_seen
        WHERE seen_at > statement_timestamp() - interval '1 minute') IS TRUE AS broker_away,
       (SELECT count(*) FROM jobs AS child WHERE child.parent_id = jobs.id AND child.status IN {UNFINISHED})
           AS children_unfinished
FROM jobs WHERE id = $1
"""

PAUSE = "INSERT INTO paused_kinds (kind, paused_by) VALUES ($1, $2) ON CONFLICT (kind) DO NOTHING"

PAUSES = "SELECT kind, paused_by, paused_at FROM paused_kinds"

RESUME = "DELETE FROM paused_kinds WHERE kind = $1"


UNFINISHED_TWIN = f"""
SELECT {JOB} FROM jobs WHERE kind = $1 AND owner = $2 AND dedupe_key = $3 AND status IN {UNFINISHED}
"""

BY_IDS = f"SELECT {JOB} FROM jobs WHERE id = ANY($1::uuid[])"

# The log has attempts that ended; of the one that runs the job itself knows.
ATTEMPTS = """
SELECT attempt, worker, started_at, finished_at, outcome, error FROM job_attempts WHERE job_id = $1
UNION ALL
SELECT attempt, worker, started_at, NULL, NULL, NULL FROM jobs WHERE id = $1 AND lease_until IS NOT NULL
ORDER BY attempt
"""

# A claim is the only way into `running`. The instant at which it was made fences everything the worker does afterwards;
# the attempt's number would not: a claim need not be on disk before the work begins, and should PostgreSQL crash and
# forget it, the next claim is made with the same number. Marks of what was sent, and lease renewals, are not waited for
# either.
CLAIM = f"""
UPDATE jobs
SET status = 'running', attempt = attempt + 1, worker = $2,
    lease_until = clock_timestamp() + $3::float8 * interval '1 second', started_at = clock_timestamp(),
    published_at = NULL, progress_current = NULL, progress_total = NULL, progress_message = NULL
WHERE id = ANY($1::uuid[]) AND status = 'queued' AND ({LATE}) IS NOT TRUE
RETURNING *, set_config('synchronous_commit', 'off', true)
"""

# The same for a kind that has limits. Its jobs run only while they are let onto the broker, because that is what is
# counted: one that was taken back, and whose message comes after all, waits for its turn. `$4`: count the starts, too.
CLAIM_LIMITED = f"""
WITH claimed AS (
    {CLAIM.replace("WHERE", "WHERE published_at IS NOT NULL AND", 1)}
), counted AS (
    INSERT INTO job_starts (kind, limit_key, at) SELECT kind, limit_key, started_at FROM claimed WHERE $4::bool
)
SELECT * FROM claimed
"""

# One whose row is locked, because it is just ending, is left for the next time.
RENEW = """
WITH held AS (
    SELECT jobs.id FROM jobs JOIN unnest($1::uuid[], $2::timestamptz[]) AS given (id, started_at)
        ON jobs.id = given.id AND jobs.started_at = given.started_at
    WHERE status = 'running' FOR UPDATE OF jobs SKIP LOCKED
)
UPDATE jobs SET lease_until = clock_timestamp() + $3::float8 * interval '1 second'
FROM held WHERE jobs.id = held.id
RETURNING jobs.id, set_config('synchronous_commit', 'off', true)
"""

PEEK = """
SELECT jobs.id, cancel_requested_at IS NOT NULL AS stop_requested
FROM jobs JOIN unnest($1::uuid[], $2::timestamptz[]) AS given (id, started_at)
    ON jobs.id = given.id AND jobs.started_at = given.started_at
WHERE status = 'running'
"""

KEEP_RECEIPT = """
WITH kept AS (
    UPDATE jobs
    SET steps = coalesce(steps, '[]') || jsonb_build_array(
        jsonb_build_object('name', $3::text, 'receipt', $4::text::jsonb, 'doneAt', clock_timestamp()))
    WHERE id = $1 AND started_at = $2 AND status = 'running'
    RETURNING id
)
SELECT id, pg_notify('bellwork_job', id::text) FROM kept
"""

KEEP_STATE = """
UPDATE jobs SET state = $3::text::jsonb WHERE id = $1 AND started_at = $2 AND status = 'running' RETURNING id
"""


def again(run_at: str = "NULL", from_start: str = "false") -> str:
    """What a retry makes of an ended job; the log of its attempts stays. Parameters: when, and whether to forget what
    was done."""
    return f"""
    status = CASE WHEN {run_at}::timestamptz > statement_timestamp() THEN 'scheduled' ELSE 'queued' END,
    run_at = greatest({run_at}::timestamptz, statement_timestamp()),
    steps = CASE WHEN {from_start}::bool THEN NULL ELSE steps END,
    state = CASE WHEN {from_start}::bool THEN NULL ELSE state END,
    finished_at = NULL, error = NULL, cancel_requested_at = NULL, cancel_verdict = NULL, published_at = NULL,
    start_by = NULL, attempts_before = attempt - uncounted_attempts"""


# `$2` further attempts.
RETRY = f"""
UPDATE jobs SET {again("$3", "$4")}, max_attempts = attempt + $2
WHERE id = $1 AND status IN ('failed', 'cancelled')
RETURNING *
"""

# A job that has not run is cancelled at once; one that runs is asked to stop, and says itself what came of it. It goes
# by the row's own columns, never by what a lock gave beside it: PostgreSQL checks constraints also on what becomes of
# the row as the statement first saw it, before it finds that a worker has changed it meanwhile.
STOP = """cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
        status = CASE jobs.status WHEN 'running' THEN 'running' ELSE 'cancelled' END,
        cancel_verdict = CASE WHEN jobs.status <> 'running' THEN 'prevented' END,
        finished_at = CASE WHEN jobs.status <> 'running' THEN clock_timestamp() END,
        published_at = NULL"""

CANCEL = f"""
WITH cancelled AS (
    UPDATE jobs SET {STOP}
    WHERE id = $1 AND status IN {UNFINISHED}
    RETURNING *
)
SELECT *, pg_notify('bellwork_job', id::text) FROM cancelled
"""

REPORT_PROGRESS = """
WITH reported AS (
    UPDATE jobs SET progress_current = $3, progress_total = $4, progress_message = $5
    WHERE id = $1 AND started_at = $2 AND status = 'running'
    RETURNING id
)
SELECT pg_notify('bellwork_job', id::text), set_config('synchronous_commit', 'off', true) FROM reported
"""

# It tells nobody: notices in a transaction would make it wait for all others that have some, so they come after it.
# `$3` status, `$4` result, `$5` error, `$6` attempt outcome, `$7` seconds until the next attempt, `$8` seconds of work,
# `$9` 1 for an attempt that is not counted.
# An attempt that broke while a cancel was asked for is the last one.
CLOSE = """
WITH closed AS (
    UPDATE jobs
    SET status = CASE WHEN $3 = 'retrying' AND cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE $3 END,
        cancel_verdict = CASE WHEN cancel_requested_at IS NULL THEN NULL
                              WHEN $3 IN ('cancelled', 'retrying') THEN 'stopped' ELSE 'too_late' END,
        result = $4::text::jsonb, error = $5::text::jsonb, work_seconds = $8, lease_until = NULL,
        run_at = CASE WHEN $3 = 'retrying' THEN clock_timestamp() + $7::float8 * interval '1 second' ELSE run_at END,
        max_attempts = max_attempts + $9::int, uncounted_attempts = uncounted_attempts + $9::int,
        finished_at = CASE WHEN $3 = 'retrying' AND cancel_requested_at IS NULL THEN NULL ELSE clock_timestamp() END
    WHERE id = $1 AND started_at = $2 AND status = 'running'
    RETURNING id, attempt, worker, started_at, status
), logged AS (
    INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)
    SELECT id, attempt, worker, started_at, clock_timestamp(), $6, $5::text::jsonb FROM closed
)
SELECT status FROM closed
"""

# The same for any number of attempts that succeeded, out of `given`.
CLOSE_SUCCEEDED = """
closed AS (
    UPDATE jobs
    SET status = 'succeeded', cancel_verdict = CASE WHEN cancel_requested_at IS NOT NULL THEN 'too_late' END,
        result = given.result::jsonb, error = NULL, work_seconds = given.work_seconds,
        lease_until = NULL, finished_at = clock_timestamp()
    FROM given WHERE jobs.id = given.id AND jobs.started_at = given.started_at AND status = 'running'
    RETURNING jobs.id, jobs.attempt, worker, jobs.started_at, finished_at
), logged AS (
    INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome)
    SELECT id, attempt, worker, started_at, finished_at, 'succeeded' FROM closed
)"""
