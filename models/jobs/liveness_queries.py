"""The statements about who is alive."""

SEE_WORKER = """
INSERT INTO lanes (queue, worker, seen_at) SELECT queue, $2, clock_timestamp() FROM unnest($1::text[]) AS queue
ON CONFLICT (queue, worker) DO UPDATE SET seen_at = excluded.seen_at
"""

SEE_SCHEDULER = """
INSERT INTO schedulers_seen (scheduler, seen_at, broker_away) VALUES ($1, clock_timestamp(), $2)
ON CONFLICT (scheduler) DO UPDATE SET seen_at = excluded.seen_at, broker_away = excluded.broker_away
"""

WORKERS = """
SELECT queue, count(*) AS workers FROM lanes WHERE seen_at > statement_timestamp() - interval '1 minute' GROUP BY queue
"""

FORGET = """
WITH workers AS (
    DELETE FROM lanes WHERE seen_at < statement_timestamp() - interval '1 day' RETURNING seen_at
), schedulers AS (
    DELETE FROM schedulers_seen WHERE seen_at < statement_timestamp() - interval '1 day' RETURNING seen_at
)
SELECT seen_at FROM workers UNION ALL SELECT seen_at FROM schedulers
"""
