"""What has expired goes."""

from models.identity import account_queries, provider_queries
from models.kernel.session import Connection, fetch


async def forget_expired(on: Connection) -> int:
    """Sessions, links and counts, visitors and open questions to providers; a chunk of each. Gives how many went."""
    rows = await fetch(on, account_queries.FORGET_EXPIRED)
    others = [await fetch(on, each) for each in (provider_queries.FORGET_CHECKS, provider_queries.FORGET_GUESTS)]
    return int(rows[0]["gone"]) + sum(map(len, others))
