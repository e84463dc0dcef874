"""The statements that cancel many jobs.

`$1` kind, `$2` states, `$3` and `$4` bounds of the creation, `$5` owner, `$6` ids, `$7` parent, `$8` schedule,
`$9` tag, `$10` the instant before which they were created: a null matches everything.
"""

from models.jobs.queries import JOB, STOP

_NAMED = """($1::text IS NULL OR kind = $1)
    AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at <= $4)
    AND ($5::text IS NULL OR owner = $5) AND ($6::uuid[] IS NULL OR id = ANY($6))
    AND ($7::uuid IS NULL OR parent_id = $7) AND ($8::uuid IS NULL OR schedule_id = $8)
    AND ($9::text IS NULL OR tags && ARRAY[$9]) AND ($10::timestamptz IS NULL OR created_at < $10)"""

_TO_CANCEL = f"""status = ANY($2::text[]) AND cancel_requested_at IS NULL AND {_NAMED}"""

# Each arm has an index of its own, however many ended jobs there are.
_UNFINISHED = f"""(
    SELECT * FROM jobs WHERE status = 'queued' AND published_at IS NULL AND {_TO_CANCEL}
    UNION ALL SELECT * FROM jobs WHERE status = 'queued' AND published_at IS NOT NULL AND {_TO_CANCEL}
    UNION ALL SELECT * FROM jobs WHERE status IN ('scheduled', 'retrying') AND {_TO_CANCEL}
    UNION ALL SELECT * FROM jobs WHERE status = 'running' AND {_TO_CANCEL}
) AS unfinished"""

# With those that have ended among jobs named by their ids.
GROUPS = f"""
SELECT kind, status, count(*) AS jobs
FROM (SELECT kind, status FROM {_UNFINISHED}
      UNION ALL SELECT kind, status FROM jobs
      WHERE status IN ('succeeded', 'failed', 'cancelled') AND $6::uuid[] IS NOT NULL AND {_NAMED}) AS matching
GROUP BY kind, status ORDER BY jobs DESC, kind, status
"""

# The first `$11` that come, by no order, for that would take all of them.
SOME = f"SELECT id FROM {_UNFINISHED} LIMIT $11"

# Those of the ids `$11` that are still such. One that is locked is just being taken or closed by a worker: it is left
# for a later look, so that nobody who holds some of these waits for the others.
CANCEL = f"""
WITH target AS (
    SELECT id FROM jobs WHERE id = ANY($11::uuid[]) AND {_TO_CANCEL} ORDER BY id FOR UPDATE SKIP LOCKED
), cancelled AS (
    UPDATE jobs SET {STOP}
    FROM target WHERE jobs.id = target.id
    RETURNING jobs.*
)
SELECT {JOB} FROM cancelled ORDER BY id
"""
