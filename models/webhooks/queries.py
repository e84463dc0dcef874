"""Every statement over webhooks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from models.webhooks.tables import WebhookDelivery, WebhookEndpoint

# The oldest `$2` events that are older than `$1` days, with their deliveries and attempts (their rows go by the foreign
# keys) of which there may be `$3`. In the order of their positions, so that there are no gaps among those that stay: up
# to the first that is still to be delivered by a job. The last one stays, because positions are counted on from it.
FORGET_EVENTS = """
WITH oldest AS MATERIALIZED (
    SELECT id, position, occurred_at FROM events
    WHERE position < (SELECT max(position) FROM events) ORDER BY position LIMIT $2
), old AS (
    SELECT id, position, bool_and(occurred_at < statement_timestamp() - make_interval(days => $1)) OVER so_far AS is_old
    FROM oldest WINDOW so_far AS (ORDER BY position)
), judged AS (
    SELECT old.id, bool_and(NOT is_open) OVER so_far AS may_go, sum(deliveries) OVER so_far - deliveries AS before
    FROM old CROSS JOIN LATERAL (
        SELECT count(*) AS deliveries, coalesce(bool_or(status = 'pending' AND EXISTS (
            SELECT FROM jobs WHERE jobs.id = delivery.job_id AND finished_at IS NULL)), false) AS is_open
        FROM webhook_deliveries AS delivery WHERE event_id = old.id
    ) AS delivered
    WHERE is_old WINDOW so_far AS (ORDER BY position)
), forgotten AS (
    DELETE FROM events USING judged WHERE events.id = judged.id AND may_go AND before < $3 RETURNING events.id
)
SELECT count(*) AS events FROM forgotten
"""

COUNT_ACTIVE = "SELECT count(*) AS endpoints FROM webhook_endpoints WHERE is_active AND deleted_at IS NULL"

# A glob has letters, digits, `_`, `.` and `*` alone (the input is checked), so two replacements make it a LIKE pattern.
# Types are matched first, because there are few of them, however many events.
MATCH = r"""
WITH new AS (
    SELECT id, type, payload, position FROM events WHERE id = ANY($1::uuid[]) AND type <> $2
), wanted AS (
    SELECT types.type, endpoint.id AS endpoint_id, endpoint.payload_filter
    FROM (SELECT DISTINCT type FROM new) AS types
    JOIN webhook_endpoints AS endpoint ON endpoint.is_active AND endpoint.deleted_at IS NULL
        AND EXISTS (
            SELECT FROM unnest(endpoint.event_types) AS glob
            WHERE types.type LIKE replace(replace(glob, '_', '\_'), '*', '%')
        )
)
SELECT new.id AS event_id, new.type AS event_type, wanted.endpoint_id,
       row_number() OVER (PARTITION BY wanted.endpoint_id ORDER BY new.position) AS nth
FROM new JOIN wanted ON wanted.type = new.type AND new.payload @> wanted.payload_filter
ORDER BY new.position, wanted.endpoint_id
"""

# Numbering locks the endpoint's row until the commit, so there are no gaps. It leaves the version alone: the ETag tells
# of what people change.
ADD_DELIVERIES = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::uuid[])
        AS given (id, endpoint_id, event_id, event_type, nth, job_id)
), numbered AS (
    UPDATE webhook_endpoints AS endpoint SET last_sequence = endpoint.last_sequence + counted.deliveries
    FROM (SELECT endpoint_id, count(*) AS deliveries FROM given GROUP BY endpoint_id) AS counted
    WHERE endpoint.id = counted.endpoint_id
    RETURNING endpoint.id, endpoint.last_sequence - counted.deliveries AS before
)
INSERT INTO webhook_deliveries (id, endpoint_id, event_id, event_type, sequence, job_id)
SELECT given.id, given.endpoint_id, given.event_id, given.event_type, numbered.before + given.nth, given.job_id
FROM given JOIN numbered ON numbered.id = given.endpoint_id
"""

# Only the running attempt (claimed at `$3`) of the delivery's newest job (`$2`) may go on, and only while there is an
# active endpoint. A job that runs again after it was given up takes its delivery up again.
BEGIN_ATTEMPT = """
WITH begun AS (
    UPDATE webhook_deliveries AS delivery
    SET attempts = delivery.attempts + 1, status = 'pending', finished_at = NULL
    FROM webhook_endpoints AS endpoint, jobs AS job
    WHERE delivery.id = $1 AND delivery.job_id = $2 AND delivery.status <> 'delivered'
      AND job.id = $2 AND job.started_at = $3 AND job.status = 'running'
      AND endpoint.id = delivery.endpoint_id AND endpoint.is_active AND endpoint.deleted_at IS NULL
    RETURNING delivery.id, delivery.endpoint_id, delivery.event_id, delivery.event_type, delivery.sequence,
        delivery.attempts, endpoint.url, endpoint.headers, endpoint.secret,
        CASE WHEN endpoint.previous_until > clock_timestamp() THEN endpoint.previous_secret END AS previous_secret
), logged AS (
    INSERT INTO webhook_attempts (delivery_id, number, started_at)
    SELECT id, attempts, clock_timestamp() FROM begun
)
SELECT begun.*, event.type AS stored_type, event.payload::text AS payload, event.occurred_at, event.request_id
FROM begun JOIN events AS event ON event.id = begun.event_id
"""

# `$7` is the delivery's status, null while it is still to be tried again.
END_ATTEMPT = """
WITH attempt AS (
    UPDATE webhook_attempts SET duration_ms = $3, status_code = $4, error = $5, answer = $6
    WHERE delivery_id = $1 AND number = $2
)
UPDATE webhook_deliveries SET status = $7, finished_at = clock_timestamp()
WHERE id = $1 AND status = 'pending' AND $7::text IS NOT NULL
"""

GIVE_UP = """
UPDATE webhook_deliveries SET status = $3, finished_at = clock_timestamp()
WHERE id = $1 AND job_id = $2 AND status = 'pending'
"""

DISABLE = """
UPDATE webhook_endpoints
SET is_active = false, disabled_reason = $2, version = version + 1, updated_at = clock_timestamp()
WHERE id = $1 AND is_active
RETURNING id, description, disabled_reason AS reason
"""

TRY_AGAIN = """
UPDATE webhook_deliveries SET status = 'pending', finished_at = NULL, job_id = $2 WHERE id = $1
"""

ATTEMPTS = """
SELECT number, started_at, duration_ms, status_code, error, answer
FROM webhook_attempts WHERE delivery_id = $1 ORDER BY number
"""


def endpoints(filters: Mapping[str, Any]) -> Select[WebhookEndpoint]:
    statement = select(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None))
    if "is_active" in filters:
        statement = statement.where(WebhookEndpoint.is_active == filters["is_active"])
    return statement


def deliveries(endpoint_id: UUID, filters: Mapping[str, Any]) -> Select[WebhookDelivery]:
    statement = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    for name in ("status", "event_type"):
        if name in filters:
            statement = statement.where(getattr(WebhookDelivery, name) == filters[name])
    return statement


def delivery(id_: UUID) -> Select[WebhookDelivery]:
    """One of an endpoint that is not deleted, locked."""
    live = select(WebhookEndpoint.id).where(WebhookEndpoint.deleted_at.is_(None))
    return (
        select(WebhookDelivery)
        .where(WebhookDelivery.id == id_, WebhookDelivery.endpoint_id.in_(live))
        .execution_options(populate_existing=True)
    )
