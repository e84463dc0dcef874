"""Connections to PostgreSQL."""

import pytest

from cli.platform import LocalPlatform
from models.kernel.session import Database, fetch
from models.migrations.run import current


@pytest.mark.parametrize("options", ["", "?sslmode=prefer", "?sslmode=disable&application_name=elsewhere"])
async def test_the_options_of_a_database_url_are_understood_by_all_who_connect(
    platform: LocalPlatform, options: str
) -> None:
    database = Database(platform.database_url + options)
    try:
        assert len(await database.fetch("SELECT 1")) == 1
        async with database.transaction() as session:
            assert len(await fetch(session, "SELECT 1")) == 1
    finally:
        await database.close()


def test_migrations_understand_them_too(platform: LocalPlatform) -> None:
    now, newest = current(f"{platform.database_url}?sslmode=prefer")
    assert now == newest
