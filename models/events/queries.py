"""Every statement over events."""

from models.jobs import queries as jobs

INSERT = """
INSERT INTO events (id, type, resource_type, resource_id, payload, actor, request_id)
SELECT id, $2, $3, resource_id, payload::jsonb, $6, $7
FROM unnest($1::uuid[], $4::uuid[], $5::text[]) AS given (id, resource_id, payload)
"""

# Closes an attempt and says so, for a job whose handler has written nothing itself: all of its end in one statement.
CLOSE_ANNOUNCED = f"""
{jobs.CLOSING}, announced AS (
    INSERT INTO events (id, type, resource_type, resource_id, payload, actor, request_id)
    SELECT $8, $9, $10, id, $11::text::jsonb, $12, $13 FROM closed
)
{jobs.CLOSED}
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

AFTER = f"""
SELECT {_COLUMNS} FROM events
WHERE position > $1 AND ($3::text[] IS NULL OR type LIKE ANY ($3::text[]))
ORDER BY position LIMIT $2
"""
