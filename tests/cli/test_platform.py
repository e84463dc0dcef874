"""The local platform: where its settings come from, and what it says when it cannot start."""

import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.embedded.ports import choose_port
from cli.environment import adopt_settings, given_settings, local_settings, own_secrets, running_platform
from cli.locks import FileLock, LockTakenError, is_locked
from cli.platform import AlreadyRunningError, LocalPlatform, PlatformError
from cli.procfile import read_procfile
from models.kernel.settings import load_settings
from tests.support.servers import REPOSITORY, server_folder


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("BELLWORK_"):
            monkeypatch.delenv(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    with server_folder() as folder:
        yield folder


def platform(folder: Path, **settings: str) -> LocalPlatform:
    return LocalPlatform(REPOSITORY, state_dir=folder, settings=settings, fsync=False)


def test_the_environment_goes_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("BELLWORK_LOG_LEVEL=DEBUG\nBELLWORK_MAIL_FROM=a@b.example\nOTHER=1\n")
    monkeypatch.setenv("BELLWORK_LOG_LEVEL", "ERROR")
    assert given_settings(tmp_path) == {
        "BELLWORK_LOG_LEVEL": "ERROR",
        "BELLWORK_MAIL_FROM": "a@b.example",
    }


def test_secrets_are_generated_once_and_closed_to_others(tmp_path: Path) -> None:
    first = own_secrets(tmp_path)
    assert own_secrets(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_production_gets_no_defaults_of_a_development_machine(tmp_path: Path) -> None:
    assert local_settings({"BELLWORK_ENV": "production"}, tmp_path) == {"BELLWORK_ENV": "production"}
    assert not (tmp_path / "secrets.env").exists()


def test_a_lock_is_held_by_one_and_names_its_holder(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.acquire({"urls": {}})
    with pytest.raises(LockTakenError) as taken:
        FileLock(tmp_path / "lock").acquire()
    assert taken.value.note == {"pid": os.getpid(), "urls": {}}
    assert is_locked(tmp_path / "lock")
    lock.release()
    assert not is_locked(tmp_path / "lock")


def test_the_procfile_names_the_processes() -> None:
    commands = read_procfile(REPOSITORY / "Procfile", {})
    assert list(commands) == ["web", "scheduler", "worker", "worker-webhooks", "flower"]
    assert commands["web"] == (sys.executable, "-m", "api")


def test_a_procfile_line_takes_values_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# comment: none\n\nweb: serve --port $PORT 'a b'\n")
    assert read_procfile(tmp_path / "Procfile", {"PORT": "80"}) == {"web": ("serve", "--port", "80", "a b")}


def test_servers_alone_make_complete_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with platform(folder) as local:
        local.start(migrate=False, processes=())
        for name, value in local.settings.items():
            monkeypatch.setenv(name, value)
        assert load_settings(None).env == "development"
        assert local.urls["swagger"] == f"{local.urls['api']}/schema/swagger"


def test_a_second_start_says_where_the_first_one_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with platform(folder) as local:
        local.start(migrate=False, processes=())
        with pytest.raises(AlreadyRunningError) as refused:
            platform(folder).start(migrate=False, processes=())
        assert refused.value.note["pid"] == os.getpid()
        assert refused.value.note["urls"] == local.urls
        assert running_platform(folder)["settings"] == local.settings
    assert running_platform(folder) == {}


def test_commands_use_the_settings_of_the_platform_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"BELLWORK_LOG_LEVEL": "ERROR"})
    (tmp_path / ".bellwork").mkdir()
    lock = FileLock(tmp_path / ".bellwork" / "up.lock")
    lock.acquire({"settings": {"BELLWORK_REDIS_URL": "redis://here", "BELLWORK_LOG_LEVEL": "INFO"}})
    adopt_settings(tmp_path)
    lock.release()
    assert os.environ == {"BELLWORK_LOG_LEVEL": "ERROR", "BELLWORK_REDIS_URL": "redis://here"}


def test_a_taken_port_is_moved_unless_it_was_asked_for(folder: Path) -> None:
    port = choose_port()
    servers = {"BELLWORK_DATABASE_URL": "postgresql://none/none", "BELLWORK_REDIS_URL": "redis://none"}
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(PlatformError, match=f"port {port} .* set BELLWORK_API_PORT"):
            platform(folder, **servers, BELLWORK_API_PORT=str(port)).start(migrate=False, processes=())
        with platform(folder, **servers) as local:
            local.settings = {}
            assert local._choose_address("BELLWORK_API", port) != f"http://127.0.0.1:{port}"


def test_all_settings_at_fault_are_named(folder: Path) -> None:
    servers = {"BELLWORK_DATABASE_URL": "postgresql://none/none", "BELLWORK_REDIS_URL": "redis://none"}
    faulty = {"BELLWORK_LOG_LEVEL": "LOUD", "BELLWORK_API_PORT": "none"}
    with pytest.raises(PlatformError, match=r"(?s)BELLWORK_API_PORT.*BELLWORK_LOG_LEVEL"):
        platform(folder, **servers, **faulty).start(migrate=False, processes=())
