"""Functions and triggers are as the code has them, or a check says where not; `upgrade` brings them there."""

import asyncio

import pytest

from models.kernel.session import Database
from models.migrations.run import check, upgrade


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
