"""What the application's role cannot do, whatever is in the code that runs with it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from cli.platform import LocalPlatform
from models.kernel.base import Base
from models.kernel.session import Database
from models.migrations.roles import RoleError
from models.migrations.run import upgrade
from tests.support.factories import make_customer

AN_OLD_ENTRY = """
WITH begun AS (
    INSERT INTO audit_statements (at, entity, actor)
    VALUES (clock_timestamp() - $1::int * interval '1 day', 'customer', 'system') RETURNING id
)
INSERT INTO audit_entries (statement_id, action, entity_id) SELECT id, 'update', $1::text FROM begun
"""


@pytest.fixture
async def application(
    platform: LocalPlatform, database: Database, clean: None
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Logged in as the processes are, with one entry in the trail."""
    async with database.transaction() as session:
        await make_customer(session)
    connection = await asyncpg.connect(platform.database_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET new = '{}'",
        "UPDATE audit_statements SET actor = 'nobody'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_statements",
        "TRUNCATE audit_entries",
        "TRUNCATE audit_statements, audit_entries",
        "TRUNCATE customers CASCADE",
        "INSERT INTO audit_entries (statement_id, action, entity_id) VALUES (1, 'update', 'x')",
        "INSERT INTO audit_statements (at, entity, actor) VALUES (now() - interval '1 year', 'x', 'somebody else')",
        "MERGE INTO audit_statements USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
        "SELECT FROM audit_entries FOR UPDATE",
        "ALTER TABLE audit_entries ADD COLUMN x int",
        "ALTER TABLE audit_entries OWNER TO bellwork_app",
        "ALTER TABLE customers DISABLE TRIGGER audit_update",
        "ALTER TABLE customers DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_update ON customers",
        "CREATE TRIGGER hide BEFORE UPDATE ON customers EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE hide AS ON INSERT TO audit_entries DO INSTEAD NOTHING",
        "DROP TABLE audit_entries",
        "DROP FUNCTION audit_change CASCADE",
        "CREATE OR REPLACE FUNCTION audit_begin(text, jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "ALTER FUNCTION audit_change SECURITY INVOKER",
        "SELECT audit_begin('customer', '{}')",
        "CREATE TABLE elsewhere (id int)",
        "CREATE SCHEMA elsewhere",
        "SET session_replication_role = replica",
        "SET ROLE bellwork",
        "SET SESSION AUTHORIZATION bellwork",
        "GRANT bellwork TO bellwork_app",
        "GRANT UPDATE ON audit_entries TO bellwork_app; UPDATE audit_entries SET new = '{}'",
        "ALTER ROLE bellwork_app SUPERUSER",
        "CREATE ROLE another SUPERUSER",
        "ALTER SYSTEM SET session_replication_role = replica",
        "COPY audit_entries FROM PROGRAM 'true'",
        "UPDATE alembic_version SET version_num = '0'",
    ],
)
async def test_the_application_cannot(
    application: "asyncpg.Connection[asyncpg.Record]", database: Database, statement: str
) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidGrantOperationError)):
        await application.execute(statement)
    assert [row["action"] for row in await database.fetch("SELECT action FROM audit_entries")] == ["create"]


async def test_the_functions_of_the_trail_serve_no_other_table(
    application: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    await application.execute("CREATE TEMPORARY TABLE mine (id int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await application.execute(
            "CREATE TRIGGER forge AFTER INSERT ON mine REFERENCING NEW TABLE AS new_rows "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_change('customer', 'id', '', '')"
        )


async def test_a_table_in_the_way_takes_no_trail(
    application: "asyncpg.Connection[asyncpg.Record]", database: Database
) -> None:
    """Temporary tables come before all others, but not in functions that say where to look."""
    await application.execute("CREATE TEMPORARY TABLE audit_entries (LIKE public.audit_entries)")
    await application.execute("CREATE TEMPORARY TABLE audit_statements (LIKE public.audit_statements)")
    await application.execute("UPDATE customers SET city = 'Lagos'")
    assert len(await database.fetch("SELECT FROM audit_entries WHERE action = 'update'")) == 1


async def test_what_is_recorded_is_dated_by_the_database(
    application: "asyncpg.Connection[asyncpg.Record]", database: Database
) -> None:
    record = "SELECT audit_record('login', 'user', '1', NULL, NULL, '{\"actor\": \"user:1\", \"at\": \"1999-01-01\"}')"
    await application.execute(record)
    rows = await database.fetch("SELECT FROM audit_statements WHERE at < clock_timestamp() - interval '1 hour'")
    assert rows == []


async def test_pruning_spares_the_last_ninety_days_whoever_asks(
    application: "asyncpg.Connection[asyncpg.Record]", database: Database
) -> None:
    for days in (0, 89, 91, 400):
        await database.execute(AN_OLD_ENTRY, days)
    assert await application.fetchval("SELECT audit_prune(365, 10)") == 1
    assert await application.fetchval("SELECT audit_prune(-1000, 1)") == 1
    assert await application.fetchval("SELECT audit_prune(0, 10)") == 0
    left = await database.fetch("SELECT entity_id FROM audit_entries WHERE action = 'update' ORDER BY id")
    assert [row["entity_id"] for row in left] == ["0", "89"]


async def test_the_application_works_with_every_other_table(
    application: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    for table in Base.metadata.tables:
        if not table.startswith("audit_"):
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                assert await application.fetchval("SELECT has_table_privilege($1, $2)", table, right), (table, right)


def test_an_application_without_a_role_of_its_own_is_named(platform: LocalPlatform) -> None:
    """The role that migrates may be one that cannot create others."""
    with pytest.raises(RoleError, match="There is no role missing"):
        upgrade(platform.database_url, "postgresql://missing:x@127.0.0.1/bellwork")


async def test_what_erases_people_masks_and_does_nothing_else(
    application: "asyncpg.Connection[asyncpg.Record]", database: Database
) -> None:
    """Whatever it is asked: no entry goes, who did what stays, and an entry says that it was done."""
    (before,) = await database.fetch("SELECT statement_id, id, action, entity_id, new FROM audit_entries")
    erase = "SELECT audit_erase('customer', '1', $1::text[], $2::text[], $3::text[], 100)"
    assert await application.fetchval(erase, [before["entity_id"]], ["name"], ["Haifa", ".*", "create"]) == 1
    after, note = await database.fetch("SELECT statement_id, id, action, entity_id, new FROM audit_entries ORDER BY id")
    assert dict(after) == {**before, "new": before["new"].replace("Noa Levi", "***")}
    assert (note["action"], note["entity_id"]) == ("erase", "1")
    assert await application.fetchval(erase, [before["entity_id"]], ["name"], []) == 0
    assert len(await database.fetch("SELECT FROM audit_entries")) == 2
    assert len(await database.fetch("SELECT FROM audit_statements WHERE actor = 'nobody'")) == 0
