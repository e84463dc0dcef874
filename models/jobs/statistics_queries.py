"""The statements that count: paces of kinds, queues, owners, and the histograms of what has ended."""

# State by state, in the words of the partial indexes: of what has ended, however much that is, nothing is read.
QUEUED = "(status = 'queued' AND published_at IS NULL OR status = 'queued' AND published_at IS NOT NULL)"

# Among a bounded number of rows: a million jobs that wait must not make it slow. The newest of a kind are asked for in
# the very order of their index: by `kind = $1 ORDER BY id` all jobs might be read backwards in search of a rare kind.
PACE = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - run_at)) AS wait,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)) AS run
FROM (
    SELECT run_at, started_at, finished_at FROM (
        SELECT * FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1000
    ) AS just_ended WHERE kind = $1 AND status = 'succeeded'
    UNION
    SELECT run_at, started_at, finished_at FROM (
        SELECT * FROM jobs WHERE (kind, id) <= ($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        ORDER BY kind DESC, id DESC LIMIT 1000
    ) AS newest WHERE kind = $1 AND status = 'succeeded'
    ORDER BY finished_at DESC LIMIT 200
) AS recent
"""

QUEUE_AHEAD = """
SELECT (SELECT count(*) FROM (SELECT FROM jobs WHERE queue = $1 AND published_at IS NULL AND status = 'queued'
                              LIMIT 100000) AS waiting)
           + (SELECT count(*) FROM jobs WHERE queue = $1 AND published_at IS NOT NULL AND status = 'queued') AS waiting,
       (SELECT count(*) FROM jobs WHERE queue = $1 AND status = 'running' AND lease_until IS NOT NULL) AS running,
       (SELECT coalesce(avg(work_seconds), 0)::float8 FROM (
            SELECT queue, work_seconds FROM jobs WHERE finished_at > statement_timestamp() - interval '10 minutes'
            ORDER BY finished_at DESC LIMIT 500) AS ended WHERE queue = $1) AS work_seconds
"""

# What is silent for an hour is gone.
LANES = """
SELECT queue, worker, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent_seconds
FROM lanes WHERE seen_at > statement_timestamp() - interval '1 hour' ORDER BY queue, seen_at DESC
"""

SCHEDULERS = """
SELECT scheduler, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent_seconds, broker_away
FROM schedulers_seen WHERE seen_at > statement_timestamp() - interval '1 hour' ORDER BY seen_at DESC
"""

# What no scheduler would send now is not late: jobs of kinds that are paused, unknown (`$1` are the known) or have
# limits (`$2`).
QUEUE_HEALTH = f"""
SELECT queue,
       coalesce(extract(epoch FROM clock_timestamp() - min(run_at)
           FILTER (WHERE status = 'queued' AND published_at IS NULL AND kind = ANY ($1::text[])
                     AND kind <> ALL ($2::text[]) AND kind NOT IN (SELECT kind FROM paused_kinds))), 0)::float8
           AS dispatch_lag,
       extract(epoch FROM clock_timestamp() - min(lease_until))::float8 AS lease_overdue
FROM jobs WHERE {QUEUED} OR status = 'running' GROUP BY queue
"""

OWNER_BACKLOG = """
SELECT owner, count(*) AS jobs FROM jobs WHERE status = 'queued' AND published_at IS NULL
GROUP BY owner ORDER BY jobs DESC LIMIT 20
"""

HISTOGRAMS = "SELECT kind, measure, bucket, jobs, seconds FROM job_histograms"

ATTEMPT_COUNTS = "SELECT kind, outcome, attempts FROM attempt_counts"

# Nothing while another scheduler is at it; the first call counts from there on.
TAKE_WINDOW = """
WITH mine AS MATERIALIZED (
    SELECT clock_timestamp() - interval '5 seconds' AS until WHERE pg_try_advisory_xact_lock(7215004)
), before AS (
    SELECT instant FROM counted_until WHERE id = 1
), moved AS (
    INSERT INTO counted_until (id, instant) SELECT 1, until FROM mine
    ON CONFLICT (id) DO UPDATE SET instant = excluded.instant
)
SELECT coalesce((SELECT instant FROM before), until) AS since, until FROM mine
"""

ADD_TO_HISTOGRAMS = """
INSERT INTO job_histograms (kind, measure, bucket, jobs, seconds)
SELECT kind, measure, width_bucket(greatest(seconds, 0), $3::float8[]), count(*), sum(greatest(seconds, 0))
FROM (
    SELECT kind, 'wait' AS measure, extract(epoch FROM started_at - run_at)::float8 AS seconds FROM jobs
    WHERE finished_at > $1 AND finished_at <= $2 AND started_at IS NOT NULL
    UNION ALL
    SELECT kind, 'run', extract(epoch FROM finished_at - started_at)::float8 FROM jobs
    WHERE finished_at > $1 AND finished_at <= $2 AND started_at IS NOT NULL
) AS ended
GROUP BY 1, 2, 3
ON CONFLICT (kind, measure, bucket) DO UPDATE
SET jobs = job_histograms.jobs + excluded.jobs, seconds = job_histograms.seconds + excluded.seconds
"""

ADD_TO_ATTEMPT_COUNTS = """
INSERT INTO attempt_counts (kind, outcome, attempts)
SELECT kind, outcome, count(*)
FROM job_attempts JOIN jobs ON jobs.id = job_attempts.job_id
WHERE job_attempts.finished_at > $1 AND job_attempts.finished_at <= $2
GROUP BY 1, 2
ON CONFLICT (kind, outcome) DO UPDATE SET attempts = attempt_counts.attempts + excluded.attempts
"""

COUNTS = f"""
SELECT queue, status, count(*) AS jobs,
       extract(epoch FROM clock_timestamp() - min(run_at))::float8 AS oldest_seconds
FROM jobs WHERE {QUEUED} OR status = 'running' OR status = 'scheduled' OR status = 'retrying'
GROUP BY queue, status
"""

# Of kinds that this version does not know (`$1` are those it does), or the worker that was to take the job did not.
OF_UNKNOWN_KINDS = f"""
SELECT kind, count(*) AS jobs
FROM jobs WHERE ({QUEUED} OR status = 'running' OR status = 'scheduled' OR status = 'retrying')
    AND (kind <> ALL ($1::text[]) OR status = 'retrying' AND error->>'code' = 'KIND_UNKNOWN')
GROUP BY kind
"""
