"""Old rows nobody may ask for any more → gone, in chunks."""

from models.kernel.session import Database
from models.requests.service import forget_expired


async def prune(database: Database) -> int:
    return await forget_expired(database)
