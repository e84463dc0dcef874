"""Counting what guessers try too often, in PostgreSQL: whichever process they come to, and whatever becomes of the
request. A try counts before it is known whether it was right, so that a hundred at once are not a hundred for one.
"""

from models.identity import account_queries
from models.identity.rules import Allowance
from models.kernel.crypto import digest
from models.kernel.errors import RateLimited
from models.kernel.session import Database, fetch


async def count_tries(database: Database, allowances: dict[str, Allowance]) -> None:
    """Count one try for each key. Raises RateLimited when it is one too many for any of them."""
    keys, counts, seconds = zip(*((key, each.count, each.seconds) for key, each in allowances.items()), strict=True)
    over = await fetch(database, account_queries.COUNT_TRIES, keys, counts, seconds)
    if over:
        wait = max(row["wait"] for row in over)
        raise RateLimited(f"Too many tries; the next one is heard in {wait} seconds.", retry_after=wait)


def guesses_at(email: str) -> str:
    """What guesses at an account's password are counted by, whether there is such an account or not."""
    return f"password:{digest(email.lower())}"


async def forgive(database: Database, *, wholly: str, once: str | None = None) -> None:
    """What was tried was right: forget all tries of one key, and this one try of another."""
    await fetch(database, account_queries.FORGIVE, wholly, once)
