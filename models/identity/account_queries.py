"""Every statement over users, their sessions, links, second factors and guesses."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from models.identity.tables import LoginSession, User
from models.identity.values import UserStatus

_ENTERING = """
SELECT users.id, users.email, users.password_hash, users.blocked_at, second_factors.user_id IS NOT NULL AS has_second
FROM users
LEFT JOIN second_factors ON second_factors.user_id = users.id AND second_factors.confirmed_at IS NOT NULL
WHERE users.deleted_at IS NULL AND """

ENTERING_BY_EMAIL = _ENTERING + "lower(users.email) = lower($1)"

ENTERING_BY_ID = _ENTERING + "users.id = $1"

# Only while the password is the one that was checked. Whoever changes it locks the user first and ends the sessions
# afterwards, so that none is opened by a password that is no more.
OPEN_SESSION = """
WITH entering AS (
    UPDATE users SET last_login_at = clock_timestamp()
    WHERE id = $2 AND password_hash IS NOT DISTINCT FROM $3 AND deleted_at IS NULL AND blocked_at IS NULL
    RETURNING id
)
INSERT INTO sessions (id, user_id, family_hash, refresh_hash, expires_at, address, user_agent)
SELECT $1, id, $4, $5, clock_timestamp() + make_interval(days => $6), $7, $8 FROM entering
RETURNING id
"""

SESSION_FOR_TOKEN = """
SELECT users.id, users.role FROM sessions JOIN users ON users.id = sessions.user_id
WHERE sessions.id = $1 AND users.id = $2 AND sessions.expires_at > clock_timestamp()
  AND users.deleted_at IS NULL AND users.blocked_at IS NULL
"""

# Of two at once the second waits here for the first, and then finds the secret spent.
ROTATE_REFRESH_TOKEN = """
UPDATE sessions
SET refresh_hash = $3, refreshed_at = clock_timestamp(), version = sessions.version + 1, updated_at = clock_timestamp()
FROM users
WHERE sessions.family_hash = $1 AND sessions.refresh_hash = $2 AND sessions.expires_at > clock_timestamp()
  AND users.id = sessions.user_id AND users.deleted_at IS NULL AND users.blocked_at IS NULL
RETURNING sessions.id, sessions.user_id
"""

END_FAMILY = """
DELETE FROM sessions WHERE family_hash = $1
RETURNING id, user_id, expires_at > clock_timestamp() AS live
"""

END_SESSION = "DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING id"

END_SESSIONS = "DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2 RETURNING id"

FIND_LINK = """
SELECT id, purpose, email, expires_at FROM mailed_links WHERE id = $1 AND expires_at > clock_timestamp() FOR UPDATE
"""

ARM_LINK = """
UPDATE mailed_links
SET token_hash = $2, user_id = $3, version = version + 1, updated_at = clock_timestamp()
WHERE id = $1
"""

FOLLOW_LINK = """
DELETE FROM mailed_links WHERE token_hash = $1 AND purpose = ANY ($2) AND expires_at > clock_timestamp()
RETURNING email, name, phone, locale, timezone, password_hash, provider, subject, user_id
"""

FORGET_LINKS = "DELETE FROM mailed_links WHERE lower(email) = lower($1)"

# Every live administrator who can log in, held until the transaction ends: of two who remove each other, one waits.
HOLD_ADMINS = """
SELECT id FROM users WHERE role = 'admin' AND deleted_at IS NULL AND blocked_at IS NULL ORDER BY id FOR NO KEY UPDATE
"""

ANY_ADMIN = "SELECT id FROM users WHERE role = 'admin' AND deleted_at IS NULL LIMIT 1"

COUNT_TRIES = """
WITH tried AS (
    SELECT key, allowed, seconds FROM unnest($1::text[], $2::int[], $3::int[]) AS given (key, allowed, seconds)
    ORDER BY key
), counted AS (
    INSERT INTO guess_counts (key, count, resets_at)
    SELECT key, 1, clock_timestamp() + make_interval(secs => seconds) FROM tried
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN guess_counts.resets_at > clock_timestamp() THEN guess_counts.count + 1 ELSE 1 END,
        resets_at = CASE WHEN guess_counts.resets_at > clock_timestamp() THEN guess_counts.resets_at
                         ELSE excluded.resets_at END
    RETURNING key, count, resets_at
)
SELECT greatest(ceil(extract(epoch FROM counted.resets_at - clock_timestamp())), 1)::int AS wait
FROM counted JOIN tried USING (key) WHERE counted.count > tried.allowed
"""

FORGIVE = """
WITH forgiven AS (DELETE FROM guess_counts WHERE key = $1)
UPDATE guess_counts SET count = count - 1 WHERE key = $2 AND count > 0
"""

ENROL = """
INSERT INTO second_factors (user_id, secret) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = 0, created_at = clock_timestamp()
WHERE second_factors.confirmed_at IS NULL
RETURNING user_id
"""

SECOND_FACTOR = "SELECT secret, confirmed_at FROM second_factors WHERE user_id = $1"

# Once: of two with the same code the second finds the step taken.
SPEND_STEP = """
UPDATE second_factors SET last_step = $2, confirmed_at = coalesce(confirmed_at, clock_timestamp())
WHERE user_id = $1 AND last_step < $2 AND secret = $3
RETURNING user_id
"""

REMOVE_SECOND_FACTOR = """
WITH codes AS (DELETE FROM recovery_codes WHERE user_id = $1)
DELETE FROM second_factors WHERE user_id = $1 RETURNING user_id
"""

REPLACE_RECOVERY_CODES = """
WITH former AS (DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash <> ALL ($2::text[]))
INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::text[])
"""

SPEND_RECOVERY_CODE = "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2 RETURNING user_id"

COUNT_RECOVERY_CODES = "SELECT count(*) AS left FROM recovery_codes WHERE user_id = $1"

FORGET_EXPIRED = """
WITH ended AS (
    DELETE FROM sessions WHERE id = ANY (ARRAY(
        SELECT id FROM sessions WHERE expires_at <= clock_timestamp() LIMIT 1000
    )) RETURNING 1
), links AS (
    DELETE FROM mailed_links WHERE id = ANY (ARRAY(
        SELECT id FROM mailed_links WHERE expires_at <= clock_timestamp() LIMIT 1000
    )) RETURNING 1
), guesses AS (
    DELETE FROM guess_counts WHERE key = ANY (ARRAY(
        SELECT key FROM guess_counts WHERE resets_at <= clock_timestamp() LIMIT 1000
    )) AND resets_at <= clock_timestamp() RETURNING 1
)
SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM links) + (SELECT count(*) FROM guesses) AS gone
"""


def sessions_of(user_id: UUID) -> Select[LoginSession]:
    return select(LoginSession).where(LoginSession.user_id == user_id, LoginSession.expires_at > func.clock_timestamp())


def users(filters: Mapping[str, Any]) -> Select[User]:
    """`status` decides whether the deleted are looked among; without it they are not."""
    others = dict(filters)
    status = others.pop("status", None)
    gone = User.deleted_at.is_not(None)
    statement = select(User).where(gone if status == UserStatus.DELETED else ~gone)
    if status == UserStatus.ACTIVE:
        statement = statement.where(User.blocked_at.is_(None))
    if status == UserStatus.BLOCKED:
        statement = statement.where(User.blocked_at.is_not(None))
    match others.pop("email_verified", None):
        case True:
            statement = statement.where(User.email_verified_at.is_not(None))
        case False:
            statement = statement.where(User.email_verified_at.is_(None))
    return statement.filter_by(**others)
