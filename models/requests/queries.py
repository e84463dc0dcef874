"""Every statement over keyed answers."""

# The lock is the transaction's: a twin still in flight holds it, and a crash lets go of it.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 7215002)) AS mine"

FIND = """
SELECT fingerprint, status, headers, body FROM keyed_answers
WHERE caller = $1 AND key = $2 AND created_at > clock_timestamp() - interval '24 hours'
"""

KEEP = """
INSERT INTO keyed_answers (caller, key, fingerprint, status, headers, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (caller, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
    created_at = clock_timestamp()
WHERE keyed_answers.created_at <= clock_timestamp() - interval '24 hours'
RETURNING caller
"""

FORGET_EXPIRED = """
DELETE FROM keyed_answers WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM keyed_answers WHERE created_at <= clock_timestamp() - interval '24 hours' LIMIT 1000
))
RETURNING 1
"""
