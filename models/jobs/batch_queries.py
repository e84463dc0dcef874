"""The statements over batches: their counts, their ends, and what is done to all of their jobs at once.

Whoever brings a job of a batch back to life locks the batch (REOPEN) in the same transaction, and who ends or forgets a
batch skips one that is locked. So no batch ends, or is forgotten, over a job that lives again.
"""

from models.jobs.queries import JOB, STOP, UNFINISHED, again

# In a statement of its own, so that what is counted afterwards is seen as it is once the locks are held. With `$1` only
# those of which a job has ended within so many seconds.
LOCK_RUNNING = """
SELECT id FROM jobs AS batch
WHERE queue = 'default' AND kind = 'jobs.batch' AND status = 'running' AND ($1::float8 IS NULL OR id IN (
    SELECT parent_id FROM jobs AS child WHERE parent_id IS NOT NULL
        AND finished_at > statement_timestamp() - $1 * interval '1 second'))
ORDER BY id FOR UPDATE SKIP LOCKED
"""

# Progress of the batches, and the end of those whose last job has ended.
CLOSE = """
WITH counted AS (
    SELECT parent_id, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
           count(*) FILTER (WHERE status = 'cancelled' AND cancel_verdict = 'prevented') AS prevented, count(*) AS total
    FROM jobs WHERE parent_id = ANY($1::uuid[]) GROUP BY parent_id
), judged AS (
    SELECT *, succeeded + failed + cancelled AS done, succeeded + failed + cancelled = total AS ended FROM counted
), changed AS (
    UPDATE jobs
    SET progress_current = judged.done, progress_total = judged.total,
        status = CASE WHEN NOT judged.ended THEN 'running' WHEN judged.succeeded = judged.total THEN 'succeeded'
                      WHEN cancel_requested_at IS NOT NULL AND judged.cancelled > 0 THEN 'cancelled'
                      ELSE 'failed' END,
        cancel_verdict = CASE WHEN NOT judged.ended OR cancel_requested_at IS NULL THEN cancel_verdict
                              WHEN judged.prevented = judged.total THEN 'prevented'
                              WHEN judged.cancelled > 0 THEN 'stopped' ELSE 'too_late' END,
        finished_at = CASE WHEN judged.ended THEN clock_timestamp() END,
        result = CASE WHEN judged.ended THEN jsonb_build_object(
            'succeeded', judged.succeeded, 'failed', judged.failed, 'cancelled', judged.cancelled) END,
        error = CASE WHEN NOT judged.ended THEN NULL
                     WHEN judged.failed > 0 THEN jsonb_build_object('code', 'JOBS_FAILED',
                         'message', judged.failed || ' of ' || judged.total || ' jobs failed.', 'retryable', false)
                     WHEN judged.cancelled > 0 AND cancel_requested_at IS NULL THEN jsonb_build_object(
                         'code', 'JOBS_CANCELLED',
                         'message', judged.cancelled || ' of ' || judged.total || ' jobs were cancelled.',
                         'retryable', false) END
    FROM judged WHERE jobs.id = judged.parent_id AND (judged.ended OR progress_current IS DISTINCT FROM judged.done)
    RETURNING jobs.*
)
SELECT *, pg_notify('bellwork_job', id::text) FROM changed
"""

# Ended batches run again. It touches running ones too, because they could be about to end.
REOPEN = """
WITH locked AS (
    SELECT id FROM jobs WHERE id = ANY($1::uuid[]) AND kind = 'jobs.batch' ORDER BY id FOR UPDATE
)
UPDATE jobs
SET status = 'running', finished_at = NULL, result = NULL, error = NULL,
    cancel_requested_at = CASE WHEN status = 'running' THEN cancel_requested_at END,
    cancel_verdict = CASE WHEN status = 'running' THEN cancel_verdict END
FROM locked WHERE jobs.id = locked.id
RETURNING jobs.id, cancel_requested_at IS NOT NULL AS stopping
"""

PARENTS = "SELECT DISTINCT parent_id FROM jobs WHERE id = ANY($1::uuid[]) AND parent_id IS NOT NULL"

RECOUNT = f"""
UPDATE jobs SET progress_current = (
    SELECT count(*) FROM jobs AS child WHERE child.parent_id = jobs.id AND child.finished_at IS NOT NULL)
WHERE id = $1
RETURNING {JOB}
"""

# `$2` and `$3` are kinds and their attempts; jobs of others stay as they are.
RETRY_CHILDREN = f"""
WITH chosen AS (
    SELECT jobs.id, attempts
    FROM jobs JOIN unnest($2::text[], $3::smallint[]) AS given (kind, attempts) ON jobs.kind = given.kind
    WHERE parent_id = $1 AND status IN ('failed', 'cancelled') ORDER BY jobs.id FOR UPDATE OF jobs
)
UPDATE jobs SET {again("$4", "$5")}, max_attempts = attempt + attempts
FROM chosen WHERE jobs.id = chosen.id
RETURNING jobs.id
"""

KINDS_TO_RETRY = "SELECT DISTINCT kind FROM jobs WHERE parent_id = $1 AND status IN ('failed', 'cancelled')"

BEING_CANCELLED = f"""
SELECT id FROM jobs AS batch
WHERE queue = 'default' AND kind = 'jobs.batch' AND status = 'running' AND cancel_requested_at IS NOT NULL
  AND EXISTS (SELECT FROM jobs AS child WHERE child.parent_id = batch.id AND child.status IN {UNFINISHED}
              AND child.cancel_requested_at IS NULL)
"""

# Of a batch that was cancelled: what has not ended and was not asked to stop. Locked rows are just being taken or
# closed; they are found again, so that nobody who holds some of these waits for the others.
CANCEL_CHILDREN = f"""
WITH target AS (
    SELECT id FROM jobs
    WHERE parent_id = $1 AND status IN {UNFINISHED} AND cancel_requested_at IS NULL
    ORDER BY id FOR UPDATE SKIP LOCKED
), cancelled AS (
    UPDATE jobs SET {STOP}
    FROM target WHERE jobs.id = target.id
    RETURNING jobs.*
)
SELECT {JOB}, pg_notify('bellwork_job', id::text) FROM cancelled
"""

# `$1` days for what went well or was cancelled, `$2` days for what failed; `$3` at once, of ends since `$4`.
_OLD = """{0}.finished_at < statement_timestamp() - make_interval(
        days => CASE WHEN {0}.status = 'failed' THEN $2::int ELSE $1::int END)"""
_FORGET = """
WITH old AS (
    SELECT id, finished_at FROM jobs AS job
    WHERE finished_at >= $4 AND finished_at < statement_timestamp() - make_interval(days => least($1::int, $2::int))
      AND {0}
    ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM jobs USING old WHERE jobs.id = old.id
)
SELECT count(*) AS jobs, max(finished_at) AS until FROM old
"""

# Jobs of a batch stay with it: they are what it has counted.
PRUNE = _FORGET.format(f"{_OLD.format('job')} AND parent_id IS NULL AND kind <> 'jobs.batch'")

# With its jobs (their rows go by the foreign key), once the time of all of them is over.
PRUNE_BATCHES = _FORGET.format(f"""{_OLD.format("job")} AND kind = 'jobs.batch'
      AND NOT EXISTS (SELECT FROM jobs AS child WHERE child.parent_id = job.id AND ({_OLD.format("child")}) IS NOT TRUE)
""")
