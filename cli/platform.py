"""The whole platform on one machine: servers, tables, processes."""

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.embedded.ports import choose_port, is_free
from cli.environment import OWNER_URL, PLATFORM_LOCK, STATE_FOLDER, given_settings, local_settings
from cli.locks import FileLock, LockTakenError
from cli.processes import ProcessGroup, ProcessSpec
from cli.procfile import read_procfile

_READY_SECONDS = 90.0
_CHECK_SETTINGS = """
from models.kernel.settings import SettingsError, load_settings
try:
    load_settings(None)
except SettingsError as error:
    raise SystemExit(str(error))
"""
_REACHABLE_AS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class PlatformError(Exception):
    """The platform cannot start; the message says what to do."""


class AlreadyRunningError(PlatformError):
    """The platform runs in this checkout already; `note` holds its pid and urls."""

    def __init__(self, note: dict[str, Any]) -> None:
        super().__init__(f"the platform runs in this checkout already, as process {note.get('pid')}")
        self.note = note


class LocalPlatform:
    """Starts what is asked for and ends it in reverse order.

    Settings come from the environment and `.env` of `root` over a development machine's defaults; `settings`
    go over all. Call `start()` from a thread that lives as long as the platform should: on Linux the servers
    end with it.
    """

    def __init__(
        self,
        root: Path,
        *,
        state_dir: Path | None = None,
        procfile: Path | None = None,
        settings: dict[str, str] | None = None,
        fsync: bool = True,
        on_progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.root = root.absolute()
        self.state_dir = (state_dir or self.root / STATE_FOLDER).absolute()
        self.procfile = procfile or self.root / "Procfile"
        self.urls: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self._given = {**given_settings(self.root), **(settings or {})}
        self._fsync = fsync
        self._on_progress = on_progress
        self._lock = FileLock(self.state_dir / PLATFORM_LOCK)
        self.processes = ProcessGroup(self.state_dir / "log", self.root, on_event=on_progress)

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of the platform's processes."""
        return {name: value for name, value in {**os.environ, **self.settings}.items() if name != OWNER_URL}

    @property
    def database_url(self) -> str:
        return self.settings["BELLWORK_DATABASE_URL"]

    @property
    def owner_url(self) -> str:
        """Of the role whose tables they are; the processes are not told."""
        return self.settings.get(OWNER_URL) or self.database_url

    def start(self, *, migrate: bool = True, processes: Collection[str] | None = None) -> None:
        """Start the servers that no setting names, then the named processes of the Procfile (None: all).

        Raises AlreadyRunningError, PlatformError, ServerError or ProcessError; nothing is left running then.
        """
        try:
            self._start(migrate, processes)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.processes.stop()
        for server in (self.valkey, self.postgres):
            if server is not None:
                server.stop()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, migrate: bool, processes: Collection[str] | None) -> None:
        self.state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._take_lock()
        self.settings = local_settings(self._given, self.state_dir)
        self._start_servers()
        self._choose_addresses()
        self._check_settings()
        self._lock.write_note({"urls": self.urls, "settings": self.settings})
        if migrate:
            self._on_progress("bringing the tables to their newest version")
            self._migrate()
        self.start_processes(processes)

    def _migrate(self) -> None:
        try:
            importlib.import_module("models.migrations.run").upgrade(self.owner_url, self.database_url)
        except importlib.import_module("models.migrations.roles").RoleError as error:
            raise PlatformError(str(error)) from None

    def start_processes(self, names: Collection[str] | None = None) -> None:
        """Start the named processes of the Procfile (None: all) and wait until they are ready."""
        specs = self._specs(names)
        if specs:
            self._on_progress("starting " + ", ".join(spec.name for spec in specs))
            self.processes.start(specs, _READY_SECONDS, lambda name: self._on_progress(f"{name} is ready"))

    def _take_lock(self) -> None:
        try:
            self._lock.acquire()
        except LockTakenError as error:
            raise AlreadyRunningError(error.note) from None

    def _start_servers(self) -> None:
        if "BELLWORK_DATABASE_URL" not in self.settings:
            self._on_progress("starting PostgreSQL")
            self.postgres = EmbeddedPostgres(self.state_dir, fsync=self._fsync)
            self.postgres.start()
            self.settings["BELLWORK_DATABASE_URL"] = self.postgres.application_url
            self.settings[OWNER_URL] = self.postgres.url
        if "BELLWORK_REDIS_URL" not in self.settings:
            self._on_progress("starting Valkey")
            self.valkey = EmbeddedValkey(self.state_dir, fsync=self._fsync)
            self.valkey.start()
            self.settings["BELLWORK_REDIS_URL"] = self.valkey.url

    def _choose_addresses(self) -> None:
        api = self._choose_address("BELLWORK_API", 8000)
        flower = self._choose_address("BELLWORK_FLOWER", 5555)
        self.settings.setdefault("BELLWORK_PUBLIC_URL", api)
        self.urls = {
            "api": api,
            "swagger": f"{api}/schema/swagger",
            "metrics": f"{api}/metrics",
            "flower": flower,
        }

    def _choose_address(self, name: str, preferred: int) -> str:
        host = self.settings.setdefault(f"{name}_HOST", "127.0.0.1")
        given = self.settings.get(f"{name}_PORT", "")
        if given.isdigit() and given != "0":
            port = self._given_port(name, int(given), host)
        else:
            port = choose_port(preferred if given == "" else None, host)
        if given == "" and port != preferred:
            self._on_progress(f"port {preferred} is taken by another program: using {port} ({name}_PORT)")
        if given in ("", "0"):  # anything else stays as it is, for the check of all settings
            self.settings[f"{name}_PORT"] = str(port)
        reachable = _REACHABLE_AS.get(host, host)
        return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"

    def _given_port(self, name: str, port: int, host: str) -> int:
        if is_free(port, host):
            return port
        raise PlatformError(f"port {port} on {host} is taken by another program: set {name}_PORT to a free one")

    def _check_settings(self) -> None:
        """In a process of its own, since settings are read from a process's environment."""
        command = [sys.executable, "-c", _CHECK_SETTINGS]
        answer = subprocess.run(command, env=self.env, cwd=self.root, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise PlatformError(f"these settings are at fault:\n{answer.stderr.strip()}")

    def _specs(self, wanted: Collection[str] | None) -> list[ProcessSpec]:
        commands = read_procfile(self.procfile, self.env)
        names = [name for name in commands if wanted is None or name in wanted]
        return [ProcessSpec(name, commands[name], self.env, self._readiness(commands[name])) for name in names]

    def _readiness(self, command: tuple[str, ...]) -> Callable[[], bool] | None:
        if "api" in command:
            return partial(answers, self.urls["api"] + "/health/ready")
        if "flower" in command:
            return partial(answers, self.urls["flower"] + "/healthcheck")
        if "worker" in command:
            node = command[command.index("--hostname") + 1].replace("%h", socket.gethostname())
            return partial(self._worker_answers, node)
        return None

    def _worker_answers(self, node: str) -> bool:
        ping = [sys.executable, "-m", "celery", "-A", "tasks.app:celery", "inspect", "ping"]
        target = ["--timeout", "3", "--destination", node]
        return subprocess.run([*ping, *target], env=self.env, cwd=self.root, capture_output=True).returncode == 0


def answers(url: str) -> bool:
    """Whether a server there says that it is well."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
