"""Every statement over events."""

from models.jobs import queries as jobs

INSERT = """
INSERT INTO events (id, type, resource_type, resource_id, payload, actor, request_id)
SELECT id, $2, $3, resource_id, payload::jsonb, $6, $7
FROM unnest($1::uuid[], $4::uuid[], $5::text[]) AS given (id, resource_id, payload)
"""

# Closes attempts and says so, for jobs whose handlers have written nothing themselves: all of their ends in one
# statement. Those without an event's id (`$4`) are not announced.
CLOSE_SUCCEEDED = f"""
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                         $10::float8[])
        AS given (id, started_at, result, event_id, payload, owner, request_id, work_seconds)
), {jobs.CLOSE_SUCCEEDED}, announced AS (
    INSERT INTO events (id, type, resource_type, resource_id, payload, actor, request_id)
    SELECT event_id, $8, $9, given.id, payload::jsonb, owner, request_id
    FROM given JOIN closed ON closed.id = given.id WHERE event_id IS NOT NULL
)
SELECT id FROM closed
"""

# One publisher at a time, whoever it is: positions are then given in the order in which readers see them.
TRY_PUBLISHING = "SELECT pg_try_advisory_xact_lock(7215001) AS mine"

# The payload as text, because a driver that decodes it would change its numbers (149.90 to 149.9).
_COLUMNS = """events.id, type, resource_type, resource_id, payload::text AS payload, actor, request_id, occurred_at,
    events.position"""

PUBLISH = f"""
WITH new AS (
    SELECT id FROM events WHERE position IS NULL ORDER BY id LIMIT $1
), numbered AS (
    SELECT id, (SELECT coalesce(max(position), 0) FROM events) + row_number() OVER (ORDER BY id) AS position FROM new
)
UPDATE events SET position = numbered.position FROM numbered WHERE events.id = numbered.id
RETURNING {_COLUMNS}
"""

# Also from and to which position there are events, as of the same moment: in a row without an id where none is shown.
AFTER = f"""
SELECT * FROM (SELECT min(position) AS oldest, max(position) AS newest FROM events) AS bounds
LEFT JOIN LATERAL (
    SELECT {_COLUMNS} FROM events
    WHERE position > $1 AND ($3::text[] IS NULL OR type LIKE ANY ($3::text[]))
      AND resource_type <> ALL ($4::text[])
      AND ($5::text IS NULL OR actor = $5 OR resource_type NOT IN ('job', 'export'))
    ORDER BY position LIMIT $2
) AS event ON true ORDER BY position
"""
