"""Every statement over messages."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from models.notifications.tables import Message

SANDBOX = "sandbox"

# A failed one too: its job may run again on request.
UNSENT = """
SELECT recipient, recipient_name, subject, text, html FROM messages WHERE id = $1 AND status <> 'sent'
"""

SENT = """
UPDATE messages
SET status = 'sent', provider = $2, provider_message_id = $3, sent_at = clock_timestamp(), error = NULL,
    text = CASE WHEN confidential AND $2 <> 'sandbox' THEN '' ELSE text END,
    html = CASE WHEN confidential AND $2 <> 'sandbox' THEN '' ELSE html END,
    version = version + 1, updated_at = clock_timestamp()
WHERE id = $1 AND status <> 'sent'
"""

FAILED = """
UPDATE messages SET status = 'failed', error = $2, version = version + 1, updated_at = clock_timestamp()
WHERE id = $1 AND status = 'pending'
"""

# Those that have been sent, or given up, so many days ago.
FORGET = """
DELETE FROM messages WHERE id IN (
    SELECT id FROM messages
    WHERE status <> 'pending' AND updated_at < statement_timestamp() - make_interval(days => $1)
    ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


def sandbox_messages(filters: Mapping[str, Any], *, confidential: bool) -> Select[Message]:
    """`confidential`: those too."""
    statement = select(Message).where(Message.provider == SANDBOX)
    if not confidential:
        statement = statement.where(~Message.confidential)
    for name in ("recipient", "template"):
        if name in filters:
            statement = statement.where(getattr(Message, name) == filters[name])
    return statement


def sandbox_message(id_: UUID, *, confidential: bool) -> Select[Message]:
    return sandbox_messages({}, confidential=confidential).where(Message.id == id_)
