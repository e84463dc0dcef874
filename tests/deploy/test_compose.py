"""Procfile, docker-compose.yml, Dockerfile, .env.example and the settings say the same."""

import importlib.metadata
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from models.kernel.settings import Settings
from tests.support.servers import REPOSITORY

PLATFORM = ("web", "scheduler", "worker", "worker-webhooks", "flower")
NAMES = {f"BELLWORK_{name.upper()}" for name in Settings.model_fields}
REQUIRED = {f"BELLWORK_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()}
DOCUMENTED = re.compile(r"^#(?P<name>[A-Z][A-Z0-9_]+)=(?P<value>.*)$", re.M)


def read(name: str) -> str:
    return (REPOSITORY / name).read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))
    return document


@pytest.fixture(scope="module")
def procfile() -> dict[str, str]:
    lines = [line.partition(": ") for line in read("Procfile").splitlines() if line and not line.startswith("#")]
    return {name: command for name, _, command in lines}


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    return {found["name"]: found["value"] for found in DOCUMENTED.finditer(read(".env.example"))}


def test_compose_runs_the_processes_of_the_procfile(compose: dict[str, Any], procfile: dict[str, str]) -> None:
    services = {name: service.get("command") for name, service in compose["services"].items() if name in PLATFORM}
    assert services == procfile


def test_every_lane_of_the_jobs_has_a_worker(procfile: dict[str, str]) -> None:
    from models.jobs.rules import Queue

    served = ",".join(re.findall(r"--queues (\S+)", " ".join(procfile.values()))).split(",")
    assert sorted(served) == sorted(queue.value for queue in Queue)


def test_every_service_has_a_health_check_and_comes_back(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        check = service.get("healthcheck", {})
        if name == "migrate":
            assert (check, service["restart"]) == ({"disable": True}, "no")
        else:
            assert {"test", "interval", "timeout", "retries"} <= check.keys(), name
            assert service["restart"] == "unless-stopped", name


def test_a_worker_is_asked_by_the_name_it_has(compose: dict[str, Any]) -> None:
    for name in ("worker", "worker-webhooks"):
        service = compose["services"][name]
        node = re.search(r"--hostname (\w+)@%h", service["command"])
        assert node is not None
        assert service["healthcheck"]["test"] == ["CMD-SHELL", f"python -m tasks.heartbeat {node[1]}@$$HOSTNAME"]


def test_the_processes_wait_for_the_tables_and_share_their_files(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in PLATFORM:
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully", name
        assert services[name]["volumes"] == ["files:/data"], name
        assert services[name]["environment"]["BELLWORK_FILES_URL"].endswith("file:/data/files}"), name


def test_only_the_migration_knows_the_owner_of_the_tables(compose: dict[str, Any]) -> None:
    services = compose["services"]
    migrate = services["migrate"]["environment"]
    assert migrate["BELLWORK_DATABASE_OWNER_URL"].startswith("postgresql://bellwork:${POSTGRES_PASSWORD")
    for name in PLATFORM:
        environment = services[name]["environment"]
        assert (environment["BELLWORK_DATABASE_OWNER_URL"], environment["POSTGRES_PASSWORD"]) == ("", ""), name
        assert environment["BELLWORK_DATABASE_URL"] == migrate["BELLWORK_DATABASE_URL"]
        assert environment["BELLWORK_DATABASE_URL"].startswith("postgresql://bellwork_app:"), name


def test_nothing_is_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_valkey_forgets_nothing(compose: dict[str, Any]) -> None:
    command = compose["services"]["valkey"]["command"]
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


@pytest.mark.parametrize("name", ["docker-compose.yml", "Dockerfile", "Makefile", "README.md", "docs/deploying.md"])
def test_every_setting_that_is_used_exists(name: str) -> None:
    assert set(re.findall(r"BELLWORK_[A-Z0-9_]*[A-Z0-9]", read(name))) <= NAMES


def test_every_variable_of_compose_is_documented(example: dict[str, str]) -> None:
    assert set(re.findall(r"\$\{([A-Z0-9_]+)", read("docker-compose.yml"))) <= example.keys()


def test_every_setting_is_documented_and_every_documented_one_exists(example: dict[str, str]) -> None:
    assert {name for name in example if name.startswith("BELLWORK_")} == NAMES
    assert len(DOCUMENTED.findall(read(".env.example"))) == len(example), "a setting is documented twice"


def test_every_setting_is_explained() -> None:
    lines = read(".env.example").splitlines()
    for number, line in enumerate(lines):
        if DOCUMENTED.match(line):
            explained = next(above for above in reversed(lines[:number]) if not DOCUMENTED.match(above))
            assert explained.startswith("# "), line


def test_the_example_shows_the_defaults(
    example: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is optional may be taken over as it stands, and changes nothing."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    given = {name: value for name, value in example.items() if name.startswith("BELLWORK_") and name not in REQUIRED}
    required = {
        "BELLWORK_DATABASE_URL": example["BELLWORK_DATABASE_URL"], "BELLWORK_REDIS_URL": example["BELLWORK_REDIS_URL"],
        "BELLWORK_SECRET_KEY": "x" * 32, "BELLWORK_ENCRYPTION_KEYS": "key", "BELLWORK_FLOWER_PASSWORD": "password",
    }  # fmt: skip
    assert required.keys() == REQUIRED
    plain, full = tmp_path / "plain", tmp_path / "full"
    plain.write_text("".join(f"{name}={value}\n" for name, value in required.items()))
    full.write_text("".join(f"{name}={value}\n" for name, value in {**required, **given}.items()))
    assert Settings(_env_file=full) == Settings(_env_file=plain)  # type: ignore[call-arg]


def test_the_image_runs_without_privileges_and_installs_only_what_is_locked() -> None:
    lines = read("Dockerfile").splitlines()
    last = [line for line in lines if line.startswith("FROM")][-1]
    final = lines[lines.index(last) :]
    assert "USER bellwork" in final
    assert any(line.startswith("HEALTHCHECK") for line in final)
    assert len([line for line in lines if line.startswith("FROM")]) == 2
    installs = [line for line in lines if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)


def test_the_image_has_the_versions_that_the_tests_ran_with() -> None:
    pins = [dict(re.findall(r"^(\S+)==(\S+)", read(name), re.M)) for name in _LOCKS]
    assert pins[0].items() <= pins[1].items()
    for name in _LOCKS:
        assert "://" not in read(name)
        assert not re.search(r"^\s*--(index|extra-index|find-links|trusted)", read(name), re.M)


@pytest.mark.parametrize("version", ["3.11.2", "3.11.9", "3.12.1", "3.13.1", "3.14.0"])
@pytest.mark.parametrize(("system", "machine"), [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")])
def test_the_lock_holds_what_every_python_and_machine_needs(version: str, system: str, machine: str) -> None:
    """It is made with one of them; a library may ask for more on another (as redis does on Debian 12's)."""
    pinned = {canonicalize_name(name) for name in re.findall(r"^(\S+)==", read("requirements.lock"), re.M)}
    environment = {
        "python_version": version.rpartition(".")[0], "python_full_version": version, "implementation_version": version,
        "sys_platform": system.lower(), "platform_system": system, "platform_machine": machine, "os_name": "posix",
        "extra": "",
    }  # fmt: skip
    missing = [
        f"{distribution.name} needs {line}"
        for distribution in importlib.metadata.distributions()
        if canonicalize_name(distribution.name) in pinned
        for line in distribution.requires or []
        if (need := Requirement(line)).marker is None or need.marker.evaluate(environment)
        if canonicalize_name(need.name) not in pinned
    ]
    assert missing == []


_LOCKS = ("requirements-runtime.lock", "requirements.lock")
