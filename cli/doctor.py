"""Checks whether the platform can run with the settings it is given, and says what to do about each fault."""

import asyncio
import importlib
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from cryptography.fernet import Fernet
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cli.environment import own_secrets
from models.kernel.crypto import KeyRing
from models.kernel.files import FileStore
from models.kernel.session import Database
from models.kernel.settings import Settings, SettingsError, load_settings

_OLDEST_POSTGRES = 15
_OLDEST_REDIS = (6, 2)
_LARGEST_SKEW_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
_STORE_SECONDS = 15.0
_CAN_ALTER_AUDIT = """
SELECT bool_or(rolsuper OR pg_has_role(rolname, relowner, 'MEMBER')
               OR has_table_privilege(rolname, pg_class.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
FROM pg_roles, pg_class
WHERE rolname = session_user AND pg_class.oid IN (to_regclass('audit_statements'), to_regclass('audit_entries'))
"""
_SCRATCH_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One checked thing: what was found and, when that is a fault, what to do about it."""

    subject: str
    found: str
    remedy: str | None = None

    @property
    def is_fault(self) -> bool:
        return self.remedy is not None


def examine(state_dir: Path) -> list[Finding]:
    """Check everything that can be checked with the settings of this process's environment."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return [Finding("settings", line, "set it in the environment or in .env") for line in str(error).splitlines()]
    findings = [Finding("settings", f"complete, for {settings.env}"), *_check_keys(settings, state_dir)]
    findings += asyncio.run(_gather(_check_database(settings)))
    if not any(finding.is_fault for finding in findings if finding.subject == "database"):
        findings.append(_check_migrations(settings))
        if not findings[-1].is_fault:
            findings += asyncio.run(_check_sealed(settings))
    findings += asyncio.run(_gather(_check_redis(settings)))
    return [*findings, _check_scratch(settings), asyncio.run(_check_files(settings))]


async def _gather(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in findings]


def _check_keys(settings: Settings, state_dir: Path) -> list[Finding]:
    keys = [key.get_secret_value() for key in settings.encryption_keys]
    findings = [_check_encryption_key(key) for key in keys]
    if settings.env == "production" and state_dir.joinpath("secrets.env").exists():
        own = own_secrets(state_dir).values()
        used = [settings.secret_key.get_secret_value(), settings.flower_password.get_secret_value(), *keys]
        if set(used) & set(own):
            remedy = "generate new BELLWORK_SECRET_KEY, BELLWORK_ENCRYPTION_KEYS and BELLWORK_FLOWER_PASSWORD"
            findings.append(Finding("keys", "a development key of this checkout is used in production", remedy))
    return [finding for finding in findings if finding.is_fault] or [Finding("keys", "well-formed")]


def _check_encryption_key(key: str) -> Finding:
    try:
        Fernet(key)
    except ValueError:
        found = "BELLWORK_ENCRYPTION_KEYS holds a key that is not 32 bytes in URL-safe base64"
        return Finding("keys", found, "generate one by Fernet.generate_key() of the library cryptography")
    return Finding("keys", "well-formed")


async def _check_database(settings: Settings) -> AsyncIterator[Finding]:
    try:
        connection = await asyncpg.connect(settings.asyncpg_dsn, timeout=_ANSWER_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        remedy = "start PostgreSQL, or correct BELLWORK_DATABASE_URL"
        yield Finding("database", _failure(_without_password(settings.asyncpg_dsn), error), remedy)
        return
    try:
        major = int(connection.get_server_version().major)
        too_old = f"use PostgreSQL {_OLDEST_POSTGRES} or newer" if major < _OLDEST_POSTGRES else None
        yield Finding("database", f"PostgreSQL {major} at {_without_password(settings.asyncpg_dsn)}", too_old)
        asked_at = time.time()
        theirs = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
        yield _check_clock("PostgreSQL", float(theirs), asked_at)
        if (alterable := await connection.fetchval(_CAN_ALTER_AUDIT)) is not None:
            yield _check_audit(alterable, settings)
    finally:
        await connection.close()


def _check_audit(alterable: bool, settings: Settings) -> Finding:
    if not alterable:
        return Finding("audit", "the application can add to the trail of changes, and not alter it")
    remedy = "set BELLWORK_DATABASE_URL to a role of the application's own, and BELLWORK_DATABASE_OWNER_URL: see docs"
    found = "the application's role can alter the trail of changes"
    return Finding("audit", found, remedy if settings.env == "production" else None)


def _check_migrations(settings: Settings) -> Finding:
    current, head = importlib.import_module("models.migrations.run").current(settings.asyncpg_dsn)
    remedy = None if current == head else "run: make migrate (or: bellwork migrate)"
    found = f"at {current}" if current == head else f"at {current or 'nothing'}, the newest is {head}"
    return Finding("migrations", found, remedy)


async def _check_sealed(settings: Settings) -> list[Finding]:
    """What is encrypted: by a key that is not there, or by one that is not the newest."""
    try:
        names = KeyRing(settings.encryption_keys).names
    except ValueError:
        return []
    importlib.import_module("models.all_contexts")
    database = Database(settings.asyncpg_dsn, pool_size=1, application="bellwork-doctor")
    try:
        counts = await importlib.import_module("models.privacy.sealing").count_sealed(database)
    finally:
        await database.close()
    lost = sum(each.besides(names) for each in counts)
    if lost:
        remedy = "put the missing key back at the end of BELLWORK_ENCRYPTION_KEYS; `bellwork keys status` names it"
        return [Finding("keys", f"{lost} encrypted values are under a key that is not there", remedy)]
    older = {name: count for name in names[1:] if (count := sum(each.under([name]) for each in counts))}
    if older:
        needed = ", ".join(f"{count} by {name}" for name, count in older.items())
        return [Finding("keys", f"older keys are still needed ({needed}): `bellwork keys rotate`, before one goes")]
    return [Finding("keys", "no value needs an older key: they can go")] if names[1:] else []


async def _check_redis(settings: Settings) -> AsyncIterator[Finding]:
    address = _without_password(settings.redis_url)
    try:
        client = Redis.from_url(settings.redis_url, socket_timeout=_ANSWER_SECONDS, decode_responses=True)
        server = await client.info("server")
    except (OSError, RedisError, ValueError) as error:
        yield Finding("redis", _failure(address, error), "start Redis or Valkey, or correct BELLWORK_REDIS_URL")
        return
    try:
        yield _check_redis_version(server, address)
        policy = (await client.info("memory")).get("maxmemory_policy", "unknown")
        remedy = "set `maxmemory-policy noeviction`: any other drops queued messages when memory is short"
        yield Finding("redis", f"eviction policy {policy}", None if policy == "noeviction" else remedy)
        asked_at = time.time()
        seconds, micros = await client.time()
        yield _check_clock("Redis", int(seconds) + int(micros) / 1e6, asked_at)
    finally:
        await client.aclose()


def _check_redis_version(server: dict[str, str], address: str) -> Finding:
    product = "Valkey" if "valkey_version" in server else "Redis"
    version = str(server.get("valkey_version") or server["redis_version"])
    too_old = tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_REDIS
    return Finding(
        "redis", f"{product} {version} at {address}", "use Redis 6.2 or newer, or Valkey" if too_old else None
    )


def _check_clock(server: str, theirs: float, asked_at: float) -> Finding:
    """Compares with the middle of question and answer."""
    skew = theirs - (asked_at + time.time()) / 2
    remedy = "keep the clocks of all machines together (NTP, chrony)" if abs(skew) > _LARGEST_SKEW_SECONDS else None
    return Finding("clock", f"{server}'s clock is {skew:+.3f} s off this machine's", remedy)


def _check_scratch(settings: Settings) -> Finding:
    folder = Path(settings.scratch_dir or tempfile.gettempdir())
    remedy = "make it writable with some space, or set BELLWORK_SCRATCH_DIR to another folder"
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"bellwork")
            file.flush()
        space = os.statvfs(folder)
    except OSError as error:
        return Finding("scratch", _failure(str(folder), error), remedy)
    free = space.f_bavail * space.f_frsize
    return Finding("scratch", f"{folder} has {free // 2**20} MiB free", remedy if free < _SCRATCH_BYTES else None)


async def _check_files(settings: Settings) -> Finding:
    place = _without_password(settings.files_url)
    key = f"doctor-{secrets.token_hex(8)}"
    try:
        store = FileStore(settings.files_url)
        with tempfile.NamedTemporaryFile() as file:
            await asyncio.wait_for(store.put(key, Path(file.name)), _STORE_SECONDS)
        await asyncio.wait_for(store.delete(key), _STORE_SECONDS)
    except Exception as error:  # each store has errors of its own
        return Finding("files", _failure(place, error), "make it writable, or correct BELLWORK_FILES_URL")
    return Finding("files", f"{place} can be written")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _failure(place: str, error: BaseException) -> str:
    return f"{place}: {str(error) or type(error).__name__}"
