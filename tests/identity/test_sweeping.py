"""What has expired is swept by the scheduler; what has not stays."""

from models.kernel.session import Database
from models.kernel.settings import Settings
from scheduler.prune import prune
from tests.support.accounts import log_in, make_person
from tests.support.client import ApiClient

TABLES = ("sessions", "mailed_links", "guess_counts")


async def counts(database: Database) -> list[int]:
    return [len(await database.fetch(f"SELECT 1 FROM {table}")) for table in TABLES]


async def test_expired_sessions_links_and_counts_go_and_the_others_stay(
    anonymous: ApiClient, database: Database, settings: Settings
) -> None:
    await make_person(database)
    for _ in range(2):
        await log_in(anonymous)
        await anonymous.expect(204, "POST", "/auth/forgot-password", json={"email": "noa@example.com"})
    await anonymous.post("/auth/login", json={"email": "noa@example.com", "password": "wrong"})
    before = await counts(database)
    assert before == [2, 2, 4]
    assert await prune(database, settings) == 0
    for table, column in zip(TABLES, ("expires_at", "expires_at", "resets_at"), strict=True):
        await database.execute(
            f"UPDATE {table} SET {column} = clock_timestamp() WHERE ctid = (SELECT min(ctid) FROM {table})"
        )
    assert await prune(database, settings) == 3
    assert await counts(database) == [1, 1, 3]
