"""Encryption keys are changed without an outage, and nothing is lost on the way."""

import asyncio
import re
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from cli.doctor import Finding
from models.jobs.lifecycle import claim
from models.jobs.service import enqueue
from models.kernel.actor import SYSTEM
from models.kernel.base import Base
from models.kernel.crypto import KeyRing
from models.kernel.ids import new_id
from models.kernel.session import Database, fetch
from models.kernel.settings import Settings
from models.privacy.jobs import RotateKeys
from models.privacy.sealed_queries import SealedColumn, sealed_columns
from models.privacy.sealing import count_sealed
from tasks import privacy
from tasks.context import JobContext
from tests.architecture.sources import modules
from tests.support.client import eventually
from tests.support.statements import waits_for_a_lock
from tests.support.tools import making_tools

A, B = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))
OLD, BOTH, NEW = KeyRing((A,)), KeyRing((B, A)), KeyRing((B,))
SEALED_VALUES = 450
ADD_ANSWERS = "INSERT INTO keyed_answers SELECT 'user:1', unnest($1::text[]), 'f', 200, '\\x', unnest($2::bytea[])"


class WorkerGoneError(Exception):
    pass


def the_secrets(number: int) -> list[str]:
    return [f"secret {each} with ünïcode" for each in range(number)]


async def fill(database: Database) -> None:
    """Something in every encrypted column, all of it by the old key."""
    endpoint, user = new_id(), new_id()
    await database.fetch(
        "INSERT INTO webhook_endpoints (id, url, event_types, secret, previous_secret, headers, created_by)"
        " VALUES ($1, 'https://example.com', '{}', $2, $3, $4, 'system')",
        endpoint, *(OLD.encrypt(word) for word in ("secret", "previous", "{}")),
    )  # fmt: skip
    await database.fetch("INSERT INTO users (id, email, name, role) VALUES ($1, 'a@b.example', 'A', 'admin')", user)
    await database.fetch("INSERT INTO second_factors (user_id, secret) VALUES ($1, $2)", user, OLD.encrypt("totp"))
    await database.fetch(
        "INSERT INTO provider_checks (id, provider, credential) VALUES ($1, 'google', $2)", new_id(), OLD.encrypt("jwt")
    )
    sealed = [OLD.encrypt_bytes(word.encode()) for word in the_secrets(SEALED_VALUES)]
    await database.fetch(ADD_ANSWERS, [f"{number:04}" for number in range(SEALED_VALUES)], sealed)


async def values(database: Database, sealed: SealedColumn) -> list[Any]:
    rows = await database.fetch(
        f"SELECT {sealed.column} AS value FROM {sealed.table} WHERE {sealed.column} IS NOT NULL"
    )
    return [row["value"] for row in rows]


def opened(keys: KeyRing, value: str | bytes) -> str | bytes:
    return keys.decrypt_bytes(value) if isinstance(value, bytes) else keys.decrypt(value)


async def attempt(database: Database, settings: Settings, job_id: UUID, *, die_after: int | None = None) -> Any:
    """One attempt by a worker with both keys, which is gone after so many checkpoints."""
    await database.fetch("UPDATE jobs SET status = 'queued', lease_until = NULL WHERE id = $1", job_id)
    (job,) = await claim(database, [job_id], "w", 60.0)
    async with making_tools(settings, database, BOTH) as tools, database.transaction_on_demand() as transaction:
        ctx = JobContext(job, transaction, tools, lambda _: None, lambda *_: None, asyncio.Event())
        if die_after is not None:
            die_at(ctx, die_after)
        return await privacy.rotate_keys(ctx, RotateKeys())


def die_at(ctx: JobContext, count: int) -> None:
    keep, left = ctx.checkpoint, iter(range(count))

    async def checkpoint(state: Any) -> None:
        if next(left, None) is None:
            raise WorkerGoneError
        await keep(state)

    ctx.checkpoint = checkpoint  # type: ignore[method-assign]


@pytest.fixture
async def filled(quiet_database: Database) -> Database:
    await fill(quiet_database)
    return quiet_database


async def test_after_a_rotation_the_new_key_alone_opens_everything(filled: Database, settings: Settings) -> None:
    before = {sealed: [opened(OLD, each) for each in await values(filled, sealed)] for sealed in sealed_columns()}
    assert all(before.values()), "every encrypted column holds something"
    job = await enqueue(filled, SYSTEM, RotateKeys())
    result = await attempt(filled, settings, job.id)
    for sealed, secrets in before.items():
        assert sorted(opened(NEW, each) for each in await values(filled, sealed)) == sorted(secrets)
        with pytest.raises(ValueError, match="no key of the ring"):
            opened(OLD, (await values(filled, sealed))[0])
    assert {(each.table, each.left) for each in result.columns} == {(sealed.table, 0) for sealed in before}
    assert sum(each.resealed for each in result.columns) == sum(map(len, before.values()))


@pytest.mark.parametrize("checkpoints", range(4))
async def test_a_worker_gone_in_the_middle_loses_nothing(
    filled: Database, settings: Settings, checkpoints: int
) -> None:
    job = await enqueue(filled, SYSTEM, RotateKeys())
    with pytest.raises(WorkerGoneError):
        await attempt(filled, settings, job.id, die_after=checkpoints)
    for sealed in sealed_columns():
        for value in await values(filled, sealed):
            opened(BOTH, value)
    result = await attempt(filled, settings, job.id)
    assert sum(each.resealed for each in result.columns) == SEALED_VALUES + 5
    (answers,) = [sealed for sealed in sealed_columns() if sealed.table == "keyed_answers"]
    assert {opened(NEW, value) for value in await values(filled, answers)} == {
        word.encode() for word in the_secrets(SEALED_VALUES)
    }


async def test_what_is_changed_meanwhile_is_not_overwritten(filled: Database, settings: Settings) -> None:
    """Whoever holds a row is waited for, and what they wrote is what counts."""
    job = await enqueue(filled, SYSTEM, RotateKeys())
    async with filled.transaction() as session:
        await fetch(session, "UPDATE second_factors SET secret = $1", OLD.encrypt("a newer one"))
        rotation = asyncio.create_task(attempt(filled, settings, job.id))
        await eventually(lambda: waits_for_a_lock(filled, "second_factors"))
    await rotation
    (secret,) = [await values(filled, each) for each in sealed_columns() if each.table == "second_factors"]
    assert [NEW.decrypt(each) for each in secret] == ["a newer one"]


async def test_values_of_an_unknown_key_are_counted_and_left(filled: Database, settings: Settings) -> None:
    stranger = KeyRing((SecretStr(Fernet.generate_key().decode()),))
    await filled.fetch("UPDATE second_factors SET secret = $1", stranger.encrypt("lost"))
    job = await enqueue(filled, SYSTEM, RotateKeys())
    result = await attempt(filled, settings, job.id)
    assert [(each.table, each.left) for each in result.columns if each.left] == [("second_factors", 1)]


async def test_every_sealed_value_stands_in_a_declared_column(filled: Database) -> None:
    """Every column of every table is looked through for what the ring seals."""
    name, found = OLD.names[0], set()
    for table in Base.metadata.tables.values():
        for column in table.columns:
            sql = f"SELECT FROM {table.name} WHERE left({column.name}::text, 20) ~ $1 LIMIT 1"
            if await filled.fetch(sql, f"{name}|{name.encode().hex()}"):
                found.add((table.name, column.name))
    assert found == {(sealed.table, sealed.column) for sealed in sealed_columns()}


def test_what_encrypts_is_known_here() -> None:
    """Who makes a further module encrypt declares its column, and adds it to `fill`."""
    encrypting = {str(path) for path, source in modules() if re.search(r"\.encrypt(_bytes)?\(", source)}
    assert encrypting == {
        "models/identity/services/provider_checks.py",
        "models/identity/services/second_factors.py",
        "models/kernel/crypto.py",
        "models/privacy/sealing.py",
        "models/requests/service.py",
        "models/webhooks/deliveries.py",
        "models/webhooks/service.py",
    }


async def test_the_doctor_tells_which_keys_are_still_needed(
    filled: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.doctor import _check_sealed

    def ring(*keys: SecretStr) -> Settings:
        return settings.model_copy(update={"encryption_keys": keys, "database_url": filled.url})

    async def says(*keys: SecretStr) -> list[Finding]:
        return await _check_sealed(ring(*keys))

    (needed,) = await says(B, A)
    assert needed.found.startswith(f"older keys are still needed ({SEALED_VALUES + 5} by {OLD.names[0]})")
    (lost,) = await says(B)
    assert lost.is_fault
    assert f"{SEALED_VALUES + 5} encrypted values are under a key that is not there" in lost.found
    await attempt(filled, settings, (await enqueue(filled, SYSTEM, RotateKeys())).id)
    assert [each.found for each in await says(B, A)] == ["no value needs an older key: they can go"]
    assert await says(B) == []
    assert {each.table for each in await count_sealed(filled)} == {each.table for each in sealed_columns()}
