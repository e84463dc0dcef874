"""What has expired goes."""

from models.identity import account_queries
from models.kernel.session import Connection, fetch


async def forget_expired(on: Connection) -> int:
    """Sessions, links and counts; a chunk of each. Gives how many went."""
    rows = await fetch(on, account_queries.FORGET_EXPIRED)
    return int(rows[0]["gone"])
