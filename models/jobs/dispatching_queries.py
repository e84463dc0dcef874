"""The statements between a queue and the broker: what is due, who is next, what was sent, what was lost."""

MOST_LINES = 2_000  # looked at in one call
MOST_AT_A_GLANCE = 4  # of one owner

# What was for later, or waits for its next attempt, and is now due: the oldest `$1`. Whoever waits in a queue is due.
# Where there are more, also the first few of each owner behind `$2`, so that who has a hundred thousand for noon does
# not delay who has one for a second later. Owners are found by walking the index from one to the next.
BECOME_DUE = f"""
WITH RECURSIVE oldest AS MATERIALIZED (
    SELECT id FROM jobs WHERE status IN ('scheduled', 'retrying') AND run_at <= statement_timestamp()
    ORDER BY run_at LIMIT $1
    FOR UPDATE SKIP LOCKED
), rush AS MATERIALIZED (
    SELECT count(*) = $1 AS more FROM oldest
), owners AS (
    (SELECT owner, run_at FROM jobs
     WHERE status IN ('scheduled', 'retrying') AND owner > $2 AND (SELECT more FROM rush)
     ORDER BY owner, run_at LIMIT 1)
    UNION ALL
    SELECT next.* FROM owners CROSS JOIN LATERAL (
        SELECT jobs.owner, jobs.run_at FROM jobs
        WHERE status IN ('scheduled', 'retrying') AND jobs.owner > owners.owner
        ORDER BY jobs.owner, jobs.run_at LIMIT 1
    ) AS next
), found AS MATERIALIZED (
    SELECT * FROM owners LIMIT {MOST_LINES}
), waiting AS (
    SELECT owner FROM found WHERE run_at <= statement_timestamp()
), moved AS (
    UPDATE jobs SET status = 'queued'
    WHERE id IN (
        SELECT id FROM oldest
        UNION ALL
        SELECT first.id FROM waiting CROSS JOIN LATERAL (
            SELECT id FROM jobs
            WHERE status IN ('scheduled', 'retrying') AND owner = waiting.owner AND run_at <= statement_timestamp()
            ORDER BY run_at LIMIT (SELECT ceil(1.0 * $1::int / count(*)) FROM waiting)
            FOR UPDATE SKIP LOCKED
        ) AS first
    )
    RETURNING id
)
SELECT (SELECT count(*) FROM moved) AS jobs, (SELECT more FROM rush) AS more,
       coalesce((SELECT max(owner) FROM found HAVING count(*) = {MOST_LINES}), '') AS behind
"""

WAITING_QUEUES = """
SELECT queue, EXISTS (SELECT FROM jobs
                      WHERE jobs.queue = given.queue AND published_at IS NOT NULL AND status = 'queued') AS has_sent
FROM unnest($1::text[]) AS given (queue)
WHERE EXISTS (SELECT FROM jobs WHERE jobs.queue = given.queue AND published_at IS NULL AND status = 'queued')
"""

# One dispatcher per queue at a time, so that what it counts stays true until it commits.
TRY_DISPATCHING = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7215003)) AS mine"

PUBLISHED_COUNT = """
SELECT count(DISTINCT message_id) AS messages,
       count(*) FILTER (WHERE published_at < statement_timestamp() - $2::float8 * interval '1 second') AS overdue
FROM jobs WHERE queue = $1 AND status = 'queued' AND published_at IS NOT NULL
"""

PUBLISHED_BY_OWNER = """
SELECT owner, count(*) AS published FROM jobs
WHERE queue = $1 AND status = 'queued' AND published_at IS NOT NULL
GROUP BY owner
"""

# What is taken of the kinds `$2`, which have limits, with the seconds of their rates and of their keys' (0: none). One
# statement, because a job on its way to a worker becomes one that has started.
USAGE = """
SELECT kind, limit_key, sum(under_way)::int AS under_way,
       count(*) FILTER (WHERE opens_in > 0)::int AS starts, count(*) FILTER (WHERE key_opens_in > 0)::int AS key_starts,
       min(opens_in) FILTER (WHERE opens_in > 0 AND opens_in < 'infinity') AS opens_in,
       min(key_opens_in) FILTER (WHERE key_opens_in > 0 AND key_opens_in < 'infinity') AS key_opens_in
FROM (
    SELECT kind, limit_key, 1 AS under_way, 0::float8 AS opens_in, 0::float8 AS key_opens_in
    FROM jobs WHERE queue = $1 AND status = 'running' AND kind = ANY($2::text[])
    UNION ALL
    SELECT kind, limit_key, 1, 'infinity', 'infinity' FROM jobs
    WHERE queue = $1 AND status = 'queued' AND published_at IS NOT NULL AND kind = ANY($2::text[])
    UNION ALL
    SELECT kind, limit_key, 0, extract(epoch FROM at - statement_timestamp()) + seconds,
           extract(epoch FROM at - statement_timestamp()) + key_seconds
    FROM unnest($2::text[], $3::float8[], $4::float8[]) AS given (name, seconds, key_seconds)
    JOIN job_starts ON kind = name AND at > statement_timestamp() - greatest(seconds, key_seconds) * interval '1 second'
) AS used GROUP BY kind, limit_key
"""

# Starts that no window holds any more. Of a kind that this version gives no rate, another one may still count.
FORGET_STARTS = """
DELETE FROM job_starts WHERE id IN (
    SELECT id FROM job_starts LEFT JOIN unnest($1::text[], $2::float8[]) AS given (name, seconds) ON kind = name
    WHERE at < statement_timestamp() - coalesce(seconds, 86400) * interval '1 second' LIMIT $3
)
RETURNING id
"""

PAUSED = "SELECT kind FROM paused_kinds"

# The first few of every line, which is an owner's jobs of one kind and limit key. Lines are found by walking the index
# from one to the next, so a million jobs cost no more than ten, also when they may not go because their kind is
# paused, unknown to this version (`$5` are the known) or at its limit: no worker could do them, so none is looked at.
# Many lines give fewer each, about twice as many in all as there are places. The walk begins behind the line of owner
# `$6`, kind `$7` and key `$8`, and goes on with the next owner after `$9` lines of one; where it ended before the last
# line, a row without an id says behind which to go on.
CANDIDATES = f"""
WITH RECURSIVE lines AS (
    (SELECT owner, kind, coalesce(limit_key, '') AS key, 1 AS nth FROM jobs
     WHERE queue = $1 AND published_at IS NULL AND status = 'queued'
       AND (owner, kind, coalesce(limit_key, '')) > ($6, $7, $8)
     ORDER BY owner, kind, coalesce(limit_key, '') LIMIT 1)
    UNION ALL
    SELECT next.owner, next.kind, next.key, CASE WHEN next.owner = lines.owner THEN lines.nth + 1 ELSE 1 END
    FROM lines CROSS JOIN LATERAL (
        (SELECT jobs.owner, jobs.kind, coalesce(limit_key, '') AS key FROM jobs
         WHERE lines.nth < $9 AND queue = $1 AND published_at IS NULL AND status = 'queued'
           AND (jobs.owner, jobs.kind, coalesce(limit_key, '')) > (lines.owner, lines.kind, lines.key)
         ORDER BY jobs.owner, jobs.kind, coalesce(limit_key, '') LIMIT 1)
        UNION ALL
        (SELECT jobs.owner, jobs.kind, coalesce(limit_key, '') FROM jobs
         WHERE lines.nth >= $9 AND queue = $1 AND published_at IS NULL AND status = 'queued'
           AND jobs.owner > lines.owner
         ORDER BY jobs.owner, jobs.kind, coalesce(limit_key, '') LIMIT 1)
    ) AS next
), found AS MATERIALIZED (
    SELECT * FROM lines LIMIT {MOST_LINES}
), free AS (
    SELECT * FROM found
    WHERE kind <> ALL ($3::text[]) AND kind = ANY ($5::text[]) AND kind NOT IN (SELECT kind FROM paused_kinds)
      AND kind || ' ' || key <> ALL ($4::text[])
)
SELECT first.* FROM free CROSS JOIN LATERAL (
    SELECT id, kind, priority, run_at, owner, limit_key,
           coalesce(error->>'code' = 'LEASE_EXPIRED', false) AS orphaned FROM jobs
    WHERE queue = $1 AND jobs.owner = free.owner AND jobs.kind = free.kind AND coalesce(limit_key, '') = free.key
      AND published_at IS NULL AND status = 'queued'
    ORDER BY priority DESC, run_at, id
    LIMIT (SELECT greatest(ceil(2.0 * $2::int / count(*)), 1) FROM free)
) AS first
UNION ALL (
    SELECT NULL, kind, NULL, NULL, owner, key, NULL FROM found ORDER BY owner DESC, kind DESC, key DESC
    LIMIT (SELECT (count(*) = {MOST_LINES})::int FROM found)
)
"""

# One whose row is locked is just being changed by somebody. It may be sent all the same: who claims it sees.
PUBLISH = """
WITH free AS (
    SELECT jobs.id, given.message_id FROM jobs JOIN unnest($1::uuid[], $2::uuid[]) AS given (id, message_id)
        ON jobs.id = given.id
    WHERE status = 'queued' AND published_at IS NULL FOR UPDATE OF jobs SKIP LOCKED
)
UPDATE jobs SET published_at = clock_timestamp(), message_id = free.message_id
FROM free WHERE jobs.id = free.id
RETURNING jobs.id, set_config('synchronous_commit', 'off', true)
"""

UNPUBLISH = "UPDATE jobs SET published_at = NULL WHERE id = ANY($1::uuid[]) AND status = 'queued'"

UNPUBLISH_OVERDUE = """
UPDATE jobs SET published_at = NULL
WHERE id IN (
    SELECT id FROM jobs
    WHERE queue = $1 AND status = 'queued' AND published_at IS NOT NULL AND message_id IN (
        SELECT message_id FROM jobs
        WHERE queue = $1 AND status = 'queued' AND published_at < clock_timestamp() - $2::float8 * interval '1 second'
        GROUP BY message_id ORDER BY min(published_at) LIMIT $3)
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""

# The mean work of each kind among what has ended last.
RECENT_RUNS = """
SELECT kind, avg(work_seconds)::float8 AS seconds
FROM (
    SELECT kind, work_seconds FROM jobs
    WHERE finished_at > statement_timestamp() - interval '10 minutes'
    ORDER BY finished_at DESC LIMIT 500
) AS ended
WHERE work_seconds IS NOT NULL GROUP BY kind
"""
