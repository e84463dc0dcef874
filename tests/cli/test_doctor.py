"""The doctor: sound servers pass, each fault is named with what to do about it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from cli.doctor import Finding, examine
from cli.environment import local_settings
from models.migrations.run import upgrade
from tests.support.servers import Servers, running_servers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running_servers() as servers:
        yield servers


@pytest.fixture
def sound(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings without a fault in the environment; returns the state folder."""
    for name in [name for name in os.environ if name.startswith("BELLWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    given = {"BELLWORK_DATABASE_URL": servers.postgres.url, "BELLWORK_REDIS_URL": servers.valkey.url}
    for name, value in local_settings(given, tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def faults(state_dir: Path) -> list[str]:
    return [f"{finding.subject}: {finding.found}" for finding in examine(state_dir) if finding.is_fault]


def test_tables_that_are_behind_are_named_until_they_are_migrated(sound: Path, servers: Servers) -> None:
    assert [fault.split(",")[0] for fault in faults(sound)] == ["migrations: at nothing"]
    upgrade(servers.postgres.url)
    assert faults(sound) == []


def test_every_missing_setting_is_named(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BELLWORK_SECRET_KEY")
    monkeypatch.delenv("BELLWORK_REDIS_URL")
    assert sorted(faults(sound)) == [
        "settings: BELLWORK_REDIS_URL: is missing",
        "settings: BELLWORK_SECRET_KEY: is missing",
    ]


def test_servers_that_do_not_answer_are_named_without_passwords(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWORK_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/none")
    monkeypatch.setenv("BELLWORK_REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    found = faults(sound)
    assert [fault.split(":")[0] for fault in found] == ["database", "redis"]
    assert "secret" not in "".join(found)


def test_an_eviction_policy_that_drops_messages_is_a_fault(sound: Path, servers: Servers) -> None:
    client = Redis.from_url(servers.valkey.url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "redis: eviction policy allkeys-lru" in faults(sound)
    finally:
        client.config_set("maxmemory-policy", "noeviction")


def test_a_malformed_encryption_key_is_a_fault(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWORK_ENCRYPTION_KEYS", "not-a-key")
    assert any(fault.startswith("keys: BELLWORK_ENCRYPTION_KEYS") for fault in faults(sound))


def test_a_development_key_in_production_is_a_fault(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWORK_ENV", "production")
    assert "keys: a development key of this checkout is used in production" in faults(sound)


def test_folders_that_cannot_be_written_are_faults(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWORK_SCRATCH_DIR", "/proc/none")
    monkeypatch.setenv("BELLWORK_FILES_URL", "file:/proc/none")
    subjects = [fault.split(":")[0] for fault in faults(sound)]
    assert subjects[-2:] == ["scratch", "files"]


def test_each_fault_says_what_to_do(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLWORK_REDIS_URL", "redis://127.0.0.1:1/0")
    redis: Finding = next(finding for finding in examine(sound) if finding.subject == "redis")
    assert redis.remedy == "start Redis or Valkey, or correct BELLWORK_REDIS_URL"


def test_an_application_that_can_alter_its_audit_is_a_fault_in_production(
    sound: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(servers.postgres.url, servers.postgres.application_url)
    monkeypatch.setenv("BELLWORK_ENV", "production")
    assert "audit: the application's role can alter the trail of changes" in faults(sound)
    monkeypatch.setenv("BELLWORK_DATABASE_URL", servers.postgres.application_url)
    assert not any(fault.startswith(("audit", "database", "migrations")) for fault in faults(sound))
