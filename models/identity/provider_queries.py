"""Every statement about signing in with providers, and about visitors."""

from models.identity.tables import GuestSession
from models.kernel.reach import Own, owned

owned(GuestSession, guest=Own("the one they are in", "guest_sessions.id = :me"))

KEY_SET = """
SELECT keys, job_id, coalesce(fetched_at < clock_timestamp() - make_interval(secs => $2), true) AS stale,
       asked_at > clock_timestamp() - make_interval(secs => $3) AS asked
FROM provider_keys WHERE url = $1
"""

# One asks, however many processes meet the same unknown key; then nobody for a while.
MAY_ASK_FOR_KEYS = """
INSERT INTO provider_keys (url) VALUES ($1)
ON CONFLICT (url) DO UPDATE SET asked_at = clock_timestamp()
WHERE provider_keys.asked_at < clock_timestamp() - make_interval(secs => $2)
RETURNING url
"""

NOTE_KEYS_JOB = "UPDATE provider_keys SET job_id = $2 WHERE url = $1"

STORE_KEYS = """
INSERT INTO provider_keys (url, keys, fetched_at) VALUES ($1, $2::text::jsonb, clock_timestamp())
ON CONFLICT (url) DO UPDATE SET keys = excluded.keys, fetched_at = excluded.fetched_at
"""

ADD_CHECK = "INSERT INTO provider_checks (id, provider, credential) VALUES ($1, $2, $3)"

OPEN_CHECK = "SELECT provider, credential FROM provider_checks WHERE id = $1 AND credential IS NOT NULL"

SETTLE_CHECK = """
UPDATE provider_checks SET credential = NULL, identity = $2::text::jsonb, refusal = $3 WHERE id = $1
"""

TAKE_CHECK = "DELETE FROM provider_checks WHERE id = $1 RETURNING identity, refusal"

FORGET_CHECKS = """
DELETE FROM provider_checks WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM provider_checks WHERE created_at < clock_timestamp() - interval '10 minutes' LIMIT 1000
))
RETURNING 1
"""

# First sign-ins of one person that come together are one after the other.
LOCK_IDENTITY = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

USER_OF_IDENTITY = """
SELECT users.id, users.role, users.blocked_at FROM provider_identities
JOIN users ON users.id = provider_identities.user_id
WHERE provider = $1 AND subject = $2 AND users.deleted_at IS NULL
"""

USER_BY_EMAIL = """
SELECT id, blocked_at, email_verified_at FROM users WHERE lower(email) = lower($1) AND deleted_at IS NULL
"""

# Whose account was deleted may come back as somebody new; whoever is somebody stays that.
LINK_IDENTITY = """
INSERT INTO provider_identities (id, user_id, provider, subject, email) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (provider, subject) DO UPDATE SET user_id = excluded.user_id, email = excluded.email,
    version = provider_identities.version + 1, updated_at = clock_timestamp()
WHERE provider_identities.user_id = excluded.user_id
   OR EXISTS (SELECT FROM users WHERE id = provider_identities.user_id AND deleted_at IS NOT NULL)
RETURNING id
"""

USE_IDENTITY = """
UPDATE provider_identities SET last_used_at = clock_timestamp(), email = $3
WHERE provider = $1 AND subject = $2
"""

IDENTITIES_OF = """
SELECT id, provider, email, last_used_at, created_at FROM provider_identities WHERE user_id = $1 ORDER BY created_at
"""

REMOVE_IDENTITY = "DELETE FROM provider_identities WHERE id = $1"

GUEST_FOR_TOKEN = """
SELECT id FROM guest_sessions WHERE id = $1 AND deleted_at IS NULL AND expires_at > clock_timestamp()
"""

FORGET_GUESTS = """
DELETE FROM guest_sessions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM guest_sessions WHERE expires_at < clock_timestamp() LIMIT 1000
))
RETURNING 1
"""
