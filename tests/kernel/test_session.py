"""Connections to PostgreSQL."""

import asyncio
import os
import signal

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


async def freeze_and_ask(database: Database, frozen: list[int]) -> None:
    async with database.transaction() as session:
        frozen.append(int((await fetch(session, "SELECT pg_backend_pid() AS pid"))[0]["pid"]))
        os.kill(frozen[0], signal.SIGSTOP)
        await fetch(session, "SELECT 1")


async def test_a_server_that_froze_is_given_up_and_asked_anew(platform: LocalPlatform) -> None:
    database, frozen = Database(platform.database_url, statement_seconds=2.0), list[int]()
    try:
        async with asyncio.timeout(30):
            with pytest.raises(TimeoutError):
                await freeze_and_ask(database, frozen)
            assert frozen
            async with database.transaction() as session:
                assert (await fetch(session, "SELECT pg_backend_pid() AS pid"))[0]["pid"] not in frozen
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        await database.close()


async def test_a_lone_statement_that_is_taken_out_of_a_deadlock_is_run_again(database: Database) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 71"
    async with asyncio.timeout(30):
        async with database.statements() as other:
            await other.fetch("SET LOCAL deadlock_timeout = '1h'")
            await other.fetch("SELECT pg_advisory_xact_lock(71)")
            both = asyncio.create_task(database.fetch("SELECT pg_advisory_xact_lock(72), pg_advisory_xact_lock(71)"))
            while not await database.fetch(waiting):
                assert not both.done()
            await other.fetch("SELECT pg_advisory_xact_lock(72)")
        assert len(await both) == 1
