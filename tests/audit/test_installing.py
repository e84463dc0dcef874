"""Functions and triggers are as the code has them, or a check says where not; `upgrade` brings them there."""

import asyncio

import asyncpg
import pytest

from models.kernel.session import Database
from models.migrations.run import check, upgrade
from tests.support.factories import make_customer


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("DROP TRIGGER audit_update ON customers", "table='customers', event='update'"),
        ("ALTER TABLE customers DISABLE TRIGGER audit_delete", "table='customers', event='delete'"),
        ("ALTER TABLE meetings DISABLE TRIGGER ALL", "table='meetings', event='insert'"),
        (
            "CREATE OR REPLACE TRIGGER audit_update AFTER UPDATE ON users REFERENCING OLD TABLE AS old_rows "
            "NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_change('user', 'id', '', '')",
            "table='users', event='update', arguments=('user', 'id', '', '')) is there, but not in the code",
        ),
        (
            "CREATE OR REPLACE FUNCTION audit_prune(keep_days integer, most integer) RETURNS bigint LANGUAGE sql "
            "AS 'DELETE FROM audit_statements; SELECT 0::bigint'",
            "audit_prune is missing or another",
        ),
        ("ALTER FUNCTION audit_change SECURITY INVOKER", "audit_change is missing or another"),
        ("ALTER FUNCTION audit_change RESET search_path", "audit_change is missing or another"),
        (
            "CREATE TRIGGER audit_insert AFTER INSERT ON jobs REFERENCING NEW TABLE AS new_rows "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_change('job', 'id', '', '')",
            "table='jobs', event='insert'",
        ),
    ],
)
async def test_what_is_not_as_it_should_be_is_named_and_mended(
    quiet_database: Database, damage: str, found: str
) -> None:
    assert await differences(quiet_database) == []
    await quiet_database.execute(damage)
    try:
        assert any(found in line for line in await differences(quiet_database))
    finally:
        await asyncio.to_thread(upgrade, quiet_database.url)
    assert await differences(quiet_database) == []


async def differences(database: Database) -> list[str]:
    """But for the table of the tests' own."""
    return [line for line in await asyncio.to_thread(check, database.url) if "probe_effects" not in line]


async def test_an_owner_without_privileges_will_do(quiet_server: Database) -> None:
    """As managed PostgreSQL gives them: no superuser, but the right to create roles."""
    await quiet_server.execute("CREATE ROLE plain_owner LOGIN CREATEROLE PASSWORD 'plain'")
    await quiet_server.execute("CREATE DATABASE plain OWNER plain_owner")
    server = quiet_server.url.rpartition("@")[2].partition("/")[0]
    owner, application = (
        f"postgresql://plain_owner:plain@{server}/plain",
        f"postgresql://plain_app:p%40ss@{server}/plain",
    )
    for _ in range(2):
        await asyncio.to_thread(upgrade, owner, application)
    assert await asyncio.to_thread(check, owner) == []
    as_application = Database(application)
    try:
        async with as_application.transaction() as session:
            await make_customer(session)
        rows = await as_application.fetch("SELECT actor FROM audit_statements")
        assert [row["actor"] for row in rows] == ["system"]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_application.execute("DELETE FROM audit_entries")
    finally:
        await as_application.close()
