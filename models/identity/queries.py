"""Every statement over users and keys."""

from sqlalchemy import Select, select

from models.identity.tables import ApiKey

USER_FOR_TOKEN = "SELECT id, role FROM users WHERE id = $1 AND deleted_at IS NULL AND blocked_at IS NULL"

# Records the use of a key once a minute at most, so that a busy integration does not write on every request.
API_KEY_FOR_SECRET = """
WITH found AS (
    SELECT id, scopes, last_used_at FROM api_keys
    WHERE secret_hash = $1 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
), used AS (
    UPDATE api_keys SET last_used_at = clock_timestamp()
    WHERE id = (SELECT id FROM found WHERE last_used_at IS NULL
                OR last_used_at < clock_timestamp() - interval '1 minute')
)
SELECT id, scopes FROM found
"""

USER_BY_EMAIL = "SELECT * FROM users WHERE lower(email) = lower($1) AND deleted_at IS NULL"

RECORD_LOGIN = "UPDATE users SET last_login_at = clock_timestamp() WHERE id = $1"

ANY_ADMIN = "SELECT id FROM users WHERE role = 'admin' AND deleted_at IS NULL LIMIT 1"


def api_keys() -> Select[ApiKey]:
    return select(ApiKey).where(ApiKey.deleted_at.is_(None))
