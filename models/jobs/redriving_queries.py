"""The statements over failed jobs: what there is of them, and running them again.

`$1` kind, `$2` code of the error, `$3` and `$4` bounds of the end, `$5` owner, `$6` ids: a null matches everything.
"""

from models.jobs.queries import UNFINISHED, again
from models.jobs.rules import KIND_UNKNOWN


def _failed(job: str) -> str:
    """Jobs about jobs are retried one by one only."""
    return f"""{job}.status = 'failed' AND {job}.kind NOT LIKE 'jobs.%' AND ($1::text IS NULL OR {job}.kind = $1)
    AND ($2::text IS NULL OR {job}.error->>'code' = $2)
    AND ($3::timestamptz IS NULL OR {job}.finished_at >= $3) AND ($4::timestamptz IS NULL OR {job}.finished_at <= $4)
    AND ($5::text IS NULL OR {job}.owner = $5) AND ($6::uuid[] IS NULL OR {job}.id = ANY($6))"""


def _may_run(kinds: str) -> str:
    """`kinds` is the parameter with those that may be redriven. Of jobs with the same key only the one that failed
    last, and none beside an unfinished one. What has not started in time is wanted late only by who says so."""
    return f"""job.kind = ANY({kinds}::text[])
    AND NOT EXISTS (SELECT FROM paused_kinds WHERE paused_kinds.kind = job.kind)
    AND (job.error->>'code' IS DISTINCT FROM 'EXPIRED' OR $2::text = 'EXPIRED' OR $6::uuid[] IS NOT NULL)
    AND (job.dedupe_key IS NULL OR NOT EXISTS (
        SELECT FROM jobs AS twin WHERE twin.kind = job.kind AND twin.owner = job.owner
            AND twin.dedupe_key = job.dedupe_key AND twin.status IN {UNFINISHED}
    ) AND NOT EXISTS (
        SELECT FROM jobs AS newer WHERE newer.kind = job.kind AND newer.owner = job.owner
            AND newer.dedupe_key = job.dedupe_key
            AND (newer.finished_at, newer.id) > (job.finished_at, job.id) AND {_failed("newer")}))"""


GROUPS = f"""
SELECT kind, error->>'code' AS code, count(*) AS jobs, count(*) FILTER (WHERE NOT ({_may_run("$7")})) AS skipped,
       EXISTS (SELECT FROM paused_kinds WHERE paused_kinds.kind = job.kind) AS paused,
       max(error->>'message') AS example, min(finished_at) AS first_at, max(finished_at) AS last_at
FROM jobs AS job WHERE {_failed("job")} GROUP BY kind, error->>'code' ORDER BY jobs DESC LIMIT 100
"""

COUNT = f"""
SELECT count(*) AS jobs, count(*) FILTER (WHERE NOT ({_may_run("$7")})) AS skipped
FROM jobs AS job WHERE {_failed("job")}
"""

# The next `$9` after the one that ended at `$7` with the id `$8`.
_NEXT = f"""
    SELECT id, finished_at, parent_id FROM jobs AS job
    WHERE {_failed("job")} AND (finished_at, id) > ($7::timestamptz, $8::uuid)
    ORDER BY finished_at, id LIMIT $9
"""

# Batches are locked before their jobs, as by whoever retries one of them or all.
LOCK_PARENTS = f"""
SELECT id FROM jobs WHERE id IN (SELECT parent_id FROM ({_NEXT}) AS next) ORDER BY id FOR UPDATE
"""

# `$10` are kinds, `$11` the attempts that each gives, `$12` the redrive. A job that somebody else is changing just now
# is theirs.
RETRY_NEXT = f"""
WITH looked_at AS ({_NEXT}), chosen AS (
    SELECT job.id, given.attempts
    FROM jobs AS job JOIN looked_at ON looked_at.id = job.id
        JOIN unnest($10::text[], $11::smallint[]) AS given (kind, attempts) ON given.kind = job.kind
    WHERE job.status = 'failed' AND {_may_run("$10")}
    FOR UPDATE OF job SKIP LOCKED
), retried AS (
    UPDATE jobs SET {again()}, max_attempts = attempt + chosen.attempts, redrive_id = $12
    FROM chosen WHERE jobs.id = chosen.id
    RETURNING jobs.id
)
SELECT id, finished_at, (SELECT count(*) FROM looked_at) AS looked_at, (SELECT array_agg(id) FROM retried) AS retried
FROM looked_at ORDER BY finished_at DESC, id DESC LIMIT 1
"""

# One that broke again has failed, as far as the redrive can tell, although its kind may try it for days.
HOW_THEY_ARE = f"""
SELECT CASE WHEN status = 'retrying' AND error->>'code' <> '{KIND_UNKNOWN}' THEN 'failed' ELSE status END AS status,
       count(*) AS jobs
FROM jobs WHERE redrive_id = $1 GROUP BY 1
"""

PAUSED_AMONG = """
SELECT DISTINCT kind FROM jobs JOIN paused_kinds USING (kind)
WHERE redrive_id = $1 AND status IN ('scheduled', 'queued', 'retrying') ORDER BY kind
"""
