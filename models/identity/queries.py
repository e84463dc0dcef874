"""Every statement over keys."""

from sqlalchemy import Select, select

from models.identity.tables import ApiKey

# A secret's use is recorded once a minute at most, so that a busy integration does not write on every request.
API_KEY_FOR_SECRET = """
WITH found AS (
    SELECT id, scopes, rate_limit_per_minute, secret_hash = $1 AS newest,
           CASE WHEN secret_hash = $1 THEN last_used_at ELSE previous_last_used_at END AS used_at
    FROM api_keys
    WHERE (secret_hash = $1 OR (previous_secret_hash = $1 AND previous_expires_at > clock_timestamp()))
      AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
), used AS (
    UPDATE api_keys SET
        last_used_at = CASE WHEN found.newest THEN clock_timestamp() ELSE api_keys.last_used_at END,
        previous_last_used_at = CASE WHEN found.newest THEN previous_last_used_at ELSE clock_timestamp() END
    FROM found
    WHERE api_keys.id = found.id
      AND (found.used_at IS NULL OR found.used_at < clock_timestamp() - interval '1 minute')
)
SELECT id, scopes, rate_limit_per_minute FROM found
"""


def api_keys() -> Select[ApiKey]:
    return select(ApiKey).where(ApiKey.deleted_at.is_(None))
