"""What those who own jobs may do at this moment."""

ROLE_OF_USER = "SELECT role FROM users WHERE id = $1 AND deleted_at IS NULL AND blocked_at IS NULL"

SCOPES_OF_KEY = """
SELECT scopes FROM api_keys
WHERE id = $1 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
"""
